/** SQLite's result codes told as the store's errors (https://www.sqlite.org/rescode.html). */
import { StoreError, UniqueViolationError } from '../store-error.ts'

interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR'
  /** The extended result code; its low byte is the primary one. */
  readonly errcode: number
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
}

/** The store's error for what SQLite threw; anything that is a fault of the statement itself comes back as it was. */
export function toStoreError(error: unknown, path: string): unknown {
  if (!isSqliteError(error)) return error
  const cause = { cause: error }
  if (error.errcode === 2067 || error.errcode === 1555) return new UniqueViolationError(error.message, cause)
  switch (error.errcode & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return new StoreError(
        'locked',
        `The database ${path} is in use by another process. Stop that one (keystead down), or use another data directory.`,
        cause,
      )
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return new StoreError(
        'corrupt',
        `The database ${path} is damaged or is not a Keystead database (${error.message}). ` +
          'Restore it from a backup, or start with another data directory.',
        cause,
      )
    case 13: // SQLITE_FULL
      return new StoreError('full', `No space is left for the database ${path}. Free some space and try again.`, cause)
    case 8: // SQLITE_READONLY
    case 10: // SQLITE_IOERR
    case 14: // SQLITE_CANTOPEN
      return new StoreError('unavailable', `The database ${path} cannot be read or written (${error.message}).`, cause)
    default:
      return error
  }
}
