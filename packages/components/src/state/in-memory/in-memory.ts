/** state.in-memory: state that lives as long as the sidecar (components-contrib state/in-memory). */
import { ComponentError } from '../../component-error.ts'
import { EtagError } from '../../etag-error.ts'
import { parseGoInt, quote } from '../../go/strconv.ts'
import type { StateStoreFactory } from '../../registry.ts'
import type { DeleteStateRequest, SetStateRequest, StateItem, StateStore } from '../../state-store.ts'
import { checkRequestOptions } from '../request-options.ts'

export const factory: StateStoreFactory = {
  block: 'state',
  init: async () => createInMemoryStateStore({ now: Date.now, newEtag: () => globalThis.crypto.randomUUID() }),
}

export interface InMemoryDependencies {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly newEtag: () => string
}

interface Item {
  readonly data: Uint8Array
  readonly etag: string
  /** Counts writes, so that keys are listed in the order of their last write. */
  readonly index: number
  /** Milliseconds since the epoch; undefined: never. */
  readonly expires: number | undefined
}

const sweepEveryMs = 1000

/** An empty store. What has expired is gone for every request at once; its memory is given back with the next write after a second. */
export function createInMemoryStateStore({ now, newEtag }: InMemoryDependencies): StateStore {
  const items = new Map<string, Item>()
  const expiring = new Set<string>()
  let nextSweep = 0
  let writes = 0

  function find(key: string): Item | undefined {
    const item = items.get(key)
    return item?.expires !== undefined && now() > item.expires ? undefined : item
  }

  function sweep(): void {
    const time = now()
    if (time < nextSweep) return
    nextSweep = time + sweepEveryMs
    for (const key of expiring) if (find(key) === undefined) remove(key)
  }

  function remove(key: string): void {
    items.delete(key)
    expiring.delete(key)
  }

  function put(request: SetStateRequest, ttlSeconds: number): void {
    const expires = ttlSeconds > 0 ? now() + ttlSeconds * 1000 : undefined
    items.set(request.key, { data: request.value, etag: newEtag(), index: writes++, expires })
    if (expires === undefined) expiring.delete(request.key)
    else expiring.add(request.key)
  }

  function checkEtag({ key, etag, options }: SetStateRequest | DeleteStateRequest): void {
    const item = find(key)
    if (etag !== undefined && etag !== '') {
      if (item === undefined) throw new EtagError('mismatch', `state not exist or expired for key=${key}`)
      if (item.etag !== etag) {
        throw new EtagError('mismatch', `state etag not match for key=${key}: current=${item.etag}, expect=${etag}`)
      }
    } else if (options.concurrency === 'first-write' && item !== undefined) {
      throw new EtagError('mismatch', 'item already exists and no etag was passed')
    }
  }

  return {
    features: ['ETAG', 'TRANSACTIONAL', 'TTL', 'DELETE_WITH_PREFIX', 'KEYS_LIKE'],

    async get(key): Promise<StateItem> {
      const item = find(key)
      if (item === undefined) return {}
      const { data, etag, expires } = item
      return expires === undefined ? { data, etag } : { data, etag, metadata: { ttlExpireTime: rfc3339(expires) } }
    },

    async set(request) {
      checkRequestOptions(request.options)
      const ttl = ttlInSeconds(request.metadata)
      checkEtag(request)
      put(request, ttl)
      sweep()
    },

    async delete(request) {
      checkRequestOptions(request.options)
      checkEtag(request)
      remove(request.key)
      sweep()
    },

    /** Everything is checked before anything is written, so a refusal leaves the store as it was. */
    async transact(operations) {
      const ttls = operations.map(({ operation, request }) => {
        checkRequestOptions(request.options)
        return operation === 'upsert' ? ttlInSeconds(request.metadata) : 0
      })
      for (const { request } of operations) checkEtag(request)
      for (const [index, operation] of operations.entries()) {
        if (operation.operation === 'upsert') put(operation.request, ttls[index] ?? 0)
        else remove(operation.request.key)
      }
      sweep()
    },

    async deleteWithPrefix(prefix) {
      if (prefix === '' || prefix === '||')
        throw new ComponentError('a prefix is required for deleteWithPrefix request')
      const full = prefix.endsWith('||') ? prefix : `${prefix}||`
      const keys = [...items.keys()].filter((key) => key.startsWith(full) && !key.slice(full.length).includes('||'))
      for (const key of keys) remove(key)
      return keys.length
    },

    async keysLike({ pattern, continuationToken, pageSize }) {
      if (pattern === '') throw new ComponentError('keys like pattern cannot be empty')
      const matches = likePattern(pattern)
      const from = continuationToken === undefined ? 0 : continuation(continuationToken)
      const found = [...items]
        .filter(([key, item]) => item.index >= from && matches.test(key))
        .sort(([, one], [, other]) => one.index - other.index)
      const page = pageSize === undefined ? found : found.slice(0, pageSize)
      const next = found[page.length]?.[1]
      return { keys: page.map(([key]) => key), ...(next && { continuationToken: String(next.index) }) }
    },
  }
}

function ttlInSeconds(metadata: Readonly<Record<string, string>>): number {
  const text = metadata.ttlInSeconds ?? ''
  if (text === '') return 0
  const parsed = parseGoInt(text, 64, 'Atoi')
  if (typeof parsed !== 'number') throw new ComponentError(parsed.error)
  return parsed
}

/** SQL LIKE: `%` any text, `_` one character, a backslash takes the next one literally. */
function likePattern(pattern: string): RegExp {
  const source = pattern.replace(/\\(.)|\\$|%|_|[^\\%_]+/gsu, (token, escaped?: string) => {
    if (token === '%') return '.*'
    return token === '_' ? '.' : (escaped ?? token).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return new RegExp(`^${source}$`, 'u')
}

function continuation(token: string): number {
  const parsed = parseGoInt(token, 64)
  if (typeof parsed === 'number' && parsed >= 0) return parsed
  throw new ComponentError(`invalid continue token: strconv.ParseUint: parsing ${quote(token)}: invalid syntax`)
}

function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')
}
