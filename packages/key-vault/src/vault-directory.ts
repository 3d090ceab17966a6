/** The vaults there are, live and soft-deleted: in memory for the data plane, written through to the database. */
import { randomBytes } from 'node:crypto'
import {
  ArmError,
  parseResourceId,
  type Resource,
  type ResourceStore,
  resourceNotFound,
} from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import type { Kysely } from 'kysely'
import { Exclusive } from './exclusive.ts'
import type { KeyVaultTables, VaultTable } from './tables.ts'
import { dataKeyOf, type Vault, vaultFromResource } from './vault.ts'
import type { VaultProperties } from './vault-properties.ts'

const dayMs = 86_400_000

export const vaultType = 'Microsoft.KeyVault/vaults'

/** A soft-deleted vault. Times in milliseconds since the epoch. */
export interface DeletedVault {
  readonly vault: Vault
  readonly resource: Omit<Resource, 'etag'>
  readonly deletedAt: number
  readonly scheduledPurgeAt: number
}

/** What a caller says of a vault's resource; the rest is the directory's. */
export interface VaultDraft {
  readonly id: string
  readonly name: string
  readonly location: string
  readonly tags?: Readonly<Record<string, string>>
  readonly properties: VaultProperties
}

export interface VaultDirectoryOptions {
  readonly store: Store
  readonly resources: ResourceStore
  readonly clock: () => number
  /** Called with the vault's own id when what was read of it before may no longer be used. */
  readonly onGone: (vaultId: string) => void
}

function resourceOf(draft: VaultDraft): Omit<Resource, 'etag'> {
  return {
    id: draft.id,
    name: draft.name,
    type: vaultType,
    location: draft.location,
    ...(draft.tags === undefined ? {} : { tags: draft.tags }),
    properties: draft.properties,
  }
}

export function vaultAlreadyExists(name: string): ArmError {
  return new ArmError(
    409,
    'VaultAlreadyExists',
    `The vault name '${name}' is already in use. Vault names are globally unique so it is possible that the name is already taken. If you are sure that the vault name was not taken then it is possible that a vault with the same name was recently deleted but not purged after being placed in a recoverable state. If the vault is in a recoverable state then the vault will need to be purged before reusing the name. For more information about VaultAlreadyExists, soft delete and purging a vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740.`,
  )
}

export function vaultIsDeleted(): ArmError {
  return new ArmError(
    409,
    'ConflictError',
    'A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.',
  )
}

export class VaultDirectory {
  readonly #database: Kysely<KeyVaultTables>
  readonly #store: Store
  readonly #resources: ResourceStore
  readonly #clock: () => number
  readonly #onGone: (vaultId: string) => void
  readonly #live = new Map<string, Vault>()
  readonly #deleted = new Map<string, DeletedVault>()
  readonly #exclusive = new Exclusive()

  private constructor(options: VaultDirectoryOptions) {
    this.#database = options.store.database<KeyVaultTables>()
    this.#store = options.store
    this.#resources = options.resources
    this.#clock = options.clock
    this.#onGone = options.onGone
  }

  /** Loads every vault, and finishes what a crash left half done. */
  static async open(options: VaultDirectoryOptions): Promise<VaultDirectory> {
    const directory = new VaultDirectory(options)
    await directory.#load()
    return directory
  }

  /** The live vault of that name, in any case. */
  live(name: string): Vault | undefined {
    return this.#live.get(name.toLowerCase())
  }

  /** Soft-deleted vaults whose retention has not run out. */
  *deleted(): Iterable<DeletedVault> {
    const now = this.#clock()
    for (const entry of this.#deleted.values()) if (entry.scheduledPurgeAt > now) yield entry
  }

  deletedByName(name: string): DeletedVault | undefined {
    const entry = this.#deleted.get(name.toLowerCase())
    return entry !== undefined && entry.scheduledPurgeAt > this.#clock() ? entry : undefined
  }

  /** Makes a vault with its data key. Throws {@link ArmError} 409 when the name is taken, by a soft-deleted vault too. */
  create(draft: VaultDraft): Promise<Resource> {
    return this.#exclusive.run(async () => {
      const key = draft.name.toLowerCase()
      await this.#purgeExpired(key)
      if (this.#live.has(key)) throw vaultAlreadyExists(draft.name)
      if (this.#deleted.has(key)) throw vaultIsDeleted()
      const resource = resourceOf(draft)
      const vault = vaultFromResource(randomBytes(16).toString('hex'), resource)
      await this.#database
        .insertInto('key_vault_vaults')
        .values({
          id: vault.id,
          name: key,
          resource_id: resource.id,
          resource: JSON.stringify(resource),
          deleted_at: null,
          scheduled_purge_at: null,
        })
        .execute()
      await this.#store.keyring.create(vault.dataKey)
      await this.#store.keyring.create(vault.backupKey)
      const written = await this.#resources.put(resource)
      this.#live.set(key, vault)
      return written
    })
  }

  /**
   * Writes what `change` makes of the vault as it is then, so that two callers never overwrite each other unseen.
   * Throws {@link ArmError} 404 when the vault is gone.
   */
  update(resourceId: string, change: (current: Vault, resource: Resource) => VaultDraft): Promise<Resource> {
    return this.#exclusive.run(async () => {
      const current = this.#byResourceId(resourceId)
      const before = await this.#resources.get(resourceId)
      if (current === undefined || before === undefined) throw notFound(resourceId)
      const resource = resourceOf(change(current, before))
      await this.#database
        .updateTable('key_vault_vaults')
        .set({ resource: JSON.stringify(resource) })
        .where('id', '=', current.id)
        .execute()
      await this.#store.keyring.create(vaultFromResource(current.id, resource).backupKey)
      const written = await this.#resources.put(resource)
      this.#live.set(current.name.toLowerCase(), vaultFromResource(current.id, resource))
      this.#onGone(current.id)
      return written
    })
  }

  /** Soft-deletes the vault of that resource id; false when there is none. */
  delete(resourceId: string): Promise<boolean> {
    return this.#exclusive.run(async () => {
      const vault = this.#byResourceId(resourceId)
      if (vault === undefined) return false
      const row = await this.#row(vault.id)
      const resource = (await this.#resources.get(resourceId)) ?? readResource(row)
      const deletedAt = this.#clock()
      const scheduledPurgeAt = deletedAt + vault.properties.softDeleteRetentionInDays * dayMs
      await this.#database
        .updateTable('key_vault_vaults')
        .set({ resource: JSON.stringify(resource), deleted_at: deletedAt, scheduled_purge_at: scheduledPurgeAt })
        .where('id', '=', vault.id)
        .execute()
      const key = vault.name.toLowerCase()
      this.#live.delete(key)
      this.#deleted.set(key, { vault, resource, deletedAt, scheduledPurgeAt })
      this.#onGone(vault.id)
      await this.#resources.delete(resourceId)
      return true
    })
  }

  /** Brings a soft-deleted vault back as it was. Throws {@link ArmError} 404 when it can not be recovered. */
  recover(name: string, resourceId: string, tags: Readonly<Record<string, string>> | undefined): Promise<Resource> {
    return this.#exclusive.run(async () => {
      const key = name.toLowerCase()
      const entry = this.deletedByName(name)
      if (entry === undefined || entry.resource.id.toLowerCase() !== resourceId.toLowerCase()) {
        throw new ArmError(404, 'VaultNotFound', `The deleted vault '${name}' was not found at this resource id.`)
      }
      const resource = { ...entry.resource, ...(tags === undefined ? {} : { tags }) }
      const written = await this.#resources.put(resource)
      await this.#database
        .updateTable('key_vault_vaults')
        .set({ resource: JSON.stringify(resource), deleted_at: null, scheduled_purge_at: null })
        .where('id', '=', entry.vault.id)
        .execute()
      this.#deleted.delete(key)
      this.#live.set(key, vaultFromResource(entry.vault.id, resource))
      return written
    })
  }

  /** Ends a soft-deleted vault: its data key first, so that no row that is left behind can be opened. */
  purge(name: string): Promise<boolean> {
    return this.#exclusive.run(async () => {
      const entry = this.deletedByName(name)
      if (entry === undefined) return false
      await this.#erase(entry.vault.id)
      this.#deleted.delete(name.toLowerCase())
      return true
    })
  }

  #byResourceId(resourceId: string): Vault | undefined {
    const vault = this.#live.get(resourceId.slice(resourceId.lastIndexOf('/') + 1).toLowerCase())
    return vault?.resourceId.toLowerCase() === resourceId.toLowerCase() ? vault : undefined
  }

  async #row(id: string): Promise<VaultTable> {
    return await this.#database
      .selectFrom('key_vault_vaults')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
  }

  async #purgeExpired(key: string): Promise<void> {
    const entry = this.#deleted.get(key)
    if (entry === undefined || entry.scheduledPurgeAt > this.#clock()) return
    await this.#erase(entry.vault.id)
    this.#deleted.delete(key)
  }

  /** Marked first, so that an erasure that a crash stops is taken up again at the next start. */
  async #erase(vaultId: string): Promise<void> {
    await this.#database
      .updateTable('key_vault_vaults')
      .set({ deleted_at: 0, scheduled_purge_at: 0 })
      .where('id', '=', vaultId)
      .execute()
    await this.#store.keyring.destroy(dataKeyOf(vaultId))
    await this.#database.transaction().execute(async (transaction) => {
      await transaction
        .deleteFrom('key_vault_secret_versions')
        .where('secret_id', 'in', (query) =>
          query.selectFrom('key_vault_secrets').select('id').where('vault_id', '=', vaultId),
        )
        .execute()
      await transaction.deleteFrom('key_vault_secrets').where('vault_id', '=', vaultId).execute()
      await transaction.deleteFrom('key_vault_vaults').where('id', '=', vaultId).execute()
    })
    this.#onGone(vaultId)
  }

  async #load(): Promise<void> {
    const rows = await this.#database.selectFrom('key_vault_vaults').selectAll().execute()
    for (const row of rows) {
      if (row.deleted_at === null) await this.#loadLive(row)
      else await this.#loadDeleted(row, Number(row.deleted_at), Number(row.scheduled_purge_at))
    }
  }

  async #loadLive(row: VaultTable): Promise<void> {
    const resource = await this.#resources.get(row.resource_id)
    if (resource !== undefined) {
      const vault = vaultFromResource(row.id, resource)
      await this.#store.keyring.create(vault.dataKey)
      await this.#store.keyring.create(vault.backupKey)
      this.#live.set(row.name, vault)
      return
    }
    const secret = await this.#database
      .selectFrom('key_vault_secrets')
      .select('id')
      .where('vault_id', '=', row.id)
      .limit(1)
      .executeTakeFirst()
    // Without its resource the vault was either never acknowledged, or was being deleted with its group.
    if (secret === undefined) {
      await this.#erase(row.id)
      return
    }
    const vault = vaultFromResource(row.id, readResource(row))
    const deletedAt = this.#clock()
    const scheduledPurgeAt = deletedAt + vault.properties.softDeleteRetentionInDays * dayMs
    await this.#database
      .updateTable('key_vault_vaults')
      .set({ deleted_at: deletedAt, scheduled_purge_at: scheduledPurgeAt })
      .where('id', '=', row.id)
      .execute()
    this.#deleted.set(row.name, { vault, resource: readResource(row), deletedAt, scheduledPurgeAt })
  }

  async #loadDeleted(row: VaultTable, deletedAt: number, scheduledPurgeAt: number): Promise<void> {
    if (scheduledPurgeAt <= this.#clock()) {
      await this.#erase(row.id)
      return
    }
    const resource = readResource(row)
    this.#deleted.set(row.name, { vault: vaultFromResource(row.id, resource), resource, deletedAt, scheduledPurgeAt })
    // A delete (or a recovery that was not acknowledged) stopped between the two writes: the deletion stands.
    await this.#resources.delete(row.resource_id)
  }
}

function notFound(resourceId: string): ArmError {
  return resourceNotFound(parseResourceId(resourceId) ?? { types: ['vaults'], names: [] })
}

function readResource(row: VaultTable): Omit<Resource, 'etag'> {
  const { etag: _etag, ...resource } = JSON.parse(row.resource) as Resource
  return resource
}
