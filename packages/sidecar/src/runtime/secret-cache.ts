/** Secrets kept in memory for a while, each read once however many ask for it at one time. Off unless a component asks for it. */
import type { SecretStore } from '@keystead/components'

export interface SecretCacheSettings {
  /** Milliseconds for which a secret is answered without asking. */
  readonly ttlMs: number
  /** Milliseconds beyond that for which it is answered when the store fails. */
  readonly staleMs: number
  readonly clock: () => number
}

type Pairs = Readonly<Record<string, string>>

interface Entry {
  readonly value: Pairs
  readonly at: number
}

const maxEntries = 1000
const never = new AbortController().signal

/** The store with a cache before `getSecret`; `bulkGetSecret` goes through. */
export function withSecretCache(store: SecretStore, { ttlMs, staleMs, clock }: SecretCacheSettings): SecretStore {
  const entries = new Map<string, Entry>()
  const pending = new Map<string, Promise<Pairs>>()

  const keep = (key: string, value: Pairs) => {
    entries.delete(key)
    entries.set(key, { value, at: clock() })
    if (entries.size <= maxEntries) return
    const [oldest] = entries.keys()
    if (oldest !== undefined) entries.delete(oldest)
  }

  const read = (key: string, name: string, metadata: Pairs): Promise<Pairs> => {
    let reading = pending.get(key)
    if (!reading) {
      // No single caller's: it goes on for the others when one gives up.
      reading = store
        .getSecret(name, metadata, never)
        .then((value) => {
          keep(key, value)
          return value
        })
        .finally(() => pending.delete(key))
      pending.set(key, reading)
    }
    return reading
  }

  return {
    features: store.features,
    async getSecret(name, metadata, signal) {
      const key = JSON.stringify([name, Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))])
      const known = entries.get(key)
      const age = known ? clock() - known.at : Number.POSITIVE_INFINITY
      if (known && age < ttlMs) return { ...known.value }
      try {
        return { ...(await unlessAborted(read(key, name, metadata), signal)) }
      } catch (error) {
        if (known && !signal.aborted && age < ttlMs + staleMs) return { ...known.value }
        throw error
      }
    },
    bulkGetSecret: (metadata, signal) => store.bulkGetSecret(metadata, signal),
    ...(store.close ? { close: () => store.close?.() ?? Promise.resolve() } : {}),
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
