/** How many messages a queue has, by the official client, which finds the cloud by its process' proxy variables. */
import type { TokenCredential } from '@azure/core-auth'
import { QueueClient } from '@azure/storage-queue'
import type { AzureQueueRule } from './rules.ts'

export interface QueueAccess {
  /** The value of a secret of the app. */
  readonly secret: (name: string) => Promise<string>
  /** Resource id of a user-assigned identity, or `system`. */
  readonly credential: (identity: string) => TokenCredential
}

/** Rejects with the client's error: a queue that is missing, or an identity without the right to read it. */
export async function queueLength({ queueName, access }: AzureQueueRule, queues: QueueAccess): Promise<number> {
  const client =
    'connectionSecret' in access
      ? new QueueClient(await queues.secret(access.connectionSecret), queueName)
      : new QueueClient(
          `https://${access.accountName}.${access.endpointSuffix}/${queueName}`,
          queues.credential(access.identity),
        )
  const { approximateMessagesCount = 0 } = await client.getProperties()
  return approximateMessagesCount
}
