/** SQLite as an engine: the file, its lock and its durability. */
import { closeSync, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Dialect, type Kysely, SqliteAdapter, SqliteDialect, sql } from 'kysely'
import { StoreError } from '../store-error.ts'
import { NodeSqliteDatabase } from './node-sqlite-database.ts'
import { toStoreError } from './sqlite-errors.ts'

/**
 * In exclusive locking mode the lock is held from the first transaction until close, no shared-memory file is made,
 * and nothing can be busy after the open. `synchronous=FULL` syncs the log before each commit returns; deleted content is
 * overwritten; temporary tables stay in memory.
 */
const setUp = [
  'pragma locking_mode = exclusive',
  'pragma journal_mode = wal',
  'pragma synchronous = full',
  'pragma foreign_keys = on',
  'pragma secure_delete = on',
  'pragma temp_store = memory',
  'pragma cache_size = -32768',
  'pragma journal_size_limit = 67108864',
  'begin exclusive',
  'commit',
] as const

/** Opens the file, which is made with mode 0600, and takes its lock. Throws StoreError. */
export function openSqlite(path: string) {
  if (path !== ':memory:') prepareFile(path)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    for (const statement of setUp) database.exec(statement)
  } catch (error) {
    database?.close()
    throw toStoreError(error, path)
  }
  const opened = new NodeSqliteDatabase(database, path)
  return {
    dialect: new TransactionalSqliteDialect({ database: opened }) as Dialect,
    prepareFirst: (query: string) => opened.prepareFirst(query),
    async scrub(kysely: Kysely<never>): Promise<void> {
      await sql`pragma wal_checkpoint(truncate)`.execute(kysely)
    },
    close(): void {
      opened.close()
    },
  }
}

/** Makes the file, readable by its owner only, with its directory entry on disk: SQLite syncs its contents but not its name. */
function prepareFile(path: string): void {
  const directory = dirname(resolve(path))
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const file = openSync(path, 'a', 0o600)
    try {
      if ((fstatSync(file).mode & 0o777) !== 0o600) fchmodSync(file, 0o600)
    } finally {
      closeSync(file)
    }
    const entry = openSync(directory, 'r')
    try {
      fsyncSync(entry)
    } finally {
      closeSync(entry)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new StoreError('full', `No space is left for the database ${path}. Free some space and start again.`, {
        cause: error,
      })
    }
    throw new StoreError('unavailable', `The database file ${path} cannot be opened or made (${code}).`, {
      cause: error,
    })
  }
}

/** Kysely leaves SQLite's transactional DDL off; with it on, a migration that is interrupted leaves nothing behind. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class TransactionalSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalSqliteAdapter()
  }
}
