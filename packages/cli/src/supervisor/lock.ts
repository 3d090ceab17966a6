/**
 * One supervisor per data directory: a lock that the operating system releases when its holder dies, however it dies.
 * SQLite's exclusive file lock is used since Node has no lock of its own, and a pid file can lie.
 */
import { DatabaseSync } from 'node:sqlite'

export interface Lock {
  release(): void
}

/** Takes the lock, or answers undefined when another process holds it. */
export function tryLock(file: string): Lock | undefined {
  const database = new DatabaseSync(file)
  try {
    // Nothing is written, so that a full disk can not keep `down` and `status` from working.
    database.exec('PRAGMA journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) return undefined
    throw error
  }
  return { release: () => database.close() }
}

/** Whether some process holds the lock now. */
export function isLocked(file: string): boolean {
  const lock = tryLock(file)
  lock?.release()
  return lock === undefined
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
