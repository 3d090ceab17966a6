/** Tokens of managed identities, signed once for each identity with each resource until they are half used up. */
import { LRUCache } from 'lru-cache'
import { type AccessToken, signAccessToken } from './access-token.ts'
import type { ManagedIdentity } from './directory.ts'
import type { SigningKeys } from './signing-keys.ts'
import { managedIdentityTokenSeconds } from './token-lifetimes.ts'

export interface ManagedIdentityTokensOptions {
  readonly keys: SigningKeys
  readonly tenantId: string
  readonly clock: () => number
}

export class ManagedIdentityTokens {
  readonly #options: ManagedIdentityTokensOptions
  readonly #tokens = new LRUCache<string, AccessToken>({ max: 10_000 })
  readonly #signing = new Map<string, Promise<AccessToken>>()

  constructor(options: ManagedIdentityTokensOptions) {
    this.#options = options
  }

  /**
   * Azure's platform caches these tokens as well. The clients ask for a new one at half of its life, so half is when
   * they get one.
   */
  get(identity: ManagedIdentity, audience: string): AccessToken | Promise<AccessToken> {
    const key = `${identity.principalId} ${audience}`
    const kept = this.#tokens.get(key)
    const now = this.#options.clock()
    if (kept && kept.expiresOn - now / 1000 > managedIdentityTokenSeconds / 2) return kept
    let signing = this.#signing.get(key)
    if (!signing) {
      signing = this.#sign(identity, audience, key, now).finally(() => this.#signing.delete(key))
      this.#signing.set(key, signing)
    }
    return signing
  }

  /** Forgets every token, so that the next ones are signed with the key of the day. */
  clear(): void {
    this.#tokens.clear()
  }

  async #sign(identity: ManagedIdentity, audience: string, key: string, now: number): Promise<AccessToken> {
    const token = await signAccessToken(
      {
        subject: {
          objectId: identity.principalId,
          appId: identity.clientId,
          managedIdentityResourceId: identity.resourceId,
        },
        audience,
        tenantId: this.#options.tenantId,
        authentication: '2',
        lifetimeSeconds: managedIdentityTokenSeconds,
        now,
      },
      await this.#options.keys.current(),
    )
    this.#tokens.set(key, token)
    return token
  }
}
