/** The state building block: keys, concurrency, bulk and transactions over a store, with Dapr's errors. */
import {
  EtagError,
  type QueryStateResult,
  readQuery,
  type SetStateRequest,
  type StateItem,
  type StateQuery,
  type StateStoreOptions,
  type TransactionOperation,
} from '@keystead/components'
import { monotonicMs } from '../clock.ts'
import { scanValue } from '../gojson/scan.ts'
import type { Logger } from '../log/logger.ts'
import type { ComponentMetrics, StateOperation } from '../metrics/component-metrics.ts'
import { type ApiError, state } from './api-error.ts'
import type { ComponentStore, LoadedStateStore } from './component-store.ts'
import { errorText } from './error-text.ts'
import type { StateCipher } from './state-encryption.ts'
import { storeKey } from './state-keys.ts'

type StringMap = Readonly<Record<string, string>>

/** As the app wrote it: `concurrency` and `consistency` are checked here. */
export interface StateOptions {
  readonly concurrency?: string
  readonly consistency?: string
}

export interface SaveRequest {
  readonly key: string
  readonly value: Uint8Array
  /** `value` is the text of a JSON value that the app gave, and not bytes. */
  readonly isJson?: boolean
  readonly etag?: string
  readonly metadata: StringMap
  readonly options?: StateOptions
  readonly contentType?: string
}

export interface DeleteRequest {
  readonly key: string
  readonly etag?: string
  readonly metadata: StringMap
  readonly options?: StateOptions
}

export type TransactionRequest =
  | { readonly operation: 'upsert'; readonly request: SaveRequest }
  | { readonly operation: 'delete'; readonly request: DeleteRequest }

export interface BulkItem extends StateItem {
  /** As the app knows it. */
  readonly key: string
  readonly error?: string
}

/** Every function throws or rejects with an ApiError. */
export interface StateApi {
  /**
   * The store by its name, so that a transport can refuse before it reads a body. daprd names the app in the details of
   * the refusal over HTTP only, and not for queries: `shownAppId` is empty there.
   */
  require(store: string, shownAppId?: string): LoadedStateStore
  requireTransactions(store: string, shownAppId?: string): LoadedStateStore
  /** Keys as the store has them; `query` is the JSON that the app sent. */
  query(store: string, query: string, metadata: StringMap, signal: AbortSignal): Promise<QueryStateResult>
  get(
    store: string,
    key: string,
    metadata: StringMap,
    consistency: string | undefined,
    signal: AbortSignal,
  ): Promise<StateItem>
  save(store: string, requests: readonly SaveRequest[], signal: AbortSignal): Promise<void>
  delete(store: string, request: DeleteRequest, signal: AbortSignal): Promise<void>
  deleteBulk(store: string, requests: readonly DeleteRequest[], signal: AbortSignal): Promise<void>
  /** In the order of `keys`; a key that fails has its `error`. `parallelism` 0 or less: no limit. */
  getBulk(
    store: string,
    keys: readonly string[],
    metadata: StringMap,
    parallelism: number,
    signal: AbortSignal,
  ): Promise<BulkItem[]>
  transact(
    store: string,
    operations: readonly TransactionRequest[],
    metadata: StringMap,
    signal: AbortSignal,
  ): Promise<void>
}

const noOptions: StateStoreOptions = Object.freeze({})

export function createStateApi(
  appId: string,
  components: ComponentStore,
  metrics: ComponentMetrics,
  log: Logger,
): StateApi {
  const refuse = (error: ApiError): never => {
    if (log.enabled('debug')) log.debug(error.describe())
    throw error
  }
  const require = (name: string, shownAppId = appId): LoadedStateStore => {
    const loaded = components.stateStores.get(name)
    if (loaded) return loaded
    return refuse(
      components.stateStores.size === 0
        ? state.storesNotConfigured(name, shownAppId)
        : state.storeNotFound(name, shownAppId),
    )
  }
  const observe = async <T>(name: string, operation: StateOperation, run: () => Promise<T>): Promise<T> => {
    const start = monotonicMs()
    let ok = false
    try {
      const result = await run()
      ok = true
      return result
    } finally {
      metrics.state(name, operation, ok, monotonicMs() - start)
    }
  }
  const set = (loaded: LoadedStateStore, name: string, request: SaveRequest, shown?: string): SetStateRequest => {
    const { cipher } = loaded
    const { etag, contentType, metadata } = request
    const key = storeKey(request.key, loaded.prefix, name, shown)
    const value = cipher ? encrypted(cipher, request) : request.value
    // Members are added one by one: spreads would be felt in every save.
    const prepared: Writable<SetStateRequest> = { key, value, metadata, options: noOptions }
    if (request.isJson && !cipher) prepared.isJson = true
    if (etag) prepared.etag = etag
    if (contentType !== undefined) prepared.contentType = contentType
    return prepared
  }

  const requireTransactions = (name: string, shownAppId = appId): LoadedStateStore => {
    const loaded = require(name, shownAppId)
    if (loaded.store.transact && loaded.store.features.includes('TRANSACTIONAL')) return loaded
    return refuse(state.transactionsNotSupported(name))
  }

  return {
    require,
    requireTransactions,
    async query(name, text, metadata, signal) {
      const { store, cipher } = require(name, '')
      const ask = store.query?.bind(store)
      if (!ask) return refuse(state.queryNotSupported(name))
      if (cipher) return refuse(state.queryFailed(name, 'cannot query encrypted store'))
      let query: StateQuery
      try {
        query = parsedQuery(text)
      } catch (error) {
        return refuse(state.queryFailed(name, `failed to parse JSON query body: ${errorText(error)}`))
      }
      try {
        return await observe(name, 'query', () => ask(query, metadata, signal))
      } catch (error) {
        return refuse(state.queryFailed(name, errorText(error)))
      }
    },

    async get(name, key, metadata, consistency, signal) {
      const loaded = require(name)
      const stored = storeKey(key, loaded.prefix, name)
      const start = monotonicMs()
      try {
        // A read does not refuse a mode that it does not know, as daprd's does not.
        const options: StateStoreOptions =
          consistency === 'strong' || consistency === 'eventual' ? { consistency } : noOptions
        const item = await loaded.store.get(stored, metadata, options, signal)
        metrics.state(name, 'get', true, monotonicMs() - start)
        return decrypted(loaded, item)
      } catch (error) {
        metrics.state(name, 'get', false, monotonicMs() - start)
        return refuse(state.get(key, name, errorText(error)))
      }
    },

    async save(name, requests, signal) {
      const loaded = require(name)
      const { store } = loaded
      const prepared = requests.map((request) => set(loaded, name, request))
      const [only] = prepared
      const start = monotonicMs()
      let ok = false
      try {
        // Nearly every save is of one item, and is not made to wait for more than that.
        if (only && prepared.length === 1) await store.set(withOptions(only, requests[0]?.options), signal)
        else {
          await settleAll(
            prepared.map((one, index) => async () => store.set(withOptions(one, requests[index]?.options), signal)),
          )
        }
        ok = true
      } catch (error) {
        const { status, text } = stateFailure(error)
        refuse(state.save(name, text, status))
      } finally {
        metrics.state(name, 'set', ok, monotonicMs() - start)
      }
    },

    async delete(name, request, signal) {
      const loaded = require(name)
      const key = storeKey(request.key, loaded.prefix, name)
      try {
        await observe(name, 'delete', async () => {
          const options = request.options ? checkedOptions(request.options) : noOptions
          await loaded.store.delete(
            { key, ...(request.etag ? { etag: request.etag } : {}), metadata: request.metadata, options },
            signal,
          )
        })
      } catch (error) {
        const { status, text } = stateFailure(error)
        refuse(state.delete(request.key, text, status))
      }
    },

    async deleteBulk(name, requests, signal) {
      const loaded = require(name)
      const keys = requests.map(({ key }) => storeKey(key, loaded.prefix, name))
      const one = async ({ etag, metadata, options }: DeleteRequest, index: number) =>
        loaded.store.delete(
          {
            key: keys[index] ?? '',
            ...(etag ? { etag } : {}),
            metadata,
            options: options ? checkedOptions(options) : noOptions,
          },
          signal,
        )
      try {
        await observe(name, 'bulk_delete', async () => {
          const [only] = requests
          if (only && requests.length === 1) await one(only, 0)
          else await settleAll(requests.map((request, index) => () => one(request, index)))
        })
      } catch (error) {
        const { status, text } = stateFailure(error)
        refuse(state.deleteBulk(name, text, status))
      }
    },

    async getBulk(name, keys, metadata, parallelism, signal) {
      const loaded = require(name)
      const stored = keys.map((key) => storeKey(key, loaded.prefix, name))
      const items = new Array<BulkItem>(keys.length)
      const read = async (index: number) => {
        const key = keys[index] ?? ''
        try {
          const item = await loaded.store.get(stored[index] ?? '', metadata, noOptions, signal)
          items[index] = { ...decrypted(loaded, item), key }
        } catch (error) {
          items[index] = { key, error: errorText(error) }
        }
      }
      await observe(name, 'bulk_get', () => limited(keys.length, parallelism, read))
      return items
    },

    async transact(name, operations, metadata, signal) {
      const loaded = requireTransactions(name)
      const prepared = operations.map(({ operation, request }): TransactionOperation => {
        // daprd names no key in the details of a transaction's refusal.
        if (operation === 'upsert') return { operation, request: set(loaded, name, request, '') }
        const { etag, metadata: own } = request
        const key = storeKey(request.key, loaded.prefix, name, '')
        return { operation, request: { key, ...(etag ? { etag } : undefined), metadata: own, options: noOptions } }
      })
      try {
        await observe(name, 'transaction', async () => {
          const checked = prepared.map((item, index): TransactionOperation => {
            const options = operations[index]?.request.options
            if (!options) return item
            return item.operation === 'upsert'
              ? { operation: 'upsert', request: withOptions(item.request, options) }
              : { operation: 'delete', request: { ...item.request, options: checkedOptions(options) } }
          })
          await loaded.store.transact?.(checked, metadata, signal)
        })
      } catch (error) {
        refuse(state.transaction(errorText(error)))
      }
    },
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** What is encrypted is a JSON string's own text, and any other JSON value's text. */
function encrypted(cipher: StateCipher, { value, isJson }: SaveRequest): Uint8Array {
  const text = isJson ? Buffer.from(value.buffer, value.byteOffset, value.length).toString() : ''
  return cipher.encrypt(text.startsWith('"') ? Buffer.from(String(JSON.parse(text))) : value)
}

function withOptions(request: SetStateRequest, options: StateOptions | undefined): SetStateRequest {
  return options ? { ...request, options: checkedOptions(options) } : request
}

function decrypted({ cipher }: LoadedStateStore, item: StateItem): StateItem {
  return cipher && item.data !== undefined ? { ...item, data: cipher.decrypt(item.data) } : item
}

/** Throws with the words of Go's `json.Unmarshal`, or of the query's own rules. */
function parsedQuery(text: string): StateQuery {
  const scanned = scanValue(text)
  if (!scanned.ok) throw new Error(scanned.error)
  return readQuery(text)
}

/** Throws with the words components-contrib has for a mode that it does not know. */
function checkedOptions({ concurrency, consistency }: StateOptions): StateStoreOptions {
  const checked: { concurrency?: 'first-write' | 'last-write'; consistency?: 'eventual' | 'strong' } = {}
  if (concurrency === 'first-write' || concurrency === 'last-write') checked.concurrency = concurrency
  else if (concurrency) throw new Error(`unrecognized concurrency model '${concurrency}'`)
  if (consistency === 'eventual' || consistency === 'strong') checked.consistency = consistency
  else if (consistency) throw new Error(`unrecognized consistency model '${consistency}'`)
  return checked
}

/** Several operations at once; their errors together, as Go's `errors.Join` words them. */
class JoinedError extends Error {
  override readonly name = 'JoinedError'
  readonly errors: readonly unknown[]
  constructor(errors: readonly unknown[]) {
    super(errors.map(errorText).join('\n'))
    this.errors = errors
  }
}

async function settleAll(operations: readonly (() => Promise<void>)[]): Promise<void> {
  const settled = await Promise.allSettled(operations.map((operation) => operation()))
  const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  if (errors.length === 0) return
  if (errors.every((error) => error instanceof EtagError)) {
    const invalid = errors.some((error) => error instanceof EtagError && error.kind === 'invalid')
    throw new EtagError(invalid ? 'invalid' : 'mismatch', errors.map(errorText).join('\n'))
  }
  throw new JoinedError(errors)
}

/** An etag that does not match is a conflict; one that is none, the caller's fault; all else the store's. */
function stateFailure(error: unknown): { readonly status: number; readonly text: string } {
  const etag = error instanceof JoinedError ? error.errors.find((inner) => inner instanceof EtagError) : error
  if (etag instanceof EtagError) return { status: etag.kind === 'mismatch' ? 409 : 400, text: etag.message }
  return { status: 500, text: errorText(error) }
}

async function limited(count: number, parallelism: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await run(next++)
  }
  const workers = parallelism > 0 ? Math.min(parallelism, count) : count
  await Promise.all(Array.from({ length: workers }, worker))
}
