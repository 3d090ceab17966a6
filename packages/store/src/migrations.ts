/** Versioned migrations: those of every package, applied as one list. */
import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { StoreError } from './store-error.ts'

/**
 * The migrations of one package, applied in the order of their names; names sort by their number (`001_vaults`).
 * Column types that every engine has: `text`, `integer`, `bigint` (milliseconds), `bytea` (bytes).
 */
export interface MigrationSet {
  /** The package, e.g. `key-vault`: a prefix that keeps names of different packages apart. */
  readonly owner: string
  readonly migrations: Readonly<Record<string, Migration>>
}

/** Applies what is missing, all of it or nothing. Throws StoreError `newer` for a database that this code is too old for. */
export async function migrate(db: Kysely<never>, sets: readonly MigrationSet[]): Promise<void> {
  const merged: Record<string, Migration> = {}
  for (const { owner, migrations } of sets) {
    for (const [name, migration] of Object.entries(migrations)) {
      const full = `${owner}/${name}`
      if (!/^[a-z-]+\/[0-9]{3}_[a-z0-9_]+$/.test(full)) throw new Error(`A migration is named owner/001_name: ${full}`)
      if (Object.hasOwn(merged, full)) throw new Error(`Two migrations are named ${full}.`)
      merged[full] = migration
    }
  }
  const applied = await appliedMigrations(db)
  const unknown = applied.filter((name) => !Object.hasOwn(merged, name))
  if (unknown.length > 0) {
    throw new StoreError(
      'newer',
      `The database was written by a later version of Keystead (it has ${unknown.join(', ')}). ` +
        'Start that version, or a later one.',
    )
  }
  // A package may add a migration whose name sorts before another package's that has already been applied.
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => merged },
    allowUnorderedMigrations: true,
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

async function appliedMigrations(db: Kysely<never>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return []
  const rows = await db
    .$extendTables<{ kysely_migration: { name: string } }>()
    .selectFrom('kysely_migration')
    .select('name')
    .execute()
  return rows.map(({ name }) => name)
}
