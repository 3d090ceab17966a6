/** Tokens that the platform itself gets as an app's identity: for Key Vault references and for scale rules. */
import { createHash } from 'node:crypto'
import { z } from 'zod'

export interface IdentityRegistry {
  register(
    replicaId: string,
    identities: readonly string[],
  ): Promise<{ readonly endpoint: string; readonly header: string }>
  unregister(replicaId: string): void
}

/** An identity gets no token. The message says why, and what would mend it. */
export class IdentityUnavailable extends Error {
  override readonly name = 'IdentityUnavailable'
}

export interface IdentityToken {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

const tokenAnswer = z.object({ access_token: z.string(), expires_on: z.coerce.number() })
const endpointRefusal = z.object({ message: z.string() })

/** Milliseconds. */
const timeout = 10_000
const renewBefore = 60_000

export class IdentityTokens {
  readonly #identities: IdentityRegistry
  readonly #clock: () => number
  readonly #registrations = new Map<string, Promise<{ readonly endpoint: string; readonly header: string }>>()
  readonly #tokens = new Map<string, Promise<IdentityToken>>()

  /** `clock` in milliseconds since the epoch. */
  constructor(identities: IdentityRegistry, clock: () => number) {
    this.#identities = identities
    this.#clock = clock
  }

  /** `identity`: a resource id, the app's own for its system-assigned one. Rejects with {@link IdentityUnavailable}. */
  async token(appId: string, identity: string, resource: string): Promise<IdentityToken> {
    const key = keyOf(identity, resource)
    const known = await this.#tokens.get(key)
    if (known && known.expiresAt - this.#clock() > renewBefore) return known
    const token = this.#newToken(appId, identity, resource)
    this.#tokens.set(key, token)
    token.catch(() => this.#tokens.delete(key))
    return await token
  }

  /** One that was refused is not used again. */
  forget(identity: string, resource: string): void {
    this.#tokens.delete(keyOf(identity, resource))
  }

  close(): void {
    for (const identity of this.#registrations.keys()) this.#identities.unregister(resolverId(identity))
    this.#registrations.clear()
  }

  async #newToken(appId: string, identity: string, resource: string): Promise<IdentityToken> {
    const { endpoint, header } = await this.#registration(identity)
    const query = new URLSearchParams({ 'api-version': '2019-08-01', resource })
    if (identity.toLowerCase() !== appId.toLowerCase()) query.set('mi_res_id', identity)
    const response = await this.#fetch(`${endpoint}?${query}`, header)
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) {
      const why = endpointRefusal.safeParse(body).data?.message ?? `status ${response.status}`
      throw new IdentityUnavailable(
        `The identity ${identity} gets no token: ${why} \`az containerapp identity assign\` gives it to the app.`,
      )
    }
    const { access_token: value, expires_on: expiresOn } = tokenAnswer.parse(body)
    return { value, expiresAt: expiresOn * 1000 }
  }

  #registration(identity: string): Promise<{ readonly endpoint: string; readonly header: string }> {
    const key = identity.toLowerCase()
    let registration = this.#registrations.get(key)
    if (!registration) {
      registration = this.#identities.register(resolverId(key), [identity]).catch((error: Error) => {
        this.#registrations.delete(key)
        throw new IdentityUnavailable(`The identity ${identity} can not be used: ${error.message}`, { cause: error })
      })
      this.#registrations.set(key, registration)
    }
    return registration
  }

  async #fetch(url: string, header: string): Promise<Response> {
    try {
      return await fetch(url, { headers: { 'x-identity-header': header }, signal: AbortSignal.timeout(timeout) })
    } catch (error) {
      const { cause, message } = error as Error
      const why = cause instanceof Error ? cause.message : message
      throw new IdentityUnavailable(`${new URL(url).host} can not be reached: ${why}. It is tried again.`, {
        cause: error,
      })
    }
  }
}

function keyOf(identity: string, resource: string): string {
  return `${identity.toLowerCase()} ${resource}`
}

/** One for each identity, by the form that a replica's id has. */
function resolverId(identity: string): string {
  return `platform-${createHash('sha256').update(identity.toLowerCase()).digest('hex').slice(0, 32)}`
}
