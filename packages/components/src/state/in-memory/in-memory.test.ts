import { beforeEach, describe, expect, it } from 'vitest'
import type { StateStore } from '../../state-store.ts'
import { createInMemoryStateStore } from './in-memory.ts'

const signal = new AbortController().signal
let clock: number
let etags: number
let store: StateStore

beforeEach(() => {
  clock = Date.parse('2026-01-01T00:00:00.500Z')
  etags = 0
  store = createInMemoryStateStore({ now: () => clock, newEtag: () => `etag-${++etags}` })
})

const set = (key: string, over: Partial<Parameters<StateStore['set']>[0]> = {}) =>
  store.set({ key, value: Buffer.from(key), metadata: {}, options: {}, ...over }, signal)
const get = (key: string) => store.get(key, {}, {}, signal)

it('says what it can do, as daprd does', () => {
  expect(store.features).toEqual(['ETAG', 'TRANSACTIONAL', 'TTL', 'DELETE_WITH_PREFIX', 'KEYS_LIKE'])
})

describe('a time to live', () => {
  it('is told as the time of its end, and kept to', async () => {
    await set('a', { metadata: { ttlInSeconds: '2' } })
    expect((await get('a')).metadata).toEqual({ ttlExpireTime: '2026-01-01T00:00:02Z' })
    clock += 2000
    expect((await get('a')).data).toBeDefined()
    clock += 1
    expect(await get('a')).toEqual({})
  })

  it('is gone with a write that has none', async () => {
    await set('a', { metadata: { ttlInSeconds: '2' } })
    await set('a')
    clock += 3_600_000
    expect((await get('a')).data).toBeDefined()
  })

  it.each(['0', '-1', ''])('of %j is none', async (ttlInSeconds) => {
    await set('a', { metadata: { ttlInSeconds } })
    clock += 3_600_000
    expect((await get('a')).metadata).toBeUndefined()
  })

  it('that is not a number is refused, also in a transaction, which then does nothing', async () => {
    const metadata = { ttlInSeconds: 'soon' }
    const refusal = 'strconv.Atoi: parsing "soon": invalid syntax'
    await expect(set('a', { metadata })).rejects.toThrow(refusal)
    const request = { key: 'a', value: Buffer.from('x'), metadata: {}, options: {} }
    await expect(
      store.transact?.(
        [
          { operation: 'upsert', request },
          { operation: 'upsert', request: { ...request, metadata } },
        ],
        {},
        signal,
      ),
    ).rejects.toThrow(refusal)
    expect(await get('a')).toEqual({})
  })
})

describe('an etag', () => {
  it('that is old is refused with both', async () => {
    await set('a')
    await set('a')
    await expect(set('a', { etag: 'etag-1' })).rejects.toThrow(
      'possible etag mismatch. error from state store: state etag not match for key=a: current=etag-2, expect=etag-1',
    )
  })

  it('for a key that is not there, or no longer, is refused', async () => {
    const refusal = 'possible etag mismatch. error from state store: state not exist or expired for key=a'
    await expect(set('a', { etag: 'etag-1' })).rejects.toThrow(refusal)
    await set('a', { metadata: { ttlInSeconds: '1' } })
    clock += 1001
    await expect(set('a', { etag: 'etag-1' })).rejects.toThrow(refusal)
  })

  it('is asked for by first-write where the key is there', async () => {
    await set('a')
    await expect(set('a', { options: { concurrency: 'first-write' } })).rejects.toThrow(
      'possible etag mismatch. error from state store: item already exists and no etag was passed',
    )
  })
})

it('refuses options that are not Dapr words', async () => {
  const options = JSON.parse('{"concurrency":"maybe"}')
  await expect(set('a', { options })).rejects.toThrow("unrecognized concurrency model 'maybe'")
  await expect(set('a', { options: JSON.parse('{"consistency":"some"}') })).rejects.toThrow(
    "unrecognized consistency model 'some'",
  )
})

describe('a prefix', () => {
  it('deletes the keys right under it and counts them', async () => {
    for (const key of ['app||actor||1||a', 'app||actor||1||b', 'app||actor||1||b||c', 'app||actor||10||a'])
      await set(key)
    expect(await store.deleteWithPrefix?.('app||actor||1', signal)).toBe(2)
    expect((await get('app||actor||1||b||c')).data).toBeDefined()
    expect((await get('app||actor||10||a')).data).toBeDefined()
  })

  it.each(['', '||'])('%j is refused', async (prefix) => {
    await expect(store.deleteWithPrefix?.(prefix, signal)).rejects.toThrow(
      'a prefix is required for deleteWithPrefix request',
    )
  })
})

describe('a pattern', () => {
  beforeEach(async () => {
    for (const key of ['b1', 'a1', 'a2', 'a%', 'a.c']) await set(key)
  })

  it.each([
    ['a%', ['a1', 'a2', 'a%', 'a.c']],
    ['a_', ['a1', 'a2', 'a%']],
    ['a\\%', ['a%']],
    ['a.%', ['a.c']],
    ['%1', ['b1', 'a1']],
    ['z', []],
  ])('%s lists keys in the order of their writing', async (pattern, keys) => {
    expect(await store.keysLike?.({ pattern }, signal)).toEqual({ keys })
  })

  it('is answered in pages', async () => {
    const first = await store.keysLike?.({ pattern: 'a%', pageSize: 3 }, signal)
    expect(first).toEqual({ keys: ['a1', 'a2', 'a%'], continuationToken: '4' })
    expect(await store.keysLike?.({ pattern: 'a%', pageSize: 3, continuationToken: '4' }, signal)).toEqual({
      keys: ['a.c'],
    })
  })

  it('is refused when it is empty, or goes on from nowhere', async () => {
    await expect(store.keysLike?.({ pattern: '' }, signal)).rejects.toThrow('keys like pattern cannot be empty')
    await expect(store.keysLike?.({ pattern: 'a', continuationToken: 'x' }, signal)).rejects.toThrow(
      'invalid continue token: ',
    )
  })
})

it('keeps odd names as names', async () => {
  for (const key of ['__proto__', 'constructor', '']) await set(key)
  for (const key of ['__proto__', 'constructor', ''])
    expect(Buffer.from((await get(key)).data ?? [])).toEqual(Buffer.from(key))
  expect(await get('toString')).toEqual({})
})
