/** How many messages a queue has, by the official client, which finds the cloud by its process' proxy variables. */
import type { TokenCredential } from '@azure/core-auth'
import { QueueClient, RestError } from '@azure/storage-queue'
import { type AzureQueueRule, ScaleRuleError } from './rules.ts'

export interface QueueAccess {
  /** The value of a secret of the app. */
  readonly secret: (name: string) => Promise<string>
  /** Resource id of a user-assigned identity, or `system`. */
  readonly credential: (identity: string) => TokenCredential
}

/** Rejects with {@link ScaleRuleError} where the queue is missing or may not be read, else with the client's own error. */
export async function queueLength({ queueName, access }: AzureQueueRule, queues: QueueAccess): Promise<number> {
  // The next look is the retry.
  const options = { retryOptions: { maxTries: 1 } }
  const client =
    'connectionSecret' in access
      ? new QueueClient(await queues.secret(access.connectionSecret), queueName, options)
      : new QueueClient(
          `https://${access.accountName}.${access.endpointSuffix}/${queueName}`,
          queues.credential(access.identity),
          options,
        )
  try {
    const { approximateMessagesCount = 0 } = await client.getProperties()
    return approximateMessagesCount
  } catch (cause) {
    const status = cause instanceof RestError ? cause.statusCode : undefined
    if (status === 404) throw new ScaleRuleError(`there is no queue "${queueName}"`, { cause })
    if (status === 401 || status === 403) {
      const missing = 'identity' in access ? 'its identity has no role for it' : 'the connection string is not valid'
      throw new ScaleRuleError(`the queue "${queueName}" may not be read: ${missing}`, { cause })
    }
    throw cause
  }
}
