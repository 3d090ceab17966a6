/** state.redis: state in Redis, in the hashes that daprd uses (components-contrib state/redis). */
import { decodeMetadata } from '../../component-declaration.ts'
import { ComponentError } from '../../component-error.ts'
import { EtagError } from '../../etag-error.ts'
import { parseGoInt } from '../../go/strconv.ts'
import type { ComponentContext } from '../../metadata.ts'
import type { StateStoreFactory } from '../../registry.ts'
import type {
  DeleteStateRequest,
  SetStateRequest,
  StateItem,
  StateStore,
  TransactionOperation,
} from '../../state-store.ts'
import { checkRequestOptions } from '../request-options.ts'
import { type Connection, connect } from './connection.ts'
import { globOf } from './glob.ts'
import { declaration } from './metadata.ts'
import { type Operation, operationArguments, script } from './scripts.ts'
import { formatAddresses, readAddresses } from './settings.ts'

export const factory: StateStoreFactory = { block: 'state', init }

async function init(context: ComponentContext): Promise<StateStore> {
  const { metadata, signal } = context
  const settings = decodeMetadata(declaration, metadata)
  const addresses = readAddresses(settings.redisHost, settings.redisPort)
  if (settings.queryIndexes !== '') {
    throw new ComponentError('redis store: error parsing query index schema: query indexes are not implemented')
  }
  const entra = settings.useEntraID ? await (await import('./entra-login.ts')).entraLogin(settings, context) : undefined
  const { redisUsername: username, redisPassword: password } = settings
  const login = entra?.login ?? { ...(username !== '' && { username }), ...(password !== '' && { password }) }
  const connection = connect(settings, addresses, login)
  try {
    let replicas: number
    try {
      await connection.run((client) => client.ping(), signal)
      const replication = await connection.run((client) => client.info('replication'), signal)
      replicas = Number(/^connected_slaves:(\d+)/m.exec(replication)?.[1] ?? 0)
    } catch (error) {
      if (!(error instanceof ComponentError)) throw error
      throw new ComponentError(
        `redis store: error connecting to redis at ${formatAddresses(addresses)}: ${error.message}`,
      )
    }
    entra?.keepSignedIn(connection.client)
    return redisStore(connection, { replicas, defaultTtl: settings.ttlInSeconds, onClose: () => entra?.close() })
  } catch (error) {
    entra?.close()
    connection.client.disconnect()
    throw error
  }
}

interface StoreOptions {
  readonly replicas: number
  /** Seconds, for requests that say nothing. */
  readonly defaultTtl: number | undefined
  readonly onClose: () => void
}

function redisStore(connection: Connection, { replicas, defaultTtl, onClose }: StoreOptions): StateStore {
  const { client } = connection
  client.defineCommand('keysteadWrite', { lua: script })

  async function write(operations: readonly Operation[], signal: AbortSignal): Promise<void> {
    const words = [operations.length, ...operations.map(({ key }) => key), ...operations.flatMap(operationArguments)]
    await connection.run((to) => (to as unknown as ScriptedClient).keysteadWrite(...words), signal)
  }

  function toSet(request: SetStateRequest): Operation {
    checkRequestOptions(request.options)
    const { key, value, options, etag } = request
    const version = options.concurrency === 'last-write' || !etag ? 0 : parseGoInt(etag, 64, 'Atoi')
    if (typeof version !== 'number') throw new EtagError('invalid', version.error)
    return {
      kind: 'set',
      key,
      etag: version,
      firstWrite: options.concurrency === 'first-write',
      ttl: ttlOf(request) ?? defaultTtl,
      data: value,
    }
  }

  function toDelete({ key, etag, options }: DeleteStateRequest): Operation {
    checkRequestOptions(options)
    return { kind: 'delete', key, etag: etag || '0' }
  }

  const toOperation = (item: TransactionOperation): Operation =>
    item.operation === 'upsert' ? toSet(item.request) : toDelete(item.request)

  return {
    features: ['ETAG', 'TRANSACTIONAL', 'TTL', 'KEYS_LIKE'],

    async get(key, _metadata, _options, signal): Promise<StateItem> {
      let fields: Record<string, Buffer>
      try {
        fields = await connection.run((from) => from.hgetallBuffer(key), signal)
      } catch (error) {
        if (!isReply(error, 'WRONGTYPE')) throw error
        const data = await connection.run((from) => from.getBuffer(key), signal)
        return data === null ? {} : { data }
      }
      if (Object.keys(fields).length === 0) return {}
      const { data, version } = fields
      if (data === undefined || version === undefined) {
        throw new ComponentError("required hash field 'data' or 'version' was not found")
      }
      return { data, etag: version.toString() }
    },

    async set(request, signal) {
      const operation = toSet(request)
      try {
        await write([operation], signal)
      } catch (error) {
        if (isRefusal(error) && request.etag) throw new EtagError('mismatch', error.message)
        throw failed(`failed to set key ${request.key}`, error)
      }
      if (request.options.consistency === 'strong' && replicas > 0) {
        await connection.run((to) => to.call('WAIT', replicas, 1000), signal)
      }
    },

    async delete(request, signal) {
      try {
        await write([toDelete(request)], signal)
      } catch (error) {
        if (isRefusal(error)) throw new EtagError('mismatch', error.message)
        throw error
      }
    },

    /** One script, so all keys of a transaction have to be in one slot of a cluster. */
    async transact(operations, _metadata, signal) {
      try {
        if (operations.length > 0) await write(operations.map(toOperation), signal)
      } catch (error) {
        if (isRefusal(error)) throw new EtagError('mismatch', error.message)
        throw error
      }
    },

    async keysLike({ pattern, continuationToken, pageSize }, signal) {
      if (pattern === '') throw new ComponentError('keys like pattern cannot be empty')
      const glob = globOf(pattern)
      const keys = new Set<string>()
      let cursor = '0'
      do {
        const [next, found] = await connection.run(
          (from) => from.call('SCAN', cursor, 'MATCH', glob, 'COUNT', 1000) as Promise<[string, string[]]>,
          signal,
        )
        for (const key of found) keys.add(key)
        cursor = next
      } while (cursor !== '0')
      const sorted = [...keys].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      const offset = Number(continuationToken ?? 0)
      const start = Number.isSafeInteger(offset) && offset > 0 ? offset : 0
      const end = pageSize ? start + pageSize : sorted.length
      return { keys: sorted.slice(start, end), ...(end < sorted.length && { continuationToken: String(end) }) }
    },

    async query() {
      throw new ComponentError('redis-json server support is required for query capability')
    },

    async close() {
      onClose()
      client.disconnect()
    },
  }
}

interface ScriptedClient {
  keysteadWrite(...words: (string | number | Buffer)[]): Promise<number>
}

function ttlOf({ metadata }: SetStateRequest): number | undefined {
  const text = metadata.ttlInSeconds ?? ''
  if (text === '') return undefined
  const seconds = parseGoInt(text, 64)
  if (typeof seconds === 'number') return seconds
  throw new ComponentError(`failed to parse ttl from metadata: ${seconds.error}`)
}

function isReply(error: unknown, prefix: string): error is ComponentError {
  return error instanceof ComponentError && error.message.startsWith(prefix)
}

/** The script's own refusal, and no failure of the server. */
function isRefusal(error: unknown): error is ComponentError {
  return error instanceof ComponentError && /^(?:ERR )?failed to (?:set key|delete) /.test(error.message)
}

function failed(what: string, error: unknown): unknown {
  return error instanceof ComponentError ? new ComponentError(`${what}: ${error.message}`) : error
}
