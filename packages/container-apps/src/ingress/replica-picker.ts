/** Picks replicas in turn, and waits for one where a revision has none ready. */
import type { Replicas } from './replicas.ts'

export type Picked = { readonly address: string } | 'none' | 'too late' | 'given up'

export class ReplicaPicker {
  readonly #replicas: Replicas
  readonly #stopListening: () => void
  /** By app and revision. */
  readonly #waiting = new Map<string, Set<() => void>>()
  #turn = 0

  constructor(replicas: Replicas) {
    this.#replicas = replicas
    this.#stopListening = replicas.onChange((appId, revision) => {
      for (const look of [...(this.#waiting.get(keyOf(appId, revision)) ?? [])]) look()
    })
  }

  addresses(appId: string, revision: string): readonly string[] {
    return this.#replicas.addresses(appId, revision)
  }

  /** Undefined when none is ready. */
  pick(appId: string, revision: string): string | undefined {
    const addresses = this.#replicas.addresses(appId, revision)
    this.#turn = (this.#turn + 1) % 0x7fffffff
    return addresses[this.#turn % addresses.length]
  }

  /** Wakes the revision; `none` when nothing will come. `timeout` in milliseconds. */
  wait(appId: string, revision: string, timeout: number, signal: AbortSignal): Promise<Picked> {
    return new Promise((resolve) => {
      const key = keyOf(appId, revision)
      const waiting = this.#waiting.get(key) ?? new Set()
      const timer = setTimeout(() => settle('too late'), timeout)
      const giveUp = () => settle('given up')
      const settle = (picked: Picked) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        waiting.delete(look)
        if (waiting.size === 0) this.#waiting.delete(key)
        resolve(picked)
      }
      const look = () => {
        const address = this.pick(appId, revision)
        if (address !== undefined) settle({ address })
        else if (!this.#replicas.wake(appId, revision)) settle('none')
      }
      waiting.add(look)
      this.#waiting.set(key, waiting)
      signal.addEventListener('abort', giveUp)
      if (signal.aborted) giveUp()
      else look()
    })
  }

  close(): void {
    this.#stopListening()
  }
}

function keyOf(appId: string, revision: string): string {
  return `${appId}\n${revision}`
}
