/** The open store: one database that every package keeps its tables in. */
import { type CompiledQuery, Kysely } from 'kysely'
import { openEngine, type QueryParameter } from './engine.ts'
import {
  checkMasterKey,
  type Keyring,
  type KeyringTables,
  keyringMigrations,
  type MasterKey,
  openKeyring,
} from './keyring.ts'
import { type MigrationSet, migrate } from './migrations.ts'

export type { MigrationSet } from './migrations.ts'
export { StoreError } from './store-error.ts'

export interface StoreOptions {
  /** The database file. `:memory:` for tests that need no durability. */
  readonly path: string
  readonly masterKey: MasterKey
  readonly migrations: readonly MigrationSet[]
}

/** A query compiled once, run with other parameters each time: its first row, if it has one. */
export type PreparedQuery<Row> = (
  ...parameters: readonly QueryParameter[]
) => Row | undefined | Promise<Row | undefined>

export interface Store {
  /**
   * The database as seen by one package, typed by that package's own tables. Transactions wait for each other: inside
   * one, use its own handle only (the database, or a Keyring's `create`, would wait for ever).
   */
  database<Tables>(): Kysely<Tables>
  /**
   * A query for a path that is taken thousands of times a second: its first row comes without a promise where the
   * engine has it at hand and no transaction is open; what it holds is the same.
   */
  prepareFirst<Row>(compiled: CompiledQuery<Row>): PreparedQuery<Row>
  /** Seals and opens values under named data keys, which the master key wraps. */
  readonly keyring: Keyring
  close(): Promise<void>
}

/**
 * Opens (and creates or migrates) the database. A write has been synced to disk when its promise resolves.
 * Throws {@link StoreError}; once open, queries reject with it too (`full`, `corrupt`, `unavailable`).
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const engine = openEngine(options.path)
  // One connection pool, many views: a type for the tables of all packages would have to know every package.
  const kysely = new Kysely<never>({ dialect: engine.dialect })
  const view = <Tables>() => kysely as unknown as Kysely<Tables>
  try {
    const own = view<KeyringTables>()
    const tables = await kysely.introspection.getTables()
    // Before anything is changed in a database that belongs to another key.
    if (tables.some(({ name }) => name === 'master_key_check')) await checkMasterKey(own, options.masterKey)
    await migrate(kysely, [{ owner: 'store', migrations: keyringMigrations }, ...options.migrations])
    await checkMasterKey(own, options.masterKey)
    const keyring = await openKeyring(own, options.masterKey, () => engine.scrub(kysely))
    return {
      database: view,
      prepareFirst<Row>({ query, sql, queryId }: CompiledQuery<Row>): PreparedQuery<Row> {
        const first = engine.prepareFirst(sql) as (parameters: readonly QueryParameter[]) => Row | null | undefined
        return (...parameters) => {
          const row = first(parameters)
          if (row !== undefined) return row ?? undefined
          return kysely.executeQuery<Row>({ query, sql, queryId, parameters }).then(({ rows }) => rows[0])
        }
      },
      keyring,
      async close() {
        await kysely.destroy()
        engine.close()
      },
    }
  } catch (error) {
    await kysely.destroy()
    engine.close()
    throw error
  }
}
