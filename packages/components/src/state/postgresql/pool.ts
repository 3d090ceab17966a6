/** Connects to PostgreSQL as a connection string says, and words failures as Go's client does. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import { ComponentError } from '../../component-error.ts'
import { dialError } from '../../go/dial-error.ts'
import { parseGoDuration } from '../../go/duration.ts'
import { goFileErrorText } from '../../go/file-error.ts'
import type { ComponentContext } from '../../metadata.ts'
import { type ConnectionParameters, readConnectionString } from './connection-string.ts'
import type { PostgresMetadata } from './metadata.ts'

export type Rows = readonly Readonly<Record<string, unknown>>[]

export interface Queryable {
  /** Resolves with the rows, and how many were read or written. Rejects with a ComponentError in Go's words. */
  query(
    sql: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<{ readonly rows: Rows; readonly count: number }>
}

export interface Database extends Queryable {
  /** Runs `use` in one transaction, which is rolled back when it rejects. */
  transaction<T>(use: (queries: Queryable) => Promise<T>, signal: AbortSignal): Promise<T>
  close(): Promise<void>
}

const execModes = ['cache_statement', 'cache_describe', 'describe_exec', 'exec', 'simple_protocol']

export async function openDatabase(settings: PostgresMetadata, context: ComponentContext): Promise<Database> {
  const { queryExecMode, timeout = 0 } = settings
  if (queryExecMode !== '' && !execModes.includes(queryExecMode)) {
    throw new ComponentError(`invalid queryExecMode metadata value: ${queryExecMode}`)
  }
  if (settings.useAWSIAM) throw new ComponentError('sign-in with AWS IAM is not implemented')
  const { host, hostaddr, port, database, user, password, sslRootCert } = settings
  const parameters = readConnectionString(settings.connectionString, {
    ...{ host, hostaddr, port, database, user, password },
    sslrootcert: sslRootCert,
  })
  const entra = settings.useAzureAD
    ? await (await import('./entra-password.ts')).entraPassword(settings, context)
    : undefined
  const base: pg.PoolConfig = {
    ...connectionOf(parameters),
    ...(entra && { password: entra.password }),
    connectionTimeoutMillis: seconds(parameters.connect_timeout) ?? timeout,
    query_timeout: timeout,
    max: settings.maxConns || Number(parameters.pool_max_conns) || Math.max(4, availableParallelism()),
    min: Number(parameters.pool_min_conns) || 0,
    idleTimeoutMillis:
      settings.connectionMaxIdleTime || parseGoDuration(parameters.pool_max_conn_idle_time ?? '') || 30 * 60_000,
    allowExitOnIdle: true,
  }
  try {
    const ssl = await reachableBy(await tlsChoices(parameters), base, context.signal)
    const isNamed = queryExecMode === '' || queryExecMode === 'cache_statement'
    return databaseOf(new pg.Pool({ ...base, ssl }), base, isNamed, () => entra?.close())
  } catch (error) {
    entra?.close()
    throw error
  }
}

function connectionOf(parameters: ConnectionParameters): pg.ClientConfig {
  const { host, port, user, password, dbname, application_name, options, search_path } = parameters
  const flags = [options, search_path === undefined ? undefined : `-c search_path=${search_path}`].filter(Boolean)
  return {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port: Number(port) }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(dbname !== undefined && { database: dbname }),
    ...(application_name !== undefined && { application_name }),
    ...(flags.length > 0 && { options: flags.join(' ') }),
  }
}

function seconds(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text) * 1000
}

type Tls = ConnectionOptions | false

/** What `sslmode` lets be tried, in order. Only `verify-ca` and `verify-full` look at the certificate, as everywhere with PostgreSQL. */
async function tlsChoices({ sslmode = 'prefer', ...parameters }: ConnectionParameters): Promise<readonly Tls[]> {
  if (parameters.host?.startsWith('/') || sslmode === 'disable') return [false]
  const files = {
    ca: await readOptional(parameters.sslrootcert),
    cert: await readOptional(parameters.sslcert),
    key: await readOptional(parameters.sslkey),
  }
  const { host = 'localhost' } = parameters
  // The certificate has to be for this host; the driver passes on names, and no addresses.
  const given = { host, ...Object.fromEntries(Object.entries(files).filter(([, content]) => content !== undefined)) }
  const unverified: Tls = { ...given, rejectUnauthorized: false }
  const authorityOnly: Tls = { ...given, checkServerIdentity: () => undefined }
  switch (sslmode) {
    case 'allow':
      return [false, unverified]
    case 'prefer':
      return [unverified, false]
    case 'require':
      return [files.ca === undefined ? unverified : authorityOnly]
    case 'verify-ca':
      return [authorityOnly]
    case 'verify-full':
      return [given]
  }
  throw new ComponentError('cannot parse the connection string: sslmode is invalid')
}

async function readOptional(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || path === '') return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new ComponentError(`unable to read file: ${goFileErrorText(path, error)}`)
  }
}

/** The first choice with which the server can be reached and signed in to. */
async function reachableBy(choices: readonly Tls[], base: pg.ClientConfig, signal: AbortSignal): Promise<Tls> {
  let failure: unknown
  for (const ssl of choices) {
    const client = new pg.Client({ ...base, ssl })
    client.on('error', () => undefined)
    const end = (): void => void client.end().catch(() => undefined)
    signal.addEventListener('abort', end, { once: true })
    try {
      await client.connect()
      await client.query('SELECT 1')
      return ssl
    } catch (error) {
      if (signal.aborted) throw signal.reason
      // The reason of the first choice is the better one, unless it was only that there is no TLS.
      if (failure === undefined || isWithoutTls(failure)) failure = error
    } finally {
      signal.removeEventListener('abort', end)
      end()
    }
  }
  throw new ComponentError(`failed to ping the database: ${errorText(failure, base)}`)
}

function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections'
}

/** @param isNamed the server keeps statements under a name from call to call, which some poolers do not allow */
function databaseOf(pool: pg.Pool, base: pg.ClientConfig, isNamed: boolean, onClose: () => void): Database {
  const names = new Map<string, string>()
  const nameOf = (sql: string): string => {
    const name = names.get(sql) ?? createHash('sha256').update(sql).digest('hex').slice(0, 40)
    names.set(sql, name)
    return name
  }
  // A connection that breaks while nobody uses it is replaced when one is needed.
  pool.on('error', () => undefined)
  const on = (client: Pick<pg.ClientBase, 'query'>): Queryable => ({
    async query(sql, values, signal) {
      // What ends a transaction, or makes a table, has no values and is sent as it is; an expiry is in the statement.
      const name = isNamed && values.length > 0 && !sql.includes("interval '") ? { name: nameOf(sql) } : {}
      const { rows, rowCount } = await worded(client.query({ ...name, text: sql, values: [...values] }), base, signal)
      return { rows, count: rowCount ?? 0 }
    },
  })
  return {
    ...on(pool as unknown as pg.ClientBase),
    async transaction(use, signal) {
      const client = await worded(pool.connect(), base, signal)
      let broken = true
      try {
        const queries = on(client)
        await queries.query('BEGIN', [], signal)
        try {
          const result = await use(queries)
          await queries.query('COMMIT', [], signal)
          broken = false
          return result
        } catch (error) {
          if (!signal.aborted) {
            await client.query('ROLLBACK')
            broken = false
          }
          throw error
        }
      } finally {
        client.release(broken)
      }
    },
    async close() {
      onClose()
      await pool.end()
    },
  }
}

/** The database goes on with what the caller no longer waits for. */
function worded<T>(work: Promise<T>, base: pg.ClientConfig, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work
      .then(resolve, (error: unknown) => reject(new ComponentError(errorText(error, base), { cause: error })))
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

/** The SQLSTATE of the error that a failed query had. */
export function sqlState(error: unknown): string | undefined {
  const cause = error instanceof ComponentError ? error.cause : error
  return cause instanceof pg.DatabaseError ? cause.code : undefined
}

function errorText(error: unknown, { host = 'localhost', port = 5432, user = '', database = '' }: pg.ClientConfig) {
  if (!(error instanceof Error)) return String(error)
  const at = `failed to connect to \`user=${user} database=${database || user}\`: ${host}:${port} (${host}): `
  if (error instanceof pg.DatabaseError) {
    const text = `${error.severity}: ${error.message} (SQLSTATE ${error.code})`
    return /^(?:28|3D|53300|57P03)/.test(error.code ?? '') ? `${at}server error: ${text}` : text
  }
  if (isWithoutTls(error)) return `${at}tls error: server refused TLS connection`
  if ('code' in error) return `${at}dial error: ${dialError(error, { host, port })}`
  if (/timeout/i.test(error.message)) return 'timeout: context deadline exceeded'
  if (/Connection terminated/i.test(error.message)) return 'unexpected EOF'
  return error.message
}
