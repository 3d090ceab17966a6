/** The state API over gRPC (pkg/api/grpc/grpc.go). */
import { encodeGoJson } from '../gojson/encode.ts'
import { scanValue } from '../gojson/scan.ts'
import { state as stateErrors } from '../runtime/api-error.ts'
import type { DeleteRequest, SaveRequest, StateApi, StateOptions, TransactionRequest } from '../runtime/state.ts'
import { appKey, checkKey } from '../runtime/state-keys.ts'
import type { StateOptions as OptionsMessage, StateItem } from './gen/dapr/proto/common/v1/common.ts'
import {
  DeleteBulkStateRequest,
  DeleteStateRequest,
  ExecuteStateTransactionRequest,
  GetBulkStateRequest,
  GetBulkStateResponse,
  GetStateRequest,
  GetStateResponse,
  QueryStateRequest,
  QueryStateResponse,
  SaveStateRequest,
  type TransactionalStateOperation,
} from './gen/dapr/proto/runtime/v1/state.ts'
import { Empty } from './gen/google/protobuf/empty.ts'
import { type Method, method } from './method.ts'
import { StatusError } from './status.ts'

const none = new Uint8Array(0)
const empty = Object.freeze({})

export function stateMethods(api: StateApi): Record<string, Method> {
  return {
    GetState: method(
      GetStateRequest,
      GetStateResponse,
      async ({ storeName, key, consistency, metadata }, { signal }) => {
        api.require(storeName, '')
        checkKey(key, storeName)
        const item = await api.get(storeName, key, metadata, consistencyModes[consistency], signal)
        return { data: item.data ?? none, etag: item.etag ?? '', metadata: item.metadata ?? {} }
      },
    ),

    GetBulkState: method(
      GetBulkStateRequest,
      GetBulkStateResponse,
      async ({ storeName, keys, parallelism, metadata }, { signal }) => {
        api.require(storeName, '')
        if (keys.length === 0) return { items: [] }
        for (const key of keys) checkKey(key, storeName)
        const items = await api.getBulk(storeName, keys, metadata, parallelism, signal)
        return {
          items: items.map(({ key, data, etag, metadata: more, error }) => ({
            key: appKey(key),
            data: data ?? none,
            etag: etag ?? '',
            error: error ?? '',
            metadata: more ?? {},
          })),
        }
      },
    ),

    SaveState: method(SaveStateRequest, Empty, async ({ storeName, states }, { signal }) => {
      api.require(storeName, '')
      if (states.length === 0) return empty
      const requests = states.map((item): SaveRequest => {
        if (item.key === '') throw stateErrors.emptyKey()
        checkKey(item.key, storeName)
        const isJson = item.metadata['contentType'] === 'application/json'
        return isJson
          ? { ...common(item), value: normalizeJson(item.value), isJson }
          : { ...common(item), value: item.value.slice() }
      })
      await api.save(storeName, requests, signal)
      return empty
    }),

    DeleteState: method(DeleteStateRequest, Empty, async (request, { signal }) => {
      const { storeName } = request
      api.require(storeName, '')
      checkKey(request.key, storeName)
      await api.delete(storeName, common(request), signal)
      return empty
    }),

    DeleteBulkState: method(DeleteBulkStateRequest, Empty, async ({ storeName, states }, { signal }) => {
      api.require(storeName, '')
      for (const { key } of states) checkKey(key, storeName)
      await api.deleteBulk(storeName, states.map(common), signal)
      return empty
    }),

    ExecuteStateTransaction: method(
      ExecuteStateTransactionRequest,
      Empty,
      async ({ storeName, operations, metadata }, { signal }) => {
        api.requireTransactions(storeName, '')
        const requests = operations.map((operation) => toTransaction(operation, storeName))
        await api.transact(storeName, requests, metadata, signal)
        return empty
      },
    ),

    QueryStateAlpha1: method(
      QueryStateRequest,
      QueryStateResponse,
      async ({ storeName, query, metadata }, { signal }) => {
        const { items, token } = await api.query(storeName, query, metadata, signal)
        return {
          results: items.map(({ key, data, etag }) => ({ key: appKey(key), data, etag: etag ?? '', error: '' })),
          token: items.length === 0 ? '' : token,
          metadata: {},
        }
      },
    ),
  }
}

const consistencyModes: Readonly<Record<number, string>> = { 1: 'eventual', 2: 'strong' }
const concurrencyModes: Readonly<Record<number, string>> = { 1: 'first-write', 2: 'last-write' }

/** A mode that is not known counts as none, as in daprd. */
function optionsOf(options: OptionsMessage): StateOptions {
  const concurrency = concurrencyModes[options.concurrency]
  const consistency = consistencyModes[options.consistency]
  return { ...(concurrency ? { concurrency } : {}), ...(consistency ? { consistency } : {}) }
}

function common({ key, etag, metadata, options }: Omit<StateItem, 'value'>): DeleteRequest {
  return { key, metadata, ...(etag ? { etag: etag.value } : {}), ...(options ? { options: optionsOf(options) } : {}) }
}

const noRequest: StateItem = { key: '', value: none, etag: undefined, metadata: {}, options: undefined }

function toTransaction(operation: TransactionalStateOperation, store: string): TransactionRequest {
  const { operationType, request = noRequest } = operation
  checkKey(request.key, store)
  // A store may keep the value: it must not hold on to the chunk it came in.
  if (operationType === 'upsert')
    return { operation: 'upsert', request: { ...common(request), value: request.value.slice() } }
  if (operationType === 'delete') return { operation: 'delete', request: common(request) }
  throw stateErrors.operationNotSupported(operationType)
}

/** A value that says it is JSON is kept as Go writes what it read. Throws with the words of Go's `json.Unmarshal`. */
function normalizeJson(value: Uint8Array): Uint8Array {
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8')
  const scanned = scanValue(text)
  if (!scanned.ok) throw new StatusError('Unknown', scanned.error)
  return Buffer.from(encodeGoJson(JSON.parse(text)))
}
