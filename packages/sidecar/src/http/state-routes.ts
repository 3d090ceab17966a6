/** The state API over HTTP. */
import type { QueryStateItem } from '@keystead/components'
import { encodeGoJson, escapeGoHtml } from '../gojson/encode.ts'
import { compactJson, scanFirstValue } from '../gojson/scan.ts'
import { bodyRead } from '../runtime/api-error.ts'
import type { BulkItem, StateApi } from '../runtime/state.ts'
import { appKey } from '../runtime/state-keys.ts'
import { type BodyResult, type Exchange, tooLarge } from './exchange.ts'
import { findHeader } from './headers.ts'
import type { RouteDefinition } from './route.ts'
import { readBulkGet, readSaveRequests, readTransaction } from './state-bodies.ts'

export function stateRoutes(api: StateApi): RouteDefinition[] {
  const v1 = { version: 'v1.0', group: 'state' }
  const write = { ...v1, methods: ['POST', 'PUT'] }
  return [
    {
      ...v1,
      methods: ['GET'],
      path: 'state/{storeName}/{key}',
      name: 'GetState',
      async handle(exchange) {
        const [store = '', key = ''] = exchange.parameters
        const consistency = exchange.queryParameter('consistency')
        const item = await api.get(store, key, exchange.metadata, consistency, exchange.signal)
        if (item.data === undefined) {
          exchange.empty()
          return
        }
        const headers: string[] = []
        if (item.etag !== undefined) headers.push('Etag', headerValue(item.etag))
        for (const name in item.metadata) {
          const value = item.metadata[name]
          if (value !== undefined && headerName.test(name))
            headers.push(`Metadata.${name.toLowerCase()}`, headerValue(value))
        }
        exchange.json(200, item.data, ...headers)
      },
    },
    {
      ...write,
      path: 'state/{storeName}',
      name: 'SaveState',
      handle(exchange) {
        const [store = ''] = exchange.parameters
        api.require(store)
        withBody(exchange, async (text) => {
          const requests = readSaveRequests(text, exchange.metadata)
          if (requests.length > 0) await api.save(store, requests, exchange.signal)
          exchange.empty()
        })
      },
    },
    {
      ...v1,
      methods: ['DELETE'],
      path: 'state/{storeName}/{key}',
      name: 'DeleteState',
      async handle(exchange) {
        const [store = '', key = ''] = exchange.parameters
        const etag = findHeader(exchange.request.rawHeaders, 'if-match')
        const concurrency = exchange.queryParameter('concurrency')
        const consistency = exchange.queryParameter('consistency')
        await api.delete(
          store,
          {
            key,
            ...(etag ? { etag } : {}),
            metadata: exchange.metadata,
            ...(concurrency || consistency
              ? { options: { ...(concurrency ? { concurrency } : {}), ...(consistency ? { consistency } : {}) } }
              : {}),
          },
          exchange.signal,
        )
        exchange.empty()
      },
    },
    {
      ...write,
      path: 'state/{storeName}/bulk',
      name: 'GetBulkState',
      handle(exchange) {
        const [store = ''] = exchange.parameters
        api.require(store)
        withBody(exchange, async (text) => {
          const { keys, metadata, parallelism } = readBulkGet(text, exchange.metadata)
          const items = await api.getBulk(store, keys, metadata, parallelism, exchange.signal)
          exchange.json(200, bulkJson(items))
        })
      },
    },
    {
      ...write,
      path: 'state/{storeName}/transaction',
      name: 'ExecuteStateTransaction',
      handle(exchange) {
        const [store = ''] = exchange.parameters
        api.requireTransactions(store)
        withBody(exchange, async (text) => {
          const { operations, metadata } = readTransaction(text, exchange.metadata)
          if (operations.length > 0) await api.transact(store, operations, metadata, exchange.signal)
          exchange.empty()
        })
      },
    },
    {
      ...write,
      version: 'v1.0-alpha1',
      path: 'state/{storeName}/query',
      name: 'QueryStateAlpha1',
      handle(exchange) {
        const [store = ''] = exchange.parameters
        exchange.readBody(async ({ kind, body }) => {
          if (kind === 'too-large') throw bodyRead('stream too large')
          const { items, token } = await api.query(store, body.toString(), exchange.metadata, exchange.signal)
          if (items.length === 0) exchange.empty()
          else exchange.json(200, queryJson(items, token))
        })
      },
    },
  ]
}

/** Runs `use` on the body as text; a body over the limit counts when its first value was complete, as in Go. */
function withBody(exchange: Exchange, use: (text: string) => Promise<void>): void {
  exchange.readBody((result) => use(bodyText(result)))
}

function bodyText({ kind, body }: BodyResult): string {
  const text = body.toString('utf8')
  if (kind === 'complete') return text
  const scanned = scanFirstValue(text)
  if (!scanned.ok && (scanned.error === 'EOF' || scanned.error === 'unexpected EOF')) throw tooLarge()
  return text
}

/** Items in the order asked for. Data that is no JSON makes the whole answer empty, as it does in daprd. */
function bulkJson(items: readonly BulkItem[]): string {
  const parts: string[] = []
  for (const { key, data, etag, metadata, error } of items) {
    let json = `{"key":${encodeGoJson(appKey(key))}`
    if (error !== undefined && error !== '') json += `,"error":${encodeGoJson(error)}`
    else {
      if (data !== undefined && data.length > 0) {
        const compact = compactJson(Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf8'))
        if (compact === undefined) return ''
        json += `,"data":${escapeGoHtml(compact)}`
      }
      if (etag !== undefined) json += `,"etag":${encodeGoJson(etag)}`
      if (metadata && Object.keys(metadata).length > 0) json += `,"metadata":${encodeGoJson(metadata)}`
    }
    parts.push(`${json}}`)
  }
  return `[${parts.join(',')}]\n`
}

function queryJson(items: readonly QueryStateItem[], token: string): string {
  const results = items.map(({ key, data, etag }) => {
    const value = Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf8')
    const parts = [`"key":${encodeGoJson(appKey(key))}`, `"data":${escapeGoHtml(compactJson(value) ?? 'null')}`]
    if (etag !== undefined && etag !== '') parts.push(`"etag":${encodeGoJson(etag)}`)
    return `{${parts.join(',')}}`
  })
  return `{"results":[${results.join(',')}]${token === '' ? '' : `,"token":${encodeGoJson(token)}`}}\n`
}

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Go replaces line breaks in header values; what else a header cannot hold is left out. */
function headerValue(text: string): string {
  return text.replace(/[\r\n]/g, ' ').replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
}
