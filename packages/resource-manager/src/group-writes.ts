/** Writes under way: one after the other on a resource, and counted per resource group so that its deletion can wait for them. */

export class WriteQueue {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `work` when every earlier one of the same key has ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#tails.set(key, promise)
    try {
      await before
      return await work()
    } finally {
      resolve()
      if (this.#tails.get(key) === promise) this.#tails.delete(key)
    }
  }
}

export class GroupWrites {
  readonly #underWay = new Map<string, Set<Promise<void>>>()

  /** A write in the group begins. Call what it returns when the write has ended. */
  enter(group: string): () => void {
    const key = group.toLowerCase()
    const { promise, resolve } = Promise.withResolvers<void>()
    const writes = this.#underWay.get(key) ?? new Set()
    this.#underWay.set(key, writes.add(promise))
    return () => {
      resolve()
      writes.delete(promise)
      if (writes.size === 0) this.#underWay.delete(key)
    }
  }

  /** Resolves when every write that had begun in the group has ended. */
  async settled(group: string): Promise<void> {
    await Promise.all(this.#underWay.get(group.toLowerCase()) ?? [])
  }
}
