/** Opens the database that a connection string names, as the Go component does (components-contrib common/authentication/sqlite). */
import type { DatabaseSync } from 'node:sqlite'
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
    if (error instanceof ComponentError || !(error instanceof Error)) throw error
    const code = 'errcode' in error && typeof error.errcode === 'number' ? ` (${error.errcode})` : ''
    throw new ComponentError(`${what === '' ? '' : `${what}: `}${error.message}${code}`)
  }
}
