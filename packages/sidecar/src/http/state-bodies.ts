/** The bodies of the state API, read as Go reads them into its request types. */
import {
  decodeFirstValue,
  eachField,
  GoJsonError,
  type GoPlace,
  isJsonObject,
  jsonKind,
  readInt,
  readSlice,
  readString,
  readStringMap,
  typeError,
} from '../gojson/decode.ts'
import { encodeGoJson } from '../gojson/encode.ts'
import { tooDeep } from '../gojson/scan.ts'
import { type ApiError, malformedBody, malformedRequest, state } from '../runtime/api-error.ts'
import type { SaveRequest, StateOptions, TransactionRequest } from '../runtime/state.ts'
import { decodeOperationRequest, MapDecodeError } from './map-decode.ts'

type StringMap = Readonly<Record<string, string>>

const noMetadata: StringMap = Object.freeze({})

/** By their names in lower case: Go matches whatever the case. */
const setPlaces: ReadonlyMap<string, GoPlace> = new Map(
  ['key', 'value', 'etag', 'metadata', 'options', 'contentType'].map((field) => [
    field.toLowerCase(),
    { struct: 'SetRequest', field },
  ]),
)
const optionFields = { concurrency: 'Concurrency', consistency: 'Consistency' }

/** The requests of `POST /v1.0/state/{store}`. Throws an ApiError. `query` holds the `metadata.*` parameters, which win. */
export function readSaveRequests(text: string, query: StringMap): SaveRequest[] {
  try {
    const body = decodeFirstValue(text)
    if (body === null) return []
    if (!Array.isArray(body)) throw typeError(jsonKind(body), { struct: '', field: '' }, '[]state.SetRequest')
    const requests = body.map((item) => readSetRequest(item, query))
    for (const { key } of requests) if (key === '') throw malformedRequest('"key" is a required field')
    return requests
  } catch (error) {
    throw error instanceof GoJsonError ? malformedRequest(error.message) : error
  }
}

function readSetRequest(item: unknown, query: StringMap): SaveRequest {
  if (item !== null && !isJsonObject(item)) {
    throw typeError(jsonKind(item), { struct: '', field: '' }, 'state.SetRequest')
  }
  const request: Writable<SaveRequest> = { key: '', value: nullValue, isJson: true, metadata: query }
  let value: unknown = null
  for (const name in item) {
    const place = setPlaces.get(name) ?? setPlaces.get(name.toLowerCase())
    if (place === undefined) continue
    const member = item[name]
    switch (place.field) {
      case 'key':
        request.key = readString(member, place)
        break
      case 'value':
        value = member
        break
      case 'etag':
        request.etag = readString(member, place)
        break
      case 'metadata': {
        const own = readStringMap(member, place)
        if (own) request.metadata = query === noMetadata ? own : { ...own, ...query }
        break
      }
      case 'options': {
        const options = readOptions(member, place)
        if (options) request.options = options
        else delete request.options
        break
      }
      default:
        if (member === null) delete request.contentType
        else request.contentType = readString(member, place)
    }
  }
  if (value !== null) request.value = encodeValue(value)
  return request
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

const nullValue = Buffer.from('null')

/** A value as the store keeps it. What is nested too deep for the stack is refused as Go refuses it. */
function encodeValue(value: unknown): Buffer {
  try {
    return Buffer.from(encodeGoJson(value))
  } catch (error) {
    throw error instanceof RangeError ? new GoJsonError(tooDeep) : error
  }
}

function readOptions(member: unknown, place: GoPlace): StateOptions | undefined {
  if (member === null) return undefined
  if (!isJsonObject(member)) throw typeError(jsonKind(member), place, 'state.SetStateOption')
  const options: { concurrency?: string; consistency?: string } = {}
  eachField(member, optionFields, (field, text) => {
    const value = readString(text, { struct: 'SetStateOption', field: `options.${field}` })
    if (value !== '') options[field === 'Concurrency' ? 'concurrency' : 'consistency'] = value
  })
  return options
}

export interface BulkGetBody {
  readonly keys: readonly string[]
  readonly metadata: StringMap
  readonly parallelism: number
}

/** The body of `POST /v1.0/state/{store}/bulk`. Throws an ApiError. */
export function readBulkGet(text: string, query: StringMap): BulkGetBody {
  return wrapped(() => {
    const body = decodeFirstValue(text)
    const read = { keys: [] as string[], metadata: query, parallelism: 0 }
    if (body === null) return read
    if (!isJsonObject(body)) throw typeError(jsonKind(body), { struct: '', field: '' }, 'http.BulkGetRequest')
    eachField(body, { metadata: 'metadata', keys: 'keys', parallelism: 'parallelism' }, (field, member) => {
      const place = { struct: 'BulkGetRequest', field }
      if (field === 'keys') read.keys = readSlice(member, place, '[]string', (key) => readString(key, place)) ?? []
      else if (field === 'metadata') read.metadata = { ...readStringMap(member, place), ...query }
      else read.parallelism = readInt(member, place)
    })
    return read
  })
}

export interface TransactionBody {
  readonly operations: readonly TransactionRequest[]
  readonly metadata: StringMap
}

/** The body of `POST /v1.0/state/{store}/transaction`. Throws an ApiError. */
export function readTransaction(text: string, query: StringMap): TransactionBody {
  return wrapped(() => {
    const body = decodeFirstValue(text)
    let items: { operation: string; request: unknown }[] = []
    let metadata: StringMap = query
    if (body !== null) {
      if (!isJsonObject(body)) {
        throw typeError(jsonKind(body), { struct: '', field: '' }, 'http.stateTransactionRequestBody')
      }
      eachField(body, { operations: 'operations', metadata: 'metadata' }, (field, member) => {
        const place = { struct: 'stateTransactionRequestBody', field }
        if (field === 'metadata') metadata = { ...readStringMap(member, place), ...query }
        else {
          const type = '[]http.stateTransactionRequestBodyOperation'
          items = readSlice(member, place, type, (item) => readOperation(item, place)) ?? []
        }
      })
    }
    return { operations: items.map(({ operation, request }) => toRequest(operation, request, query)), metadata }
  })
}

function readOperation(item: unknown, place: GoPlace): { operation: string; request: unknown } {
  const read = { operation: '', request: null as unknown }
  if (item === null) return read
  if (!isJsonObject(item)) throw typeError(jsonKind(item), place, 'http.stateTransactionRequestBodyOperation')
  eachField(item, { operation: 'operation', request: 'request' }, (field, member) => {
    if (field === 'request') read.request = member
    else {
      read.operation = readString(member, {
        struct: 'stateTransactionRequestBodyOperation',
        field: 'operations.operation',
      })
    }
  })
  return read
}

function toRequest(operation: string, request: unknown, query: StringMap): TransactionRequest {
  if (operation !== 'upsert' && operation !== 'delete') throw state.operationNotSupported(operation)
  const { value, contentType, metadata, ...rest } = decodeOperationRequest(request, operation)
  const common = { ...rest, metadata: metadata ? { ...metadata, ...query } : query }
  if (operation === 'delete') return { operation, request: common }
  return {
    operation,
    request: {
      ...common,
      value: encodeValue(value ?? null),
      isJson: true,
      ...(contentType === undefined ? {} : { contentType }),
    },
  }
}

function wrapped<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw toApiError(error)
  }
}

function toApiError(error: unknown): ApiError | unknown {
  return error instanceof GoJsonError || error instanceof MapDecodeError ? malformedBody(error.message) : error
}
