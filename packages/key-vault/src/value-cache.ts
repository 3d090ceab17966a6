/** Answers to gets, kept within a bound of bytes: whatever touches a secret empties what is kept of it at once. */
import { LRUCache } from 'lru-cache'
import type { AnswerBody } from './response.ts'

/** Before a read from the database; what was read may be kept only if nothing has changed since. */
export interface ReadMark {
  readonly epoch: number
}

/** The most answers kept of one secret: its latest and versions, as reached by different host names. */
const maxVariants = 8

/** A secret is put before the others at each so many uses: doing it at each costs more than finding the secret. */
const usesPerMove = 8

interface Kept {
  /** Empty for the latest. */
  readonly version: string
  /** The vault's URL as the caller reached it, which is in the answer. */
  readonly base: string
  readonly answer: AnswerBody
}

interface Entry {
  readonly variants: readonly Kept[]
  uses: number
}

export class ValueCache {
  readonly #entries: LRUCache<string, Entry> | undefined
  #epoch = 0

  /** `maxBytes` 0 keeps nothing. */
  constructor(maxBytes: number) {
    if (maxBytes > 0) {
      this.#entries = new LRUCache<string, Entry>({
        maxSize: maxBytes,
        sizeCalculation: ({ variants }, key) => {
          let size = key.length + 64
          for (const { version, base, answer } of variants) {
            size += version.length + base.length + answer.byteLength + 64
          }
          return size
        },
      })
    }
  }

  get(vaultId: string, name: string, version: string, base: string): AnswerBody | undefined {
    if (this.#entries === undefined) return undefined
    const key = entryKey(vaultId, name)
    const entry = this.#entries.peek(key)
    if (entry === undefined) return undefined
    entry.uses += 1
    if (entry.uses % usesPerMove === 0) this.#entries.get(key)
    for (const kept of entry.variants) if (kept.version === version && kept.base === base) return kept.answer
    return undefined
  }

  mark(): ReadMark {
    return { epoch: this.#epoch }
  }

  /** Keeps an answer, unless a write happened since `mark` was taken. */
  put(mark: ReadMark, vaultId: string, name: string, version: string, base: string, answer: AnswerBody): void {
    if (this.#entries === undefined || mark.epoch !== this.#epoch) return
    const key = entryKey(vaultId, name)
    const before = this.#entries.get(key)?.variants ?? []
    const others = before.filter((kept) => kept.version !== version || kept.base !== base)
    const variants = [...(others.length < maxVariants ? others : []), { version, base, answer }]
    this.#entries.set(key, { variants, uses: 0 })
  }

  /** Forgets every version of a secret. */
  forget(vaultId: string, name: string): void {
    this.#epoch += 1
    this.#entries?.delete(entryKey(vaultId, name))
  }

  /** Forgets every secret of a vault. */
  forgetVault(vaultId: string): void {
    this.#epoch += 1
    if (this.#entries === undefined) return
    for (const key of [...this.#entries.keys()]) if (key.startsWith(`${vaultId}/`)) this.#entries.delete(key)
  }

  /** Forgets everything. */
  clear(): void {
    this.#epoch += 1
    this.#entries?.clear()
  }
}

function entryKey(vaultId: string, name: string): string {
  return `${vaultId}/${name.toLowerCase()}`
}
