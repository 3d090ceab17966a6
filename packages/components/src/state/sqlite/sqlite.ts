/** state.sqlite: state in a local SQLite database, in the tables that daprd uses (components-contrib state/sqlite). */
import { randomUUID } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { decodeMetadata } from '../../component-declaration.ts'
import { ComponentError } from '../../component-error.ts'
import { EtagError } from '../../etag-error.ts'
import type { ComponentContext } from '../../metadata.ts'
import type { StateStoreFactory } from '../../registry.ts'
import type { DeleteStateRequest, SetStateRequest, StateItem, StateStore } from '../../state-store.ts'
import { scheduleCleanup } from '../expired-rows.ts'
import { checkRequestOptions } from '../request-options.ts'
import { ttlInSeconds } from '../ttl.ts'
import { attempt, goError, openDatabase, whenFree } from './database.ts'
import { declaration } from './metadata.ts'
import { migrate, type Tables } from './migrations.ts'

export const factory: StateStoreFactory = { block: 'state', init }

async function init({ metadata, log }: ComponentContext): Promise<StateStore> {
  const settings = decodeMetadata(declaration, metadata)
  if (settings.connectionString === '') throw new ComponentError('missing connection string')
  if ((settings.timeout ?? 0) < 1000) {
    throw new ComponentError("invalid value for 'timeout': must be greater than 1s")
  }
  const tables = { state: settings.tableName, metadata: settings.metadataTableName }
  for (const name of Object.values(tables)) {
    if (!/^\w+$/.test(name)) throw new ComponentError(`invalid identifier: ${name}`)
  }
  const database = await openDatabase({
    connectionString: settings.connectionString,
    busyTimeoutMs: settings.busyTimeout ?? 0,
    disableWal: settings.disableWAL,
    log,
  })
  try {
    attempt('failed to perform migrations', () => migrate(database, tables, log))
  } catch (error) {
    database.close()
    throw error
  }
  // A start may wait for the file; from here on nothing else is to.
  database.exec('PRAGMA busy_timeout(0)')
  const patienceMs = settings.busyTimeout ?? 0
  const claim = (olderThanMs: number) =>
    database
      .prepare(
        `INSERT INTO ${tables.metadata} (key, value) VALUES ('last-cleanup', CURRENT_TIMESTAMP)
        ON CONFLICT (key) DO UPDATE SET value = CURRENT_TIMESTAMP
        WHERE (unixepoch(CURRENT_TIMESTAMP) - unixepoch(value)) * 1000 > ?`,
      )
      .run(olderThanMs).changes > 0
  const deleteExpired = () =>
    database
      .prepare(`DELETE FROM ${tables.state} WHERE expiration_time IS NOT NULL AND expiration_time < CURRENT_TIMESTAMP`)
      .run().changes
  const stopCleanup = scheduleCleanup({
    intervalMs: settings.cleanupInterval ?? 0,
    claim: (olderThanMs) => whenFree(() => claim(olderThanMs), patienceMs),
    deleteExpired: async () => Number(await whenFree(deleteExpired, patienceMs)),
    log,
  })
  return sqliteStore(database, tables, patienceMs, stopCleanup)
}

const live = '(expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)'

/** How the time of expiry follows from seconds; NULL for none. */
const expiry = "CASE WHEN :ttl > 0 THEN DATETIME(CURRENT_TIMESTAMP, :ttl || ' seconds') END"

/** Every attempt runs to its end before the next begins, so a transaction of ours never sees another's statements. */
function sqliteStore(
  database: DatabaseSync,
  { state }: Tables,
  patienceMs: number,
  stopCleanup: () => void,
): StateStore {
  const run = async <T>(use: () => T, signal: AbortSignal): Promise<T> => {
    try {
      return await whenFree(use, patienceMs, signal)
    } catch (error) {
      throw goError('', error)
    }
  }
  const statements = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const found = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, found)
    return found
  }
  const changed = (sql: string, values: Readonly<Record<string, string | number>>): boolean =>
    prepared(sql).run(values).changes > 0

  function set(request: SetStateRequest): void {
    checkRequestOptions(request.options)
    const { key, value, etag, options } = request
    if (key === '') throw new ComponentError('missing key in set option')
    const isBinary = request.isJson !== true
    const values = {
      key,
      value: Buffer.from(value.buffer, value.byteOffset, value.length).toString(isBinary ? 'base64' : 'utf8'),
      binary: isBinary ? 1 : 0,
      newEtag: randomUUID(),
      ttl: ttlOf(request),
    }
    if (etag) {
      const sql = `UPDATE ${state} SET value = :value, etag = :newEtag, is_binary = :binary,
        update_time = CURRENT_TIMESTAMP, expiration_time = ${expiry} WHERE key = :key AND etag = :etag AND ${live}`
      if (!changed(sql, { ...values, etag })) throw new EtagError('mismatch')
      return
    }
    const row = `SELECT :key, :value, :binary, :newEtag, ${expiry}, CURRENT_TIMESTAMP`
    const into = `INSERT OR REPLACE INTO ${state} (key, value, is_binary, etag, expiration_time, update_time)`
    if (options.concurrency !== 'first-write') {
      changed(`${into} ${row}`, values)
      return
    }
    const absent = `NOT EXISTS (SELECT 1 FROM ${state} WHERE key = :key AND ${live})`
    if (!changed(`${into} ${row} WHERE ${absent}`, values)) throw new EtagError('mismatch')
  }

  function remove({ key, etag, options }: DeleteStateRequest): void {
    checkRequestOptions(options)
    if (key === '') throw new ComponentError('missing key in delete operation')
    if (!etag) {
      changed(`DELETE FROM ${state} WHERE key = :key`, { key })
      return
    }
    if (!changed(`DELETE FROM ${state} WHERE key = :key AND etag = :etag`, { key, etag })) {
      throw new EtagError('mismatch')
    }
  }

  return {
    features: ['ETAG', 'TRANSACTIONAL', 'TTL', 'KEYS_LIKE'],

    async get(key, _metadata, _options, signal): Promise<StateItem> {
      if (key === '') throw new ComponentError('missing key in get operation')
      const sql = `SELECT value, is_binary, etag, expiration_time AS expires FROM ${state} WHERE key = :key AND ${live}`
      const row = await run(() => prepared(sql).get({ key }), signal)
      if (row === undefined) return {}
      const data = Buffer.from(String(row.value), row.is_binary ? 'base64' : 'utf8')
      const item = { data, etag: String(row.etag) }
      return typeof row.expires === 'string' ? { ...item, metadata: { ttlExpireTime: rfc3339(row.expires) } } : item
    },

    set: (request, signal) => run(() => set(request), signal),

    delete: (request, signal) => run(() => remove(request), signal),

    transact(operations, _metadata, signal) {
      return run(() => {
        database.exec('BEGIN IMMEDIATE')
        try {
          for (const { operation, request } of operations) operation === 'upsert' ? set(request) : remove(request)
          database.exec('COMMIT')
        } catch (error) {
          database.exec('ROLLBACK')
          throw error
        }
      }, signal)
    },

    async keysLike({ pattern, continuationToken, pageSize }, signal) {
      if (pattern === '') throw new ComponentError('keys like pattern cannot be empty')
      const sql = `SELECT key, rowid FROM ${state} WHERE key LIKE :pattern ESCAPE '\\' AND ${live} AND rowid > :after
        ORDER BY rowid LIMIT :limit`
      const values = { pattern, after: Number(continuationToken ?? 0), limit: pageSize ?? -1 }
      const rows = await run(() => prepared(sql).all(values), signal)
      const last = rows.at(-1)
      return {
        keys: rows.map(({ key }) => String(key)),
        ...(last !== undefined && rows.length === pageSize && { continuationToken: String(last.rowid) }),
      }
    },

    async close() {
      stopCleanup()
      statements.clear()
      database.close()
    },
  }
}

function ttlOf({ metadata }: SetStateRequest): number {
  try {
    return ttlInSeconds(metadata) ?? 0
  } catch (error) {
    throw error instanceof ComponentError ? new ComponentError(`error parsing TTL: ${error.message}`) : error
  }
}

/** SQLite's `2026-01-02 03:04:05`, which is in UTC. */
function rfc3339(text: string): string {
  return `${text.replace(' ', 'T')}Z`
}
