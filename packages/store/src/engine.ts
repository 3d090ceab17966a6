/** The choice of database engine: the one place that a second engine (PostgreSQL) is added to. */
import type { Dialect, Kysely } from 'kysely'
import { openSqlite } from './sqlite/sqlite-engine.ts'

/** What a prepared query may be given. */
export type QueryParameter = string | number | null

/** What the store needs of an engine beyond Kysely's dialect. */
export interface Engine {
  readonly dialect: Dialect
  /**
   * A query that is kept prepared: its first row at once, null for none; undefined while a transaction is open, whose
   * writes it would see.
   */
  prepareFirst(sql: string): (parameters: readonly QueryParameter[]) => unknown
  /** Overwrites what was deleted in every file of the database, so that a destroyed data key cannot be read back. */
  scrub(database: Kysely<never>): Promise<void>
  /** Closes the engine if Kysely has not. */
  close(): void
}

/** Opens the engine that `path` names. Throws StoreError. */
export function openEngine(path: string): Engine {
  return openSqlite(path)
}
