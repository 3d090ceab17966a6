/** What every state store must do, as checks that any test runner can run. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { isEtagMismatch } from '../etag-error.ts'
import type { SetStateRequest, StateItem, StateStore, StateStoreFeature, StateStoreOptions } from '../state-store.ts'
import type { Check } from './check.ts'

export interface StateStoreSubject {
  readonly store: StateStore
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000)
const bytes = (text: string): Uint8Array => Buffer.from(text)
let keys = 0
const newKey = (): string => `app||key-${++keys}-${process.pid}`

interface Extra {
  readonly etag?: string
  readonly options?: StateStoreOptions
  readonly metadata?: Readonly<Record<string, string>>
}

function request(key: string, value: string, { etag, options = {}, metadata = {} }: Extra = {}): SetStateRequest {
  return { key, value: bytes(value), options, metadata, ...(etag !== undefined && { etag }) }
}

const get = (store: StateStore, key: string): Promise<StateItem> => store.get(key, {}, {}, signal())
const set = (store: StateStore, key: string, value: string, extra?: Extra): Promise<void> =>
  store.set(request(key, value, extra), signal())
const remove = (store: StateStore, key: string, { etag, options = {} }: Extra = {}): Promise<void> =>
  store.delete({ key, options, metadata: {}, ...(etag !== undefined && { etag }) }, signal())

async function text(store: StateStore, key: string): Promise<string | undefined> {
  const { data } = await get(store, key)
  return data && Buffer.from(data).toString()
}

async function etagOf(store: StateStore, key: string): Promise<string> {
  const { etag } = await get(store, key)
  assert.ok(etag, 'an item has an etag')
  return etag
}

const basics: readonly Check<StateStoreSubject>[] = [
  {
    name: 'has nothing under a key that was never set',
    async run({ store }) {
      const item = await get(store, newKey())
      assert.equal(item.data, undefined)
      assert.equal(item.etag, undefined)
    },
  },
  {
    name: 'gives back exactly the bytes that were set',
    async run({ store }) {
      for (const value of [Buffer.from('{"a":1}'), Buffer.alloc(0), Buffer.from([0, 255, 128, 10, 13])]) {
        const key = newKey()
        await store.set({ key, value, metadata: {}, options: {} }, signal())
        assert.deepEqual(Buffer.from((await get(store, key)).data ?? []), value)
      }
    },
  },
  {
    name: 'replaces a value',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'one')
      await set(store, key, 'two')
      assert.equal(await text(store, key), 'two')
    },
  },
  {
    name: 'deletes, and takes a second delete for done',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'one')
      await remove(store, key)
      await remove(store, key)
      assert.equal(await text(store, key), undefined)
    },
  },
  {
    name: 'keeps keys with unusual characters apart',
    async run({ store }) {
      const odd = ['a b', 'a+b', 'a%20b', 'ü☃', "a'b", 'a?b=c&d', 'a#b', 'a/b'].map((end) => `${newKey()}-${end}`)
      for (const key of odd) await set(store, key, key)
      for (const key of odd) assert.equal(await text(store, key), key)
    },
  },
]

const etags: readonly Check<StateStoreSubject>[] = [
  {
    name: 'gives a new etag with each write',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'one')
      const first = await etagOf(store, key)
      await set(store, key, 'one')
      assert.notEqual(await etagOf(store, key), first)
    },
  },
  {
    name: 'writes and deletes with the current etag',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'one')
      await set(store, key, 'two', { etag: await etagOf(store, key) })
      assert.equal(await text(store, key), 'two')
      await remove(store, key, { etag: await etagOf(store, key) })
      assert.equal(await text(store, key), undefined)
    },
  },
  {
    name: 'refuses an old etag and leaves the value',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'one')
      const old = await etagOf(store, key)
      await set(store, key, 'two')
      await assert.rejects(set(store, key, 'three', { etag: old }), isEtagMismatch)
      await assert.rejects(remove(store, key, { etag: old }), isEtagMismatch)
      assert.equal(await text(store, key), 'two')
    },
  },
  {
    name: 'takes an empty etag for none',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'one', { etag: '' })
      await set(store, key, 'two', { etag: '' })
      assert.equal(await text(store, key), 'two')
    },
  },
  {
    name: 'lets the first write win where the writer asks for it',
    async run({ store }) {
      const key = newKey()
      const options = { concurrency: 'first-write' } as const
      await set(store, key, 'one', { options })
      await assert.rejects(set(store, key, 'two', { options }))
      await set(store, key, 'three', { options, etag: await etagOf(store, key) })
      assert.equal(await text(store, key), 'three')
    },
  },
  {
    name: 'lets one of many writers with the same etag win',
    async run({ store }) {
      const key = newKey()
      await set(store, key, 'start')
      const etag = await etagOf(store, key)
      const writes = Array.from({ length: 8 }, (_, index) => set(store, key, `writer ${index}`, { etag }))
      const results = await Promise.allSettled(writes)
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    },
  },
]

const transactions: readonly Check<StateStoreSubject>[] = [
  {
    name: 'does every operation of a transaction, in order',
    async run({ store }) {
      const [kept, gone] = [newKey(), newKey()]
      await set(store, gone, 'old')
      await store.transact?.(
        [
          { operation: 'upsert', request: request(kept, 'one') },
          { operation: 'upsert', request: request(kept, 'two') },
          { operation: 'delete', request: { key: gone, metadata: {}, options: {} } },
        ],
        {},
        signal(),
      )
      assert.deepEqual([await text(store, kept), await text(store, gone)], ['two', undefined])
    },
  },
  {
    name: 'does nothing of a transaction of which one operation is refused',
    async run({ store }) {
      assert.ok(store.transact, 'has transactions')
      const [one, other] = [newKey(), newKey()]
      await set(store, one, 'before')
      await set(store, other, 'first')
      const old = await etagOf(store, other)
      await set(store, other, 'second')
      const refused = store.transact(
        [
          { operation: 'upsert', request: request(one, 'after') },
          { operation: 'upsert', request: request(other, 'x', { etag: old }) },
        ],
        {},
        signal(),
      )
      await assert.rejects(refused, isEtagMismatch)
      assert.deepEqual([await text(store, one), await text(store, other)], ['before', 'second'])
    },
  },
]

const timesToLive: readonly Check<StateStoreSubject>[] = [
  {
    name: 'lets an item go when its time to live has passed',
    async run({ store }) {
      const [short, long, ever] = [newKey(), newKey(), newKey()]
      await set(store, short, 'one', { metadata: { ttlInSeconds: '1' } })
      await set(store, long, 'two', { metadata: { ttlInSeconds: '1000' } })
      await set(store, ever, 'three', { metadata: { ttlInSeconds: '1000' } })
      await set(store, ever, 'three', { metadata: { ttlInSeconds: '-1' } })
      for (const end = Date.now() + 10_000; (await text(store, short)) !== undefined; ) {
        assert.ok(Date.now() < end, 'the item is still there')
        await setTimeout(50)
      }
      assert.deepEqual([await text(store, long), await text(store, ever)], ['two', 'three'])
      assert.equal((await get(store, ever)).metadata?.ttlExpireTime, undefined)
    },
  },
  {
    name: 'counts what has expired as not there for a first write',
    async run({ store }) {
      const key = newKey()
      const options = { concurrency: 'first-write' } as const
      await set(store, key, 'one', { options, metadata: { ttlInSeconds: '1' } })
      await assert.rejects(set(store, key, 'two', { options }))
      while ((await text(store, key)) !== undefined) await setTimeout(50)
      await set(store, key, 'three', { options })
      assert.equal(await text(store, key), 'three')
    },
  },
  {
    name: 'refuses a time to live that is no number',
    async run({ store }) {
      const key = newKey()
      await assert.rejects(set(store, key, 'one', { metadata: { ttlInSeconds: 'soon' } }), /invalid syntax/)
      assert.equal(await text(store, key), undefined)
    },
  },
]

const keysLike: readonly Check<StateStoreSubject>[] = [
  {
    name: 'lists the keys that match, page by page',
    async run({ store }) {
      assert.ok(store.keysLike, 'lists keys')
      const start = newKey()
      const keys = ['_a', '_b', '_c', '%d', '*e'].map((end) => start + end)
      for (const key of keys) await set(store, key, 'x')
      const pattern = `${start.replaceAll('_', '\\_')}\\__`
      const found: string[] = []
      let continuationToken: string | undefined
      do {
        const page = await store.keysLike(
          { pattern, pageSize: 2, ...(continuationToken && { continuationToken }) },
          signal(),
        )
        found.push(...page.keys)
        continuationToken = page.continuationToken
      } while (continuationToken !== undefined)
      assert.deepEqual(found.sort(), keys.slice(0, 3))
      assert.deepEqual((await store.keysLike({ pattern: `${start}*%` }, signal())).keys, [`${start}*e`])
      await assert.rejects(store.keysLike({ pattern: '' }, signal()), /pattern cannot be empty/)
    },
  },
]

export interface StateStoreCheck extends Check<StateStoreSubject> {
  /** Only for a store that says it has this feature. */
  readonly needs?: StateStoreFeature
}

export const stateStoreChecks: readonly StateStoreCheck[] = [
  ...basics,
  ...etags.map((check) => ({ ...check, needs: 'ETAG' as const })),
  ...transactions.map((check) => ({ ...check, needs: 'TRANSACTIONAL' as const })),
  ...timesToLive.map((check) => ({ ...check, needs: 'TTL' as const })),
  ...keysLike.map((check) => ({ ...check, needs: 'KEYS_LIKE' as const })),
]
