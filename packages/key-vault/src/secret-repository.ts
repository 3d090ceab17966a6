/** The secrets of all vaults in the database, their values sealed. */
import { randomBytes } from 'node:crypto'
import type { Keyring, PreparedQuery, Store } from '@keystead/store'
import type { Kysely, Selectable, Transaction } from 'kysely'
import {
  deletedSecretNotFound,
  nameIsDeletedButRecoverable,
  restoreConflict,
  secretNotFound,
} from './key-vault-error.ts'
import type { DeletedSecret, Deletion, OpenedSecret, SecretChange, SecretInput, SecretVersion } from './secret.ts'
import type { KeyVaultTables, SecretTable, SecretVersionTable } from './tables.ts'
import type { Vault } from './vault.ts'

const dayMs = 86_400_000

type VersionColumns = Omit<Selectable<SecretVersionTable>, 'secret_id' | 'sealed'>
type Metadata = VersionColumns & { readonly name: string }
type Sealed = Metadata & { readonly sealed: Uint8Array }

const metadataColumns = [
  's.name',
  'v.version',
  'v.content_type',
  'v.tags',
  'v.enabled',
  'v.not_before',
  'v.expires',
  'v.created',
  'v.updated',
] as const

/** One page, and where the next begins. */
export interface Page<T> {
  readonly items: readonly T[]
  /** The key after which the next page begins; undefined on the last. */
  readonly next: string | undefined
}

/** Called as the last thing before a write is committed; when it rejects, nothing was written. */
export type BeforeCommit = () => Promise<void>

/** A version of a secret as a backup carries it. */
export interface BackedUpVersion extends OpenedSecret {}

function numberOrNull(value: number | null): number | null {
  return value === null ? null : Number(value)
}

function tagsOf(row: Metadata): Record<string, string> | null {
  return row.tags === null ? null : (JSON.parse(row.tags) as Record<string, string>)
}

function toVersion(row: Metadata): SecretVersion {
  return {
    name: row.name,
    version: row.version,
    enabled: row.enabled === 1,
    notBefore: numberOrNull(row.not_before),
    expires: numberOrNull(row.expires),
    created: Number(row.created),
    updated: Number(row.updated),
    contentType: row.content_type,
    tags: tagsOf(row),
  }
}

function page<Row, T>(rows: readonly Row[], limit: number, key: (row: Row) => string, item: (row: Row) => T): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(item),
    next: rows.length > limit && last !== undefined ? key(last) : undefined,
  }
}

export class SecretRepository {
  readonly #database: Kysely<KeyVaultTables>
  readonly #keyring: Keyring
  readonly #clock: () => number
  readonly #latest: PreparedQuery<Sealed>
  readonly #byVersion: PreparedQuery<Sealed>

  constructor(options: { readonly store: Store; readonly clock: () => number }) {
    this.#database = options.store.database<KeyVaultTables>()
    this.#keyring = options.store.keyring
    this.#clock = options.clock
    const sealed = this.#database
      .selectFrom('key_vault_secrets as s')
      .innerJoin('key_vault_secret_versions as v', 'v.secret_id', 's.id')
      .select([...metadataColumns, 'v.sealed'])
      .where('s.vault_id', '=', '')
      .where('s.name_key', '=', '')
      .where('s.deleted_at', 'is', null)
    const { store } = options
    this.#latest = store.prepareFirst<Sealed>(sealed.whereRef('v.version', '=', 's.current_version').compile())
    this.#byVersion = store.prepareFirst<Sealed>(sealed.where('v.version', '=', '').compile())
  }

  /** `version` empty: the latest, found by its pointer. Throws or rejects with SecretNotFound. */
  get(vault: Vault, name: string, version: string): OpenedSecret | Promise<OpenedSecret> {
    const key = name.toLowerCase()
    const row = version === '' ? this.#latest(vault.id, key) : this.#byVersion(vault.id, key, version)
    const opened = (found: Sealed | undefined): OpenedSecret => {
      if (found === undefined) throw secretNotFound(version === '' ? name : `${name}/${version}`)
      return this.#open(vault, found)
    }
    return row instanceof Promise ? row.then(opened) : opened(row)
  }

  /** Live secrets in order of name, from the one after `after`; `limit` at most. */
  async list(vault: Vault, after: string, limit: number): Promise<Page<SecretVersion>> {
    const rows = await this.#current(this.#database)
      .select(metadataColumns)
      .where('s.vault_id', '=', vault.id)
      .where('s.deleted_at', 'is', null)
      .where('s.name_key', '>', after)
      .orderBy('s.name_key')
      .limit(limit + 1)
      .execute()
    return page(rows, limit, (row) => row.name.toLowerCase(), toVersion)
  }

  /** Versions of a live secret in order of their ids; none when there is no such secret, as on Azure. */
  async listVersions(vault: Vault, name: string, after: string, limit: number): Promise<Page<SecretVersion>> {
    const rows = await this.#database
      .selectFrom('key_vault_secrets as s')
      .innerJoin('key_vault_secret_versions as v', 'v.secret_id', 's.id')
      .select(metadataColumns)
      .where('s.vault_id', '=', vault.id)
      .where('s.name_key', '=', name.toLowerCase())
      .where('s.deleted_at', 'is', null)
      .where('v.version', '>', after)
      .orderBy('v.version')
      .limit(limit + 1)
      .execute()
    return page(rows, limit, (row) => row.version, toVersion)
  }

  /** Soft-deleted secrets whose retention has not run out, in order of name. */
  async listDeleted(vault: Vault, after: string, limit: number): Promise<Page<DeletedSecret>> {
    const rows = await this.#current(this.#database)
      .select([...metadataColumns, 's.deleted_at', 's.scheduled_purge_at'])
      .where('s.vault_id', '=', vault.id)
      .where('s.scheduled_purge_at', '>', this.#clock())
      .where('s.name_key', '>', after)
      .orderBy('s.name_key')
      .limit(limit + 1)
      .execute()
    return page(rows, limit, (row) => row.name.toLowerCase(), toDeleted)
  }

  /** Whether there is such a secret, and whether its latest version may be read. */
  async state(vault: Vault, name: string): Promise<'none' | 'deleted' | 'disabled' | 'enabled'> {
    const row = await this.#current(this.#database)
      .select(['v.enabled', 's.scheduled_purge_at'])
      .where('s.vault_id', '=', vault.id)
      .where('s.name_key', '=', name.toLowerCase())
      .executeTakeFirst()
    if (row === undefined) return 'none'
    if (row.scheduled_purge_at !== null) return Number(row.scheduled_purge_at) > this.#clock() ? 'deleted' : 'none'
    return row.enabled === 1 ? 'enabled' : 'disabled'
  }

  /** Throws SecretNotFound. */
  async getDeleted(vault: Vault, name: string): Promise<DeletedSecret> {
    return await this.#deleted(this.#database, vault, name)
  }

  /** A new version, which is the latest from then on. Throws Conflict while the name is soft-deleted. */
  async set(vault: Vault, name: string, input: SecretInput, beforeCommit: BeforeCommit): Promise<OpenedSecret> {
    return await this.#write(beforeCommit, async (transaction) => {
      const now = this.#seconds()
      const existing = await this.#claimName(transaction, vault, name)
      if (existing?.deleted_at != null) throw nameIsDeletedButRecoverable(existing.name)
      const version: OpenedSecret = {
        name: existing?.name ?? name,
        version: randomBytes(16).toString('hex'),
        enabled: input.attributes.enabled ?? true,
        notBefore: input.attributes.notBefore ?? null,
        expires: input.attributes.expires ?? null,
        created: now,
        updated: now,
        contentType: input.contentType ?? null,
        tags: input.tags ?? null,
        value: input.value,
      }
      if (existing === undefined) await this.#insertSecret(transaction, vault, version, [version])
      else {
        await this.#insertVersions(transaction, vault, existing.id, [version])
        await transaction
          .updateTable('key_vault_secrets')
          .set({ current_version: version.version })
          .where('id', '=', existing.id)
          .execute()
      }
      return version
    })
  }

  /** Changes what is said about a version, never its value. `version` empty: the latest. Throws SecretNotFound. */
  async update(
    vault: Vault,
    name: string,
    version: string,
    change: SecretChange,
    beforeCommit: BeforeCommit,
  ): Promise<SecretVersion> {
    return await this.#write(beforeCommit, async (transaction) => {
      const secret = await this.#secret(transaction, vault, name)
      const wanted = version === '' ? secret?.current_version : version
      if (secret === undefined || wanted === undefined || secret.deleted_at !== null) {
        throw secretNotFound(version === '' ? name : `${name}/${version}`)
      }
      const { enabled, notBefore, expires } = change.attributes
      const updated = await transaction
        .updateTable('key_vault_secret_versions')
        .set({
          updated: this.#seconds(),
          ...(enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }),
          ...(notBefore === undefined ? {} : { not_before: notBefore }),
          ...(expires === undefined ? {} : { expires }),
          ...(change.contentType === undefined ? {} : { content_type: change.contentType }),
          ...(change.tags === undefined ? {} : { tags: JSON.stringify(change.tags) }),
        })
        .where('secret_id', '=', secret.id)
        .where('version', '=', wanted)
        .executeTakeFirst()
      if (updated.numUpdatedRows === 0n) throw secretNotFound(`${name}/${version}`)
      const row = await transaction
        .selectFrom('key_vault_secret_versions')
        .selectAll()
        .where('secret_id', '=', secret.id)
        .where('version', '=', wanted)
        .executeTakeFirstOrThrow()
      return toVersion({ ...row, name: secret.name })
    })
  }

  /** Soft-deletes the secret with all its versions. Throws SecretNotFound. */
  async delete(vault: Vault, name: string, beforeCommit: BeforeCommit): Promise<DeletedSecret> {
    return await this.#write(beforeCommit, async (transaction) => {
      const secret = await this.#secret(transaction, vault, name)
      if (secret === undefined || secret.deleted_at !== null) throw secretNotFound(name)
      const deletion: Deletion = {
        deletedAt: this.#clock(),
        scheduledPurgeAt: this.#clock() + vault.properties.softDeleteRetentionInDays * dayMs,
      }
      await transaction
        .updateTable('key_vault_secrets')
        .set({ deleted_at: deletion.deletedAt, scheduled_purge_at: deletion.scheduledPurgeAt })
        .where('id', '=', secret.id)
        .execute()
      return await this.#deleted(transaction, vault, name)
    })
  }

  /** Brings a soft-deleted secret back with all its versions. Throws SecretNotFound. */
  async recover(vault: Vault, name: string, beforeCommit: BeforeCommit): Promise<SecretVersion> {
    return await this.#write(beforeCommit, async (transaction) => {
      const deleted = await this.#deleted(transaction, vault, name)
      await transaction
        .updateTable('key_vault_secrets')
        .set({ deleted_at: null, scheduled_purge_at: null })
        .where('vault_id', '=', vault.id)
        .where('name_key', '=', name.toLowerCase())
        .execute()
      return deleted
    })
  }

  /** Ends a soft-deleted secret. Throws SecretNotFound. */
  async purge(vault: Vault, name: string, beforeCommit: BeforeCommit): Promise<void> {
    await this.#write(beforeCommit, async (transaction) => {
      await this.#deleted(transaction, vault, name)
      const secret = await this.#secret(transaction, vault, name)
      if (secret !== undefined) await this.#erase(transaction, secret.id)
    })
  }

  /** Every version of a live secret, oldest first, the latest last. Throws SecretNotFound. */
  async allVersions(vault: Vault, name: string): Promise<readonly BackedUpVersion[]> {
    const secret = await this.#secret(this.#database, vault, name)
    if (secret === undefined || secret.deleted_at !== null) throw secretNotFound(name)
    const rows = await this.#database
      .selectFrom('key_vault_secret_versions as v')
      .selectAll()
      .where('v.secret_id', '=', secret.id)
      .orderBy('v.created')
      .orderBy('v.version')
      .execute()
    const versions = rows.map((row) => this.#open(vault, { ...row, name: secret.name }))
    return [
      ...versions.filter(({ version }) => version !== secret.current_version),
      ...versions.filter(({ version }) => version === secret.current_version),
    ]
  }

  /** Writes a secret as a backup holds it, its last version the latest. Throws Conflict when the name is in use. */
  async restore(
    vault: Vault,
    versions: readonly [BackedUpVersion, ...BackedUpVersion[]],
    beforeCommit: BeforeCommit,
  ): Promise<SecretVersion> {
    return await this.#write(beforeCommit, async (transaction) => {
      const latest = versions.at(-1) ?? versions[0]
      const existing = await this.#claimName(transaction, vault, latest.name)
      if (existing !== undefined) {
        if (existing.deleted_at !== null) throw nameIsDeletedButRecoverable(existing.name)
        throw restoreConflict(`${vault.url}/secrets/${latest.name}/${latest.version}`)
      }
      await this.#insertSecret(transaction, vault, latest, versions)
      return latest
    })
  }

  /** Erases every secret whose retention has run out. */
  async eraseExpired(): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const expired = await transaction
        .selectFrom('key_vault_secrets')
        .select('id')
        .where('scheduled_purge_at', '<=', this.#clock())
        .execute()
      for (const { id } of expired) await this.#erase(transaction, id)
    })
  }

  #seconds(): number {
    return Math.floor(this.#clock() / 1000)
  }

  async #write<T>(
    beforeCommit: BeforeCommit,
    work: (transaction: Transaction<KeyVaultTables>) => Promise<T>,
  ): Promise<T> {
    return await this.#database.transaction().execute(async (transaction) => {
      const result = await work(transaction)
      await beforeCommit()
      return result
    })
  }

  #current(database: Kysely<KeyVaultTables>) {
    return database
      .selectFrom('key_vault_secrets as s')
      .innerJoin('key_vault_secret_versions as v', (join) =>
        join.onRef('v.secret_id', '=', 's.id').onRef('v.version', '=', 's.current_version'),
      )
  }

  async #secret(
    database: Kysely<KeyVaultTables>,
    vault: Vault,
    name: string,
  ): Promise<Selectable<SecretTable> | undefined> {
    return await database
      .selectFrom('key_vault_secrets')
      .selectAll()
      .where('vault_id', '=', vault.id)
      .where('name_key', '=', name.toLowerCase())
      .executeTakeFirst()
  }

  /** The secret that holds the name; one whose retention has run out is erased first. */
  async #claimName(
    transaction: Transaction<KeyVaultTables>,
    vault: Vault,
    name: string,
  ): Promise<Selectable<SecretTable> | undefined> {
    const secret = await this.#secret(transaction, vault, name)
    if (secret?.scheduled_purge_at == null || Number(secret.scheduled_purge_at) > this.#clock()) return secret
    await this.#erase(transaction, secret.id)
    return undefined
  }

  async #deleted(database: Kysely<KeyVaultTables>, vault: Vault, name: string): Promise<DeletedSecret> {
    const row = await this.#current(database)
      .select([...metadataColumns, 's.deleted_at', 's.scheduled_purge_at'])
      .where('s.vault_id', '=', vault.id)
      .where('s.name_key', '=', name.toLowerCase())
      .where('s.scheduled_purge_at', '>', this.#clock())
      .executeTakeFirst()
    if (row === undefined) throw deletedSecretNotFound(name)
    return toDeleted(row)
  }

  async #erase(transaction: Transaction<KeyVaultTables>, secretId: string): Promise<void> {
    await transaction.deleteFrom('key_vault_secret_versions').where('secret_id', '=', secretId).execute()
    await transaction.deleteFrom('key_vault_secrets').where('id', '=', secretId).execute()
  }

  async #insertSecret(
    transaction: Transaction<KeyVaultTables>,
    vault: Vault,
    latest: SecretVersion,
    versions: readonly OpenedSecret[],
  ): Promise<void> {
    const id = randomBytes(16).toString('hex')
    await transaction
      .insertInto('key_vault_secrets')
      .values({
        id,
        vault_id: vault.id,
        name_key: latest.name.toLowerCase(),
        name: latest.name,
        current_version: latest.version,
        deleted_at: null,
        scheduled_purge_at: null,
      })
      .execute()
    await this.#insertVersions(transaction, vault, id, versions)
  }

  async #insertVersions(
    transaction: Transaction<KeyVaultTables>,
    vault: Vault,
    secretId: string,
    versions: readonly OpenedSecret[],
  ): Promise<void> {
    for (const version of versions) {
      await transaction
        .insertInto('key_vault_secret_versions')
        .values({
          secret_id: secretId,
          version: version.version,
          sealed: this.#keyring.seal(
            vault.dataKey,
            Buffer.from(version.value),
            sealContext(vault.id, version.name, version.version),
          ),
          content_type: version.contentType,
          tags: version.tags === null ? null : JSON.stringify(version.tags),
          enabled: version.enabled ? 1 : 0,
          not_before: version.notBefore,
          expires: version.expires,
          created: version.created,
          updated: version.updated,
        })
        .execute()
    }
  }

  #open(vault: Vault, row: Sealed): OpenedSecret {
    const plain = this.#keyring.open(vault.dataKey, row.sealed, sealContext(vault.id, row.name, row.version))
    return {
      name: row.name,
      version: row.version,
      enabled: row.enabled === 1,
      notBefore: numberOrNull(row.not_before),
      expires: numberOrNull(row.expires),
      created: Number(row.created),
      updated: Number(row.updated),
      contentType: row.content_type,
      tags: tagsOf(row),
      value: Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8'),
    }
  }
}

/** What a sealed value is bound to: it opens in no other vault, under no other name, as no other version. */
export function sealContext(vaultId: string, name: string, version: string): string {
  return `${vaultId}/${name.toLowerCase()}/${version}`
}

function toDeleted(
  row: Metadata & { readonly deleted_at: number | null; readonly scheduled_purge_at: number | null },
): DeletedSecret {
  return {
    ...toVersion(row),
    deletion: { deletedAt: Number(row.deleted_at), scheduledPurgeAt: Number(row.scheduled_purge_at) },
  }
}
