import type { SecretStore } from '@keystead/components'
import { describe, expect, it } from 'vitest'
import { withSecretCache } from './secret-cache.ts'

function counted(answer: (call: number) => Promise<Record<string, string>>) {
  let calls = 0
  const store: SecretStore = {
    features: [],
    getSecret: () => answer(++calls),
    bulkGetSecret: async () => ({}),
  }
  return { store, calls: () => calls }
}

const signal = new AbortController().signal

describe('a cache of secrets', () => {
  it('makes one call of a thousand reads at one time', async () => {
    const release = Promise.withResolvers<void>()
    const { store, calls } = counted(async () => {
      await release.promise
      return { k: 'v' }
    })
    const cached = withSecretCache(store, { ttlMs: 1000, staleMs: 0, clock: () => 0 })
    const reads = Array.from({ length: 1000 }, () => cached.getSecret('k', {}, signal))
    release.resolve()
    expect(new Set((await Promise.all(reads)).map((pairs) => pairs['k']))).toEqual(new Set(['v']))
    expect(calls()).toBe(1)
  })

  it('asks again when its time is over, and for other metadata at once', async () => {
    let now = 0
    const { store, calls } = counted(async (call) => ({ k: String(call) }))
    const cached = withSecretCache(store, { ttlMs: 1000, staleMs: 0, clock: () => now })
    expect(await cached.getSecret('k', {}, signal)).toEqual({ k: '1' })
    now = 999
    expect(await cached.getSecret('k', {}, signal)).toEqual({ k: '1' })
    expect(await cached.getSecret('k', { version_id: '7' }, signal)).toEqual({ k: '2' })
    now = 1000
    expect(await cached.getSecret('k', {}, signal)).toEqual({ k: '3' })
    expect(calls()).toBe(3)
  })

  it('answers with what it had while the store fails, and no longer than it was told', async () => {
    let now = 0
    const { store } = counted(async (call) => {
      if (call > 1) throw new Error('unreachable')
      return { k: 'old' }
    })
    const cached = withSecretCache(store, { ttlMs: 10, staleMs: 100, clock: () => now })
    await cached.getSecret('k', {}, signal)
    now = 109
    expect(await cached.getSecret('k', {}, signal)).toEqual({ k: 'old' })
    now = 110
    await expect(cached.getSecret('k', {}, signal)).rejects.toThrow('unreachable')
  })

  it('lets one caller give up without taking the answer from the others', async () => {
    const release = Promise.withResolvers<void>()
    const { store } = counted(async () => {
      await release.promise
      return { k: 'v' }
    })
    const cached = withSecretCache(store, { ttlMs: 10, staleMs: 0, clock: () => 0 })
    const impatient = new AbortController()
    const given = cached.getSecret('k', {}, impatient.signal)
    const patient = cached.getSecret('k', {}, signal)
    impatient.abort(new Error('gone'))
    await expect(given).rejects.toThrow('gone')
    release.resolve()
    expect(await patient).toEqual({ k: 'v' })
  })

  it("hands out copies: a caller's changes are its own", async () => {
    const { store } = counted(async () => ({ k: 'v' }))
    const cached = withSecretCache(store, { ttlMs: 10, staleMs: 0, clock: () => 0 })
    const first = await cached.getSecret('k', {}, signal)
    first['k'] = 'changed'
    expect(await cached.getSecret('k', {}, signal)).toEqual({ k: 'v' })
  })
})
