/** The choice of database engine: the one place that a second engine (PostgreSQL) is added to. */
import type { Dialect, Kysely } from 'kysely'
import { openSqlite } from './sqlite/sqlite-engine.ts'

/** What the store needs of an engine beyond Kysely's dialect. */
export interface Engine {
  readonly dialect: Dialect
  /** The rows of a query at once; undefined while a transaction is open, whose writes it would see. */
  read(sql: string, parameters: readonly unknown[]): readonly unknown[] | undefined
  /** Overwrites what was deleted in every file of the database, so that a destroyed data key cannot be read back. */
  scrub(database: Kysely<never>): Promise<void>
  /** Closes the engine if Kysely has not. */
  close(): void
}

/** Opens the engine that `path` names. Throws StoreError. */
export function openEngine(path: string): Engine {
  return openSqlite(path)
}
