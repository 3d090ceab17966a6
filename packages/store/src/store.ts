import type { Kysely, Migration } from 'kysely'
import type { Keyring, MasterKey } from './keyring.ts'

/** The migrations of one package, applied in the order of their names; names sort by their number (`001_vaults`). */
export interface MigrationSet {
  /** The package, e.g. `key-vault`: a prefix that keeps names of different packages apart. */
  readonly owner: string
  readonly migrations: Readonly<Record<string, Migration>>
}

export interface StoreOptions {
  /** The database file. `:memory:` for tests that need no durability. */
  readonly path: string
  readonly masterKey: MasterKey
  readonly migrations: readonly MigrationSet[]
}

export interface Store {
  /** The database as seen by one package, typed by that package's own tables. */
  database<Tables>(): Kysely<Tables>
  /** Seals and opens values under named data keys, which the master key wraps. */
  readonly keyring: Keyring
  close(): Promise<void>
}

/** A database that cannot be opened, is locked, is corrupt, or whose master key is not the one that wrote it. */
export class StoreError extends Error {
  readonly code: 'locked' | 'corrupt' | 'wrong-master-key' | 'full' | 'unavailable'
  constructor(code: StoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

/** Opens (and creates or migrates) the database. Throws {@link StoreError}. */
export declare function openStore(options: StoreOptions): Promise<Store>
