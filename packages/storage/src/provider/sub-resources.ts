/** The handlers of containers and queues below a storage account. */
import { ArmError, type OperationContext, type OperationResult } from '@keystead/resource-manager'
import { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import type { AccountRegistry } from '../accounts/account-registry.ts'
import { AzuriteError, type AzuriteResources } from '../azurite/azurite-resources.ts'
import { isValidName } from '../data-plane/operation.ts'
import { StorageError } from '../data-plane/storage-error.ts'
import type { Service } from '../data-plane/wire-request.ts'
import type { ListedResource } from '../data-plane/xml.ts'
import { accountAt } from './storage-accounts.ts'

export const subResourceBody = z
  .looseObject({
    properties: z
      .looseObject({
        metadata: z
          .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(8192))
          .nullish()
          .transform((value) => value ?? undefined),
        publicAccess: z
          .enum(['None', 'Blob', 'Container'])
          .nullish()
          .transform((value) => value ?? undefined),
      })
      .nullish()
      .transform((value) => value ?? undefined),
  })
  .optional()
export type SubResourceBody = z.infer<typeof subResourceBody>

const kinds = {
  blob: { noun: 'container', services: 'blobServices', collection: 'containers', code: 'Container' },
  queue: { noun: 'queue', services: 'queueServices', collection: 'queues', code: 'Queue' },
} as const

/** Azurite's refusals and its absence, as Resource Manager words them. */
async function asArm<T>(code: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StorageError && error.status === 503) {
      throw new ArmError(503, 'ServiceUnavailable', 'The storage service is not available. Please retry the request.', {
        'Retry-After': '1',
      })
    }
    if (error instanceof AzuriteError && error.status < 500) {
      throw new ArmError(
        error.status,
        error.code || `${code}OperationFailed`,
        'The storage service refused the operation.',
      )
    }
    throw error
  }
}

export class SubResourceHandlers {
  readonly #registry: AccountRegistry
  readonly #azurite: AzuriteResources
  readonly #service: Service

  constructor(registry: AccountRegistry, azurite: AzuriteResources, service: Service) {
    this.#registry = registry
    this.#azurite = azurite
    this.#service = service
  }

  async put(context: OperationContext<SubResourceBody>): Promise<OperationResult> {
    const { account, name } = this.#target(context)
    const { metadata, publicAccess = 'None' } = context.body?.properties ?? {}
    if (publicAccess !== 'None' && !account.policy.allowBlobPublicAccess) {
      throw new ArmError(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.')
    }
    return asArm(kinds[this.#service].code, async () => {
      const created = await this.#azurite.create(
        account.internalName,
        name,
        metadata ?? {},
        this.#service === 'blob' && publicAccess !== 'None' ? publicAccess.toLowerCase() : undefined,
      )
      if (!created && metadata !== undefined) await this.#azurite.setMetadata(account.internalName, name, metadata)
      // A queue answers 200 either way.
      return { status: created && this.#service === 'blob' ? 201 : 200, body: await this.#read(account, name, context) }
    })
  }

  async patch(context: OperationContext<SubResourceBody>): Promise<OperationResult> {
    const { account, name } = this.#target(context)
    const { metadata, publicAccess } = context.body?.properties ?? {}
    if (publicAccess !== undefined && publicAccess !== 'None') {
      throw new ArmError(501, 'NotImplemented', 'Changing the public access of a container here is not implemented.')
    }
    return asArm(kinds[this.#service].code, async () => {
      await this.#read(account, name, context)
      if (metadata !== undefined) await this.#azurite.setMetadata(account.internalName, name, metadata)
      return { status: 200, body: await this.#read(account, name, context) }
    })
  }

  async get(context: OperationContext): Promise<OperationResult> {
    const { account, name } = this.#target(context)
    return asArm(kinds[this.#service].code, async () => ({
      status: 200,
      body: await this.#read(account, name, context),
    }))
  }

  async delete(context: OperationContext): Promise<OperationResult> {
    const { account, name } = this.#target(context)
    return asArm(kinds[this.#service].code, async () => ({
      // A queue answers 204 either way.
      status: (await this.#azurite.delete(account.internalName, name)) && this.#service === 'blob' ? 200 : 204,
    }))
  }

  async list(context: OperationContext): Promise<OperationResult> {
    this.#checkService(context)
    const account = accountAt(this.#registry, context)
    const { query, apiVersion, baseUrl } = context
    const limit = /^[1-9]\d{0,4}$/.test(query.$maxpagesize ?? '') ? Number(query.$maxpagesize) : 1000
    return asArm(kinds[this.#service].code, async () => {
      const page = await this.#azurite.list(account.internalName, {
        limit: Math.min(limit, 5000),
        ...(query.$skipToken ? { marker: query.$skipToken } : {}),
        ...(query.$filter ? { prefix: query.$filter } : {}),
      })
      const { services, collection } = kinds[this.#service]
      const path = `${account.resourceId}/${services}/default/${collection}`
      const link = new URLSearchParams({
        'api-version': apiVersion,
        $maxpagesize: String(limit),
        $skipToken: page.marker,
      })
      return {
        status: 200,
        body: {
          value: page.resources.map((resource) => this.#shown(account, resource)),
          ...(page.marker === '' ? {} : { nextLink: `${baseUrl}${path}?${link}` }),
        },
      }
    })
  }

  #checkService(context: OperationContext<unknown>): void {
    if (context.id.names[1]?.toLowerCase() !== 'default') {
      throw new ArmError(400, 'InvalidResourceName', "The name of the service must be 'default'.")
    }
  }

  #target(context: OperationContext<unknown>): { account: Account; name: string } {
    this.#checkService(context)
    const account = accountAt(this.#registry, context)
    const name = context.id.names[2] ?? ''
    if (!isValidName(this.#service, name)) {
      throw new ArmError(400, 'InvalidResourceName', `The ${kinds[this.#service].noun} name is not valid.`)
    }
    return { account, name }
  }

  async #read(account: Account, name: string, context: OperationContext<unknown>) {
    const resource = await this.#azurite.get(account.internalName, name)
    if (resource === undefined) {
      const { code, noun } = kinds[this.#service]
      throw new ArmError(404, `${code}NotFound`, `The specified ${noun} does not exist: ${context.id.names[2] ?? ''}`)
    }
    return this.#shown(account, resource)
  }

  #shown(account: Account, resource: ListedResource) {
    const { services, collection } = kinds[this.#service]
    const { metadata, lastModified, etag } = resource
    const common = {
      id: `${account.resourceId}/${services}/default/${collection}/${resource.name}`,
      name: resource.name,
      type: `Microsoft.Storage/storageAccounts/${services}/${collection}`,
    }
    if (this.#service === 'queue') return { ...common, properties: { metadata } }
    const access = resource.publicAccess
    const modified = Date.parse(lastModified)
    return {
      ...common,
      etag,
      properties: {
        metadata,
        publicAccess: access === '' ? 'None' : `${access.charAt(0).toUpperCase()}${access.slice(1)}`,
        leaseStatus: resource.leaseStatus === 'locked' ? 'Locked' : 'Unlocked',
        leaseState: `${resource.leaseState.charAt(0).toUpperCase()}${resource.leaseState.slice(1)}`,
        ...(Number.isNaN(modified) ? {} : { lastModifiedTime: new Date(modified).toISOString() }),
        hasImmutabilityPolicy: false,
        hasLegalHold: false,
      },
    }
  }
}
