/** Every storage account with its keys: sealed in the database, opened in memory for the data plane. */
import { randomBytes } from 'node:crypto'
import type { Resource, ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import type { StorageTables } from '../tables.ts'
import type { Account, AccountKey, AccountPolicy } from './account.ts'
import { newInternalName } from './internal-name.ts'

export const accountType = 'Microsoft.Storage/storageAccounts'

interface SealedSecrets {
  readonly keys: readonly { readonly keyName: 'key1' | 'key2'; readonly value: string; readonly creationTime: string }[]
  readonly delegationSecret: string
}

/** What the data plane obeys of a resource's properties; Azure's defaults for what is absent. */
export function accountPolicy(properties: Readonly<Record<string, unknown>>): AccountPolicy {
  return {
    allowSharedKeyAccess: properties.allowSharedKeyAccess !== false,
    allowBlobPublicAccess: properties.allowBlobPublicAccess === true,
    supportsHttpsTrafficOnly: properties.supportsHttpsTrafficOnly !== false,
  }
}

function newKey(keyName: 'key1' | 'key2', now: number): AccountKey {
  return { keyName, value: randomBytes(64), creationTime: new Date(now).toISOString() }
}

export class AccountRegistry {
  readonly #store: Store
  readonly #clock: () => number
  readonly #byName = new Map<string, Account>()
  readonly #creating = new Set<string>()
  /** Changes to keys follow one another, so that two never start from the same account. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#clock = clock
  }

  /** Reads every account. One whose resource is gone (its deletion was cut short) is retired. */
  static async open(store: Store, resources: ResourceStore, clock: () => number): Promise<AccountRegistry> {
    const registry = new AccountRegistry(store, clock)
    const live = new Map<string, Resource>()
    for (let after: string | undefined; ; ) {
      const page = await resources.list({ type: accountType, limit: 500, ...(after === undefined ? {} : { after }) })
      for (const resource of page) live.set(resource.id.toLowerCase(), resource)
      after = page.at(-1)?.id
      if (page.length < 500) break
    }
    const rows = await registry.#database
      .selectFrom('storage_accounts')
      .selectAll()
      .where('retired_at', 'is', null)
      .execute()
    for (const row of rows) {
      const resource = live.get(row.resource_id.toLowerCase())
      if (resource === undefined) {
        await registry.#retire(row.internal_name)
        continue
      }
      const secrets: SealedSecrets = JSON.parse(
        Buffer.from(
          store.keyring.open(
            dataKeyName(row.internal_name),
            Buffer.from(row.sealed, 'base64'),
            sealContext(row.internal_name),
          ),
        ).toString('utf8'),
      )
      const [key1, key2] = secrets.keys
      if (!key1 || !key2) throw new Error(`storage account ${row.name} has not two keys`)
      registry.#byName.set(row.name, {
        name: row.name,
        resourceId: resource.id,
        internalName: row.internal_name,
        keys: [
          { ...key1, value: Buffer.from(key1.value, 'base64') },
          { ...key2, value: Buffer.from(key2.value, 'base64') },
        ],
        delegationSecret: Buffer.from(secrets.delegationSecret, 'base64'),
        policy: accountPolicy(resource.properties),
      })
    }
    return registry
  }

  find(name: string): Account | undefined {
    return this.#byName.get(name)
  }

  /** Makes an account with two fresh keys; durable when it resolves. Undefined: the name is taken. */
  async create(name: string, resourceId: string, policy: AccountPolicy): Promise<Account | undefined> {
    if (this.#byName.has(name) || this.#creating.has(name)) return undefined
    this.#creating.add(name)
    try {
      return await this.#create(name, resourceId, policy)
    } finally {
      this.#creating.delete(name)
    }
  }

  async #create(name: string, resourceId: string, policy: AccountPolicy): Promise<Account> {
    const now = this.#clock()
    const account: Account = {
      name,
      resourceId,
      internalName: newInternalName(name),
      keys: [newKey('key1', now), newKey('key2', now)],
      delegationSecret: randomBytes(32),
      policy,
    }
    await this.#store.keyring.create(dataKeyName(account.internalName))
    await this.#database
      .insertInto('storage_accounts')
      .values({
        internal_name: account.internalName,
        name,
        resource_id: resourceId,
        sealed: this.#seal(account),
        retired_at: null,
      })
      .execute()
    this.#byName.set(name, account)
    return account
  }

  /** The resource's properties changed. */
  setPolicy(name: string, policy: AccountPolicy): void {
    const account = this.#byName.get(name)
    if (account) this.#byName.set(name, { ...account, policy })
  }

  /** A new key in place of the old, which the next request no longer passes with. */
  async regenerateKey(name: string, keyName: 'key1' | 'key2'): Promise<Account | undefined> {
    return this.#change(name, (account) => {
      const key = newKey(keyName, this.#clock())
      const [key1, key2] = account.keys
      return { keys: keyName === 'key1' ? [key, key2] : [key1, key] }
    })
  }

  /** Every user delegation key given out so far stops working. */
  async revokeDelegationKeys(name: string): Promise<Account | undefined> {
    return this.#change(name, () => ({ delegationSecret: randomBytes(32) }))
  }

  /** Its keys are gone for good when this resolves; its data is removed from Azurite after that. */
  async remove(name: string): Promise<Account | undefined> {
    const account = this.#byName.get(name)
    if (account === undefined) return undefined
    this.#byName.delete(name)
    await this.#retire(account.internalName)
    return account
  }

  /** Internal names whose data is still to be removed from Azurite. */
  async retired(): Promise<readonly string[]> {
    const rows = await this.#database
      .selectFrom('storage_accounts')
      .select('internal_name')
      .where('retired_at', 'is not', null)
      .execute()
    return rows.map((row) => row.internal_name)
  }

  /** The data of a retired account is gone. */
  async forget(internalName: string): Promise<void> {
    await this.#database.deleteFrom('storage_accounts').where('internal_name', '=', internalName).execute()
  }

  get #database() {
    return this.#store.database<StorageTables>()
  }

  #change(
    name: string,
    change: (account: Account) => Partial<Pick<Account, 'keys' | 'delegationSecret'>>,
  ): Promise<Account | undefined> {
    const result = this.#last.then(async () => {
      const before = this.#byName.get(name)
      if (before === undefined) return undefined
      const changes = change(before)
      await this.#database
        .updateTable('storage_accounts')
        .set({ sealed: this.#seal({ ...before, ...changes }) })
        .where('internal_name', '=', before.internalName)
        .execute()
      const current = this.#byName.get(name)
      if (current?.internalName !== before.internalName) return undefined
      const after = { ...current, ...changes }
      this.#byName.set(name, after)
      return after
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  async #retire(internalName: string): Promise<void> {
    await this.#database
      .updateTable('storage_accounts')
      .set({ retired_at: new Date(this.#clock()).toISOString(), sealed: '' })
      .where('internal_name', '=', internalName)
      .execute()
    await this.#store.keyring.destroy(dataKeyName(internalName))
  }

  #seal(account: Account): string {
    const secrets: SealedSecrets = {
      keys: account.keys.map((key) => ({ ...key, value: Buffer.from(key.value).toString('base64') })),
      delegationSecret: Buffer.from(account.delegationSecret).toString('base64'),
    }
    const sealed = this.#store.keyring.seal(
      dataKeyName(account.internalName),
      Buffer.from(JSON.stringify(secrets), 'utf8'),
      sealContext(account.internalName),
    )
    return Buffer.from(sealed).toString('base64')
  }
}

function dataKeyName(internalName: string): string {
  return `storage-account:${internalName}`
}

function sealContext(internalName: string): string {
  return `storage-account-keys:${internalName}`
}
