/** The keys of other OIDC issuers: fetched when they are needed, kept for a while. */
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'

/** The issuer's documents could not be had, or are not what OpenID Connect Discovery 1.0 asks for. */
export class ExternalIssuerError extends Error {
  override readonly name = 'ExternalIssuerError'
}

const configurationSchema = z.looseObject({ issuer: z.string(), jwks_uri: z.string() })
const jwksSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

/** Keys are fetched anew after this long. */
const freshFor = 60 * 60 * 1000
/** An unknown key id has the keys fetched again, but not more often than this. */
const refetchAfter = 30 * 1000
const fetchTimeout = 5_000
const largestDocument = 256 * 1024

interface Keys {
  readonly fetchedAt: number
  readonly keyIds: ReadonlySet<string>
  readonly keySet: JWTVerifyGetKey
}

export interface ExternalIssuersOptions {
  readonly fetch: typeof globalThis.fetch
  readonly clock: () => number
}

export class ExternalIssuers {
  readonly #fetch: typeof globalThis.fetch
  readonly #clock: () => number
  readonly #keys = new LRUCache<string, Keys>({ max: 100 })
  readonly #fetching = new Map<string, Promise<Keys>>()

  constructor(options: ExternalIssuersOptions) {
    this.#fetch = options.fetch
    this.#clock = options.clock
  }

  /** The issuer's keys, fetched again when `keyId` is not among those kept. Throws {@link ExternalIssuerError}. */
  async keysOf(issuer: string, keyId: string | undefined): Promise<JWTVerifyGetKey> {
    const kept = this.#keys.get(issuer)
    const age = kept ? this.#clock() - kept.fetchedAt : Number.POSITIVE_INFINITY
    const unknownKey = kept && keyId !== undefined && !kept.keyIds.has(keyId) && age >= refetchAfter
    if (kept && age < freshFor && !unknownKey) return kept.keySet
    let fetching = this.#fetching.get(issuer)
    if (!fetching) {
      fetching = this.#fetchKeys(issuer).finally(() => this.#fetching.delete(issuer))
      this.#fetching.set(issuer, fetching)
    }
    return (await fetching).keySet
  }

  async #fetchKeys(issuer: string): Promise<Keys> {
    const configuration = configurationSchema.safeParse(
      await this.#document(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`),
    )
    if (!configuration.success) throw new ExternalIssuerError('The OpenID configuration is not of the expected form.')
    // OpenID Connect Discovery 1.0 section 4.3: the issuer has to name itself.
    if (configuration.data.issuer !== issuer) {
      throw new ExternalIssuerError('The OpenID configuration names another issuer.')
    }
    const jwks = jwksSchema.safeParse(await this.#document(configuration.data.jwks_uri))
    if (!jwks.success) throw new ExternalIssuerError('The key set is not of the expected form.')
    const keys: Keys = {
      fetchedAt: this.#clock(),
      keyIds: new Set(jwks.data.keys.flatMap((key) => (typeof key.kid === 'string' ? [key.kid] : []))),
      keySet: createLocalJWKSet({ keys: jwks.data.keys }),
    }
    this.#keys.set(issuer, keys)
    return keys
  }

  /** One JSON document over https, without redirects, bounded in time as in size. */
  async #document(url: string): Promise<unknown> {
    if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
      throw new ExternalIssuerError('An address of the issuer is not an https URL.')
    }
    try {
      const response = await this.#fetch(url, {
        redirect: 'error',
        headers: { accept: 'application/json' },
        signal: AbortSignal.timeout(fetchTimeout),
      })
      if (!response.ok) {
        await response.body?.cancel()
        throw new ExternalIssuerError(`The issuer answered ${response.status}.`)
      }
      return JSON.parse(await boundedText(response))
    } catch (error) {
      if (error instanceof ExternalIssuerError) throw error
      throw new ExternalIssuerError("The issuer's documents could not be had.", { cause: error })
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop cancels the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > largestDocument) throw new ExternalIssuerError("The issuer's document is too large.")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
