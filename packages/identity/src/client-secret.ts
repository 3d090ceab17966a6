/** Client secrets: their making, their slow hash, a memory of those that were verified. */
import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** OWASP's scrypt setting of 16 MiB. */
const cost = { N: 2 ** 14, r: 8, p: 1 } as const
/** The characters of a secret that are stored as they are, as Microsoft Graph's `hint`. */
const hintLength = 3
/** Longer than any secret of ours; what is longer matches none. */
const longestSecret = 512

/** A new secret: 40 characters, 240 bits but for a few. A first `-` would make it an option of `az login`. */
export function makeSecret(): string {
  let secret = '-'
  while (secret.startsWith('-')) secret = randomBytes(30).toString('base64url')
  return secret
}

export function secretHint(secret: string): string {
  return secret.slice(0, hintLength)
}

/** `scrypt$N$r$p$salt$hash`. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(secret, salt, 32, cost)
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** Whether a secret is the one of a stored hash; slow, in a time that does not tell how far it is right. */
export async function secretMatches(secret: string, stored: string): Promise<boolean> {
  const [kind, n, r, p, salt, expected] = stored.split('$')
  if (kind !== 'scrypt' || !salt || !expected) throw new TypeError('a stored client secret is not of the known form')
  const wanted = Buffer.from(expected, 'base64url')
  const hash = await derive(secret, Buffer.from(salt, 'base64url'), wanted.length, {
    N: Number(n),
    r: Number(r),
    p: Number(p),
  })
  return timingSafeEqual(hash, wanted)
}

function derive(secret: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

export interface StoredSecret {
  readonly keyId: string
  readonly hint: string
  readonly hash: string
}

/**
 * Finds the stored secret that a presented one is. The hash is slow by design, so the verified ones are remembered
 * (bounded; a digest under a key of this process, never the secret), only for as long as the caller still passes
 * their row: a secret that was removed is not found again.
 */
export class SecretVerifier {
  readonly #key = randomBytes(32)
  readonly #verified = new LRUCache<string, string>({ max: 1_000 })
  /** Hashing under way, by digest: a burst of the same secret is hashed once. */
  readonly #running = new Map<string, Promise<string | undefined>>()

  async find<Row extends StoredSecret>(appId: string, secret: string, rows: readonly Row[]): Promise<Row | undefined> {
    if (secret.length > longestSecret) return undefined
    const digest = createHmac('sha256', this.#key).update(`${appId}\0${secret}`).digest('base64url')
    const known = this.#verified.get(digest)
    const remembered = known === undefined ? undefined : rows.find((row) => row.keyId === known)
    if (remembered) return remembered
    let running = this.#running.get(digest)
    if (!running) {
      running = this.#search(digest, secret, rows).finally(() => this.#running.delete(digest))
      this.#running.set(digest, running)
    }
    const keyId = await running
    return rows.find((row) => row.keyId === keyId)
  }

  async #search(digest: string, secret: string, rows: readonly StoredSecret[]): Promise<string | undefined> {
    const hint = secretHint(secret)
    for (const row of rows) {
      if (row.hint === hint && (await secretMatches(secret, row.hash))) {
        this.#verified.set(digest, row.keyId)
        return row.keyId
      }
    }
    return undefined
  }
}
