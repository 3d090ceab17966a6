/** Fills a vault in great strides, for benchmarks and load tests: past the data plane, with values sealed as it seals them. */
import { randomBytes } from 'node:crypto'
import type { Store } from '@keystead/store'
import { sealContext } from './secret-repository.ts'
import type { KeyVaultTables } from './tables.ts'
import { dataKeyOf } from './vault.ts'

export interface SeedOptions {
  /** Opened with `keyVaultMigrations`, while no cloud runs on it. */
  readonly store: Store
  /** A live vault. */
  readonly vaultName: string
  /** The secrets' names; every one of them is new. */
  readonly names: readonly string[]
  readonly versionsEach: number
  /** Seconds since the epoch. */
  readonly now: number
  readonly value: (name: string) => string
}

/** Rows of one statement: its parameters stay below SQLite's bound of 32,766. */
const rowsPerStatement = 2000
const secretsPerTransaction = 2000

/** Throws when the vault does not exist or a name is taken. */
export async function seedSecrets(options: SeedOptions): Promise<void> {
  const { store, vaultName, names } = options
  const database = store.database<KeyVaultTables>()
  const { id: vaultId } = await database
    .selectFrom('key_vault_vaults')
    .select('id')
    .where('name', '=', vaultName.toLowerCase())
    .executeTakeFirstOrThrow()
  for (let first = 0; first < names.length; first += secretsPerTransaction) {
    const secrets = names.slice(first, first + secretsPerTransaction).map((name) => rowsOf(vaultId, name, options))
    await database.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('key_vault_secrets')
        .values(secrets.map(({ secret }) => secret))
        .execute()
      const versions = secrets.flatMap((rows) => rows.versions)
      for (let row = 0; row < versions.length; row += rowsPerStatement) {
        await transaction
          .insertInto('key_vault_secret_versions')
          .values(versions.slice(row, row + rowsPerStatement))
          .execute()
      }
    })
  }
}

function rowsOf(vaultId: string, name: string, { store, versionsEach, now, value }: SeedOptions) {
  const id = randomBytes(16).toString('hex')
  const plaintext = Buffer.from(value(name))
  const versions = Array.from({ length: versionsEach }, () => {
    const version = randomBytes(16).toString('hex')
    return {
      secret_id: id,
      version,
      sealed: store.keyring.seal(dataKeyOf(vaultId), plaintext, sealContext(vaultId, name, version)),
      content_type: null,
      tags: null,
      enabled: 1,
      not_before: null,
      expires: null,
      created: now,
      updated: now,
    }
  })
  return {
    versions,
    secret: {
      id,
      vault_id: vaultId,
      name_key: name.toLowerCase(),
      name,
      current_version: versions.at(-1)?.version ?? '',
      deleted_at: null,
      scheduled_purge_at: null,
    },
  }
}
