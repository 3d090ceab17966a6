/** The handlers of Microsoft.Storage/storageAccounts. */
import {
  ArmError,
  type OperationContext,
  type OperationResult,
  type Resource,
  type ResourceStore,
} from '@keystead/resource-manager'
import type { Account } from '../accounts/account.ts'
import { type AccountRegistry, accountPolicy, accountType } from '../accounts/account-registry.ts'
import {
  type AccountBody,
  type AccountPatchBody,
  type AccountSasBody,
  type CheckNameBody,
  createdProperties,
  invalidNameMessage,
  isValidAccountName,
  type RegenerateKeyBody,
  type ServiceSasBody,
  updatedProperties,
} from './account-properties.ts'
import { accountSasToken, serviceSasToken } from './sas-tokens.ts'

function alreadyTaken(name: string): ArmError {
  return new ArmError(409, 'StorageAccountAlreadyTaken', `The storage account named ${name} is already taken.`)
}

export function accountNotFound(path: string): ArmError {
  const segments = path.split('/')
  return new ArmError(
    404,
    'ResourceNotFound',
    `The Resource 'Microsoft.Storage/storageAccounts/${segments[8] ?? ''}' under resource group '${segments[4] ?? ''}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  )
}

/** The account of a request on it (or below it). Throws 404 when there is none of that id. */
export function accountAt(registry: AccountRegistry, context: OperationContext<unknown>): Account {
  const account = registry.find((context.id.names[0] ?? '').toLowerCase())
  const root = context.path.split('/').slice(0, 9).join('/')
  if (account === undefined || account.resourceId.toLowerCase() !== root.toLowerCase()) throw accountNotFound(root)
  return account
}

function shown(resource: Resource) {
  return {
    id: resource.id,
    name: resource.name,
    type: accountType,
    location: resource.location,
    tags: resource.tags ?? {},
    kind: resource.kind,
    sku: resource.sku,
    // `services` is absent: whether what Azurite keeps is encrypted is the disk's matter.
    properties: { encryption: { keySource: 'Microsoft.Storage' }, ...resource.properties },
  }
}

function tierOf(name: string): string {
  return name.startsWith('Premium') ? 'Premium' : 'Standard'
}

export class StorageAccountHandlers {
  readonly #registry: AccountRegistry
  /** Called after an account is gone, to remove its data. */
  readonly #removed: (account: Account) => void

  constructor(registry: AccountRegistry, removed: (account: Account) => void) {
    this.#registry = registry
    this.#removed = removed
  }

  async put(context: OperationContext<AccountBody>): Promise<OperationResult> {
    const { body, path, resources, clock } = context
    const name = context.id.names[0] ?? ''
    if (!isValidAccountName(name)) throw new ArmError(400, 'AccountNameInvalid', invalidNameMessage(name))
    const existing = this.#registry.find(name)
    if (existing !== undefined) {
      if (existing.resourceId.toLowerCase() !== path.toLowerCase()) throw alreadyTaken(name)
      return this.#update(resources, path, body, body.properties)
    }
    const properties = createdProperties(name, body, clock())
    const account = await this.#registry.create(name, path, accountPolicy(properties))
    if (account === undefined) throw alreadyTaken(name)
    try {
      const resource = await resources.put({
        id: path,
        name,
        type: accountType,
        location: body.location,
        ...(body.tags && { tags: body.tags }),
        kind: body.kind ?? 'StorageV2',
        sku: { name: body.sku.name, tier: tierOf(body.sku.name) },
        properties,
      })
      return { status: 200, body: shown(resource) }
    } catch (error) {
      await this.#registry.remove(name)
      this.#removed(account)
      throw error
    }
  }

  async patch(context: OperationContext<AccountPatchBody>): Promise<OperationResult> {
    accountAt(this.#registry, context)
    return this.#update(context.resources, context.path, context.body, context.body.properties)
  }

  async get(context: OperationContext): Promise<OperationResult> {
    accountAt(this.#registry, context)
    return { status: 200, body: shown(await this.#resource(context.resources, context.path)) }
  }

  async delete(context: OperationContext): Promise<OperationResult> {
    const name = (context.id.names[0] ?? '').toLowerCase()
    if ((await context.resources.delete(context.path)) === undefined) return { status: 204 }
    await this.forget(name, context.path)
    return { status: 200 }
  }

  /** The resource is gone (or is about to be, with its group): so are keys and data. */
  async forget(name: string, id: string): Promise<void> {
    if (this.#registry.find(name)?.resourceId.toLowerCase() !== id.toLowerCase()) return
    const account = await this.#registry.remove(name)
    if (account) this.#removed(account)
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const { subscriptionId, resourceGroup } = context.id
    const below = `/subscriptions/${subscriptionId}${resourceGroup === undefined ? '' : `/resourceGroups/${resourceGroup}`}`
    const value: unknown[] = []
    for (let after: string | undefined; ; ) {
      const page = await context.resources.list({
        below,
        type: accountType,
        limit: 500,
        ...(after === undefined ? {} : { after }),
      })
      value.push(...page.map(shown))
      after = page.at(-1)?.id
      if (page.length < 500) return { status: 200, body: { value } }
    }
  }

  async listKeys(context: OperationContext): Promise<OperationResult> {
    return { status: 200, body: keysOf(accountAt(this.#registry, context)) }
  }

  async regenerateKey(context: OperationContext<RegenerateKeyBody>): Promise<OperationResult> {
    const { name, resourceId } = accountAt(this.#registry, context)
    const account = await this.#registry.regenerateKey(name, context.body.keyName)
    if (account === undefined) throw accountNotFound(resourceId)
    const resource = await this.#resource(context.resources, resourceId)
    await context.resources.put({
      ...resource,
      properties: {
        ...resource.properties,
        keyCreationTime: Object.fromEntries(account.keys.map((key) => [key.keyName, key.creationTime])),
      },
    })
    return { status: 200, body: keysOf(account) }
  }

  async revokeUserDelegationKeys(context: OperationContext): Promise<OperationResult> {
    await this.#registry.revokeDelegationKeys(accountAt(this.#registry, context).name)
    return { status: 200 }
  }

  async listAccountSas(context: OperationContext<AccountSasBody>): Promise<OperationResult> {
    const account = accountAt(this.#registry, context)
    return { status: 200, body: { accountSasToken: accountSasToken(account, context.body) } }
  }

  async listServiceSas(context: OperationContext<ServiceSasBody>): Promise<OperationResult> {
    const account = accountAt(this.#registry, context)
    return { status: 200, body: { serviceSasToken: serviceSasToken(account, context.body) } }
  }

  async checkName({ body }: OperationContext<CheckNameBody>): Promise<OperationResult> {
    if (body.type.toLowerCase() !== accountType.toLowerCase()) {
      throw new ArmError(400, 'InvalidResourceType', `The type must be '${accountType}'.`)
    }
    if (!isValidAccountName(body.name)) {
      return {
        status: 200,
        body: { nameAvailable: false, reason: 'AccountNameInvalid', message: invalidNameMessage(body.name) },
      }
    }
    if (this.#registry.find(body.name) === undefined) return { status: 200, body: { nameAvailable: true } }
    return {
      status: 200,
      body: { nameAvailable: false, reason: 'AlreadyExists', message: alreadyTaken(body.name).message },
    }
  }

  async #resource(resources: ResourceStore, path: string): Promise<Resource> {
    const resource = await resources.get(path)
    if (resource === undefined) throw accountNotFound(path)
    return resource
  }

  async #update(
    resources: ResourceStore,
    path: string,
    body: Pick<AccountPatchBody, 'sku' | 'kind' | 'tags'>,
    settings: AccountPatchBody['properties'],
  ): Promise<OperationResult> {
    const before = await this.#resource(resources, path)
    if (body.kind !== undefined && body.kind !== before.kind && body.kind !== 'StorageV2') {
      throw new ArmError(
        409,
        'StorageAccountKindChangeNotSupported',
        'The kind of the account can not be changed to that.',
      )
    }
    const tags = body.tags ?? before.tags
    const after = await resources.put(
      {
        id: before.id,
        name: before.name,
        type: accountType,
        ...(before.location === undefined ? {} : { location: before.location }),
        ...(tags && { tags }),
        kind: body.kind ?? before.kind ?? 'StorageV2',
        ...(body.sku
          ? { sku: { name: body.sku.name, tier: tierOf(body.sku.name) } }
          : before.sku && { sku: before.sku }),
        properties: updatedProperties(before.properties, settings),
      },
      { ifMatch: before.etag },
    )
    this.#registry.setPolicy(before.name, accountPolicy(after.properties))
    return { status: 200, body: shown(after) }
  }
}

function keysOf(account: Account) {
  return {
    keys: account.keys.map(({ keyName, value, creationTime }) => ({
      creationTime,
      keyName,
      value: Buffer.from(value).toString('base64'),
      permissions: 'FULL',
    })),
  }
}
