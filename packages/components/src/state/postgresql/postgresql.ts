/** state.postgresql: state in PostgreSQL, in the tables that daprd uses (components-contrib state/postgresql). */
import { decodeMetadata } from '../../component-declaration.ts'
import { ComponentError } from '../../component-error.ts'
import { EtagError } from '../../etag-error.ts'
import { parseGoInt } from '../../go/strconv.ts'
import type { ComponentContext } from '../../metadata.ts'
import type { StateStoreFactory } from '../../registry.ts'
import type { DeleteStateRequest, SetStateRequest, StateStore, TransactionOperation } from '../../state-store.ts'
import { scheduleCleanup } from '../expired-rows.ts'
import { checkRequestOptions } from '../request-options.ts'
import { ttlInSeconds } from '../ttl.ts'
import type { Layout } from './layout.ts'
import { layoutV1 } from './layout-v1.ts'
import { layoutV2 } from './layout-v2.ts'
import { declaration, type PostgresMetadata } from './metadata.ts'
import { migrate } from './migrations.ts'
import { type Database, openDatabase, type Queryable } from './pool.ts'
import { queryTable } from './query.ts'

export const v1: StateStoreFactory = {
  block: 'state',
  async init(context) {
    let settings: PostgresMetadata
    try {
      settings = readSettings(context)
    } catch (error) {
      if (!(error instanceof ComponentError)) throw error
      throw new ComponentError(`failed to parse metadata: ${error.message}`)
    }
    const layout = layoutV1(settings.tableName)
    const { store, database } = await open(settings, layout, context)
    return {
      ...store,
      features: [...store.features, 'QUERY_API'],
      query: (query, _metadata, signal) => queryTable(database, layout, query, signal),
    }
  },
}

export const v2: StateStoreFactory = {
  block: 'state',
  async init(context) {
    const settings = readSettings(context)
    return (await open(settings, layoutV2(settings.tablePrefix), context)).store
  },
}

function readSettings({ metadata }: ComponentContext): PostgresMetadata {
  const settings = decodeMetadata(declaration, metadata)
  if ((settings.timeout ?? 0) < 1000) {
    throw new ComponentError("invalid value for 'timeout': must be greater than 1s")
  }
  const { connectionString, host, hostaddr, port, database, user, password, sslRootCert } = settings
  if ([connectionString, host, hostaddr, port, database, user, password, sslRootCert].every((text) => text === '')) {
    throw new ComponentError('failed to build connection string')
  }
  // Names go into statements as they are, since a driver sends no names as parameters.
  for (const name of [settings.tableName, settings.metadataTableName, `${settings.tablePrefix}state`]) {
    if (!/^(?:\w+|"[^"]+")(?:\.(?:\w+|"[^"]+"))?$/.test(name)) throw new ComponentError(`invalid identifier: ${name}`)
  }
  return settings
}

async function open(
  settings: PostgresMetadata,
  layout: Layout,
  context: ComponentContext,
): Promise<{ readonly store: StateStore; readonly database: Database }> {
  const database = await openDatabase(settings, context)
  const { table, migrationsKey: key, migrations } = layout
  const { metadataTableName: metadataTable } = settings
  try {
    await migrate(database, { metadataTable, key, migrations }, context)
  } catch (error) {
    await database.close()
    throw error
  }
  const cleanup = new AbortController()
  const count = async (sql: string, values: readonly unknown[]): Promise<number> =>
    (await database.query(sql, values, cleanup.signal)).count
  const stopCleanup = scheduleCleanup({
    intervalMs: settings.cleanupInterval ?? 0,
    claim: async (olderThanMs) =>
      (await count(
        `INSERT INTO ${metadataTable} (key, value) VALUES ($1, now()::text) ON CONFLICT (key)
        DO UPDATE SET value = now()::text
        WHERE EXTRACT('epoch' FROM now() - ${metadataTable}.value::timestamp with time zone) * 1000 > $2::bigint`,
        [layout.cleanupKey, olderThanMs],
      )) > 0,
    deleteExpired: () =>
      count(`DELETE FROM ${table} WHERE ${layout.expires} IS NOT NULL AND ${layout.expires} < now()`, []),
    log: context.log,
  })
  const close = async (): Promise<void> => {
    stopCleanup()
    cleanup.abort()
    await database.close()
  }
  return { store: postgresStore(database, layout, close), database }
}

function postgresStore(database: Database, layout: Layout, close: () => Promise<void>): StateStore {
  const { table, expires } = layout
  const live = `(${expires} IS NULL OR ${expires} >= now())`

  async function set(queries: Queryable, request: SetStateRequest, signal: AbortSignal): Promise<void> {
    checkRequestOptions(request.options)
    const { key, etag, options } = request
    if (key === '') throw new ComponentError('missing key in set operation')
    const ttl = ttlOf(request)
    const wanted = etag ? layout.etagOf(etag) : undefined
    const { columns, values } = layout.write(request)
    const written = { ...columns, [expires]: ttl > 0 ? `now() + interval '${ttl} seconds'` : 'NULL' }
    const assignments = Object.entries({ ...written, ...layout.changed })
      .map(([column, value]) => `${column} = ${value}`)
      .join(', ')
    if (wanted !== undefined) {
      const sql = `UPDATE ${table} SET ${assignments} WHERE key = $1 AND ${layout.etagColumn} = $${values.length + 2} AND ${live}`
      const { count } = await queries.query(sql, [key, ...values, wanted], signal)
      if (count !== 1) throw new EtagError('mismatch')
      return
    }
    // A first write replaces a row that has expired and was not deleted yet.
    const condition = options.concurrency === 'first-write' ? `WHERE t.${expires} < now()` : ''
    const sql = `INSERT INTO ${table} AS t (key, ${Object.keys(written).join(', ')})
      VALUES ($1, ${Object.values(written).join(', ')}) ON CONFLICT (key) DO UPDATE SET ${assignments} ${condition}`
    const { count } = await queries.query(sql, [key, ...values], signal)
    if (count !== 1) throw new ComponentError('no item was updated')
  }

  async function remove(queries: Queryable, { key, etag }: DeleteStateRequest, signal: AbortSignal): Promise<void> {
    if (key === '') throw new ComponentError('missing key in delete operation')
    if (!etag) {
      await queries.query(`DELETE FROM ${table} WHERE key = $1`, [key], signal)
      return
    }
    const sql = `DELETE FROM ${table} WHERE key = $1 AND ${layout.etagColumn} = $2`
    const { count } = await queries.query(sql, [key, layout.etagOf(etag)], signal)
    if (count !== 1) throw new EtagError('mismatch')
  }

  const run = (queries: Queryable, item: TransactionOperation, signal: AbortSignal): Promise<void> =>
    item.operation === 'upsert' ? set(queries, item.request, signal) : remove(queries, item.request, signal)

  return {
    features: ['ETAG', 'TRANSACTIONAL', 'TTL', 'KEYS_LIKE'],

    async get(key, _metadata, _options, signal) {
      if (key === '') throw new ComponentError('missing key in get operation')
      const sql = `SELECT ${layout.columns} FROM ${table} WHERE key = $1 AND ${live}`
      const [row] = (await database.query(sql, [key], signal)).rows
      return row === undefined ? {} : layout.itemOf(row)
    },

    set: (request, signal) => set(database, request, signal),
    delete: (request, signal) => remove(database, request, signal),

    async transact(operations, _metadata, signal) {
      const [only] = operations
      if (only === undefined) return
      if (operations.length === 1) {
        await run(database, only, signal)
        return
      }
      await database.transaction(async (queries) => {
        for (const operation of operations) await run(queries, operation, signal)
      }, signal)
    },

    async keysLike({ pattern, continuationToken, pageSize }, signal) {
      if (pattern === '') throw new ComponentError('keys like pattern cannot be empty')
      const after = parseGoInt(continuationToken || '0', 64)
      if (typeof after !== 'number') throw new ComponentError(`invalid continue token: ${after.error}`)
      const sql = `SELECT key, row_id FROM ${table} WHERE key LIKE $1 AND ${live} AND row_id > $2
        ORDER BY row_id LIMIT $3`
      // One more than a page shows whether there is another.
      const { rows } = await database.query(sql, [pattern, after, pageSize ? pageSize + 1 : null], signal)
      const page = pageSize ? rows.slice(0, pageSize) : rows
      return {
        keys: page.map(({ key }) => String(key)),
        ...(page.length < rows.length && { continuationToken: String(page.at(-1)?.row_id) }),
      }
    },

    close,
  }
}

function ttlOf({ metadata }: SetStateRequest): number {
  try {
    return ttlInSeconds(metadata) ?? 0
  } catch (error) {
    throw error instanceof ComponentError ? new ComponentError(`error parsing TTL: ${error.message}`) : error
  }
}
