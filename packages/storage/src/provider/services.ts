/** The blob and queue service of an account as resources: what their settings are, and the refusal of others. */
import { ArmError, type OperationContext, type OperationResult } from '@keystead/resource-manager'
import { z } from 'zod'
import type { AccountRegistry } from '../accounts/account-registry.ts'
import { accountAt } from './storage-accounts.ts'

const setting = z.looseObject({ enabled: z.boolean().nullish() }).nullish()

export const serviceBody = z
  .looseObject({
    properties: z
      .looseObject({
        cors: z.looseObject({ corsRules: z.array(z.unknown()).nullish() }).nullish(),
        deleteRetentionPolicy: setting,
        containerDeleteRetentionPolicy: setting,
        restorePolicy: setting,
        changeFeed: setting,
        lastAccessTimeTrackingPolicy: z.looseObject({ enable: z.boolean().nullish() }).nullish(),
        isVersioningEnabled: z.boolean().nullish(),
        automaticSnapshotPolicyEnabled: z.boolean().nullish(),
        defaultServiceVersion: z.string().nullish(),
      })
      .nullish(),
  })
  .optional()
export type ServiceBody = z.infer<typeof serviceBody>

export class ServiceHandlers {
  readonly #registry: AccountRegistry
  readonly #services: 'blobServices' | 'queueServices'

  constructor(registry: AccountRegistry, services: 'blobServices' | 'queueServices') {
    this.#registry = registry
    this.#services = services
  }

  async get(context: OperationContext): Promise<OperationResult> {
    this.#checkName(context)
    return { status: 200, body: await this.#shown(context) }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    return { status: 200, body: { value: [await this.#shown(context)] } }
  }

  /** Settings as they are here are taken; one that would promise a protection that is not there is refused. */
  async put(context: OperationContext<ServiceBody>): Promise<OperationResult> {
    this.#checkName(context)
    const body = await this.#shown(context)
    const properties = context.body?.properties ?? {}
    const asked = [
      ['A CORS rule set through Resource Manager', (properties.cors?.corsRules?.length ?? 0) > 0],
      ['Soft delete for blobs', properties.deleteRetentionPolicy?.enabled],
      ['Soft delete for containers', properties.containerDeleteRetentionPolicy?.enabled],
      ['Point-in-time restore', properties.restorePolicy?.enabled],
      ['The change feed', properties.changeFeed?.enabled],
      ['Last access time tracking', properties.lastAccessTimeTrackingPolicy?.enable],
      ['Blob versioning', properties.isVersioningEnabled],
      ['The automatic snapshot policy', properties.automaticSnapshotPolicyEnabled],
      ['A default service version', typeof properties.defaultServiceVersion === 'string'],
    ] as const
    const refused = asked.find(([, wanted]) => wanted === true)
    if (refused !== undefined) {
      throw new ArmError(400, 'FeatureNotSupportedForAccount', `${refused[0]} is not supported for the account.`)
    }
    return { status: 200, body }
  }

  #checkName({ id }: OperationContext<unknown>): void {
    if (id.names[1]?.toLowerCase() !== 'default') {
      throw new ArmError(400, 'InvalidResourceName', "The name of the service must be 'default'.")
    }
  }

  async #shown(context: OperationContext<unknown>) {
    const { resourceId } = accountAt(this.#registry, context)
    const account = await context.resources.get(resourceId)
    const off = { enabled: false, allowPermanentDelete: false }
    return {
      id: `${resourceId}/${this.#services}/default`,
      name: 'default',
      type: `Microsoft.Storage/storageAccounts/${this.#services}`,
      ...(this.#services === 'blobServices' && account?.sku !== undefined && { sku: account.sku }),
      properties: {
        cors: { corsRules: [] },
        ...(this.#services === 'blobServices' && { deleteRetentionPolicy: off }),
      },
    }
  }
}
