/** Opens the database that a connection string names, as the Go component does (components-contrib common/authentication/sqlite). */
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { ComponentError } from '../../component-error.ts'
import type { ComponentContext } from '../../metadata.ts'

export interface DatabaseSettings {
  readonly connectionString: string
  readonly busyTimeoutMs: number
  readonly disableWal: boolean
  readonly log: ComponentContext['log']
}

const forbiddenPragmas: Readonly<Record<string, string>> = {
  busy_timeout: '; please use the `busyTimeout` metadata property instead',
  journal_mode: '; please use the `disableWAL` metadata property instead',
  foreign_keys: '',
}

/** @throws ComponentError for a forbidden option, or with SQLite's words when the file can not be opened */
export async function openDatabase(settings: DatabaseSettings): Promise<DatabaseSync> {
  const { connectionString, log } = settings
  const at = connectionString.indexOf('?')
  const path = at > 0 ? connectionString.slice(0, at) : connectionString
  const options = new URLSearchParams(at > 0 ? connectionString.slice(at + 1) : '')
  const isMemory = /^(?:file:)?:memory:/i.test(connectionString)
  if (isMemory) options.set('cache', 'shared')
  const lock = options.get('_txlock')?.toLowerCase() ?? 'immediate'
  if (lock !== 'immediate') {
    log('warn', "Database connection is being created with a _txlock different from the recommended value 'immediate'")
  }
  const pragmas = options.getAll('_pragma')
  for (const pragma of pragmas) refuseForbidden(pragma, log)
  for (const name of ['_txlock', '_pragma']) options.delete(name)

  const readOnly = options.get('mode') === 'ro' || options.get('immutable') === '1'
  const uri = `${/^file:/i.test(path) ? '' : 'file:'}${path}?${options}`
  const journal = isMemory ? 'MEMORY' : settings.disableWal || readOnly ? 'DELETE' : 'WAL'
  // Node prints a warning when this is loaded, so only a sidecar that has this store loads it.
  const { DatabaseSync } = await import('node:sqlite')
  return attempt('failed to ping', () => {
    const database = new DatabaseSync(uri, { readOnly, timeout: Math.max(0, Math.trunc(settings.busyTimeoutMs)) })
    try {
      for (const pragma of pragmas) database.exec(`PRAGMA ${pragmaStatement(pragma)}`)
      database.exec(`PRAGMA journal_mode(${journal})`)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

function refuseForbidden(pragma: string, log: ComponentContext['log']): void {
  for (const [name, advice] of Object.entries(forbiddenPragmas)) {
    if (!pragma.toLowerCase().startsWith(name)) continue
    log('error', `Cannot set \`_pragma=${name}\` option in the connection string${advice}`)
    throw new ComponentError(`found forbidden option '_pragma=${name}' in the connection string`)
  }
}

/** `name(value)` and nothing after it. */
function pragmaStatement(pragma: string): string {
  if (/^\w+(?:\s*=\s*[\w-]+|\([\w-]+\))?$/.test(pragma)) return pragma
  throw new ComponentError(`invalid pragma in the connection string: ${pragma}`)
}

/** Runs `use`; SQLite's errors come out as the Go driver words them, e.g. `unable to open database file (14)`. */
export function attempt<T>(what: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw goError(what, error)
  }
}

/** The error as it is told; one of ours stays as it is. */
export function goError(what: string, error: unknown): unknown {
  if (error instanceof ComponentError || !(error instanceof Error)) return error
  const code = 'errcode' in error && typeof error.errcode === 'number' ? ` (${error.errcode})` : ''
  return new ComponentError(`${what === '' ? '' : `${what}: `}${error.message}${code}`)
}

/** Milliseconds between attempts, the last one again and again: SQLite's own steps (sqliteDefaultBusyCallback). */
const pauses: readonly number[] = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100]
const busy = 5

/**
 * Runs `use`, again while another process holds the file, for `patienceMs`. SQLite's own waiting would hold up everything
 * else that this process does. What `use` began must be undone when it throws.
 */
export async function whenFree<T>(use: () => T, patienceMs: number, signal?: AbortSignal): Promise<T> {
  const deadline = performance.now() + patienceMs
  for (let attempts = 0; ; attempts += 1) {
    try {
      return use()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error
    }
    const pause = Math.min(pauses[attempts] ?? 100, Math.max(0, deadline - performance.now()))
    await delay(pause, undefined, signal && { signal })
  }
}

/** The code's upper bits only say more of the same. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === busy
}
