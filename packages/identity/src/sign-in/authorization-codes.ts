/** Authorization codes: one use, ten minutes, bound to the client, its redirect URI, its code challenge. */
import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { aadErrors } from '../aadsts.ts'
import { sameDigest, sha256 } from '../digest.ts'

/** RFC 6749 section 4.1.2 recommends ten minutes at most. */
const lifetime = 10 * 60_000

export interface CodeGrant {
  readonly userId: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scope: string
  readonly nonce?: string
  readonly codeChallenge?: { readonly method: 'S256' | 'plain'; readonly value: string }
  readonly signedInAt: number
}

interface KnownCode {
  readonly grant: CodeGrant
  readonly expiresAt: number
  redeemed: boolean
}

export class AuthorizationCodes {
  readonly #clock: () => number
  /** By digest: what is in memory signs nobody in. */
  readonly #codes = new LRUCache<string, KnownCode>({ max: 10_000 })

  constructor(clock: () => number) {
    this.#clock = clock
  }

  issue(grant: CodeGrant): string {
    const code = `1.${randomBytes(32).toString('base64url')}`
    this.#codes.set(sha256(code), { grant, expiresAt: this.#clock() + lifetime, redeemed: false })
    return code
  }

  /** Throws {@link AadError}. A code is used up by the first client that presents it, whatever becomes of that. */
  redeem(
    code: string,
    request: { readonly clientId: string; readonly redirectUri?: string; readonly codeVerifier?: string },
  ): CodeGrant {
    const known = this.#codes.get(sha256(code))
    if (known?.grant.clientId !== request.clientId) throw aadErrors.codeInvalid()
    if (known.redeemed) throw aadErrors.codeRedeemed()
    known.redeemed = true
    const { grant } = known
    if (known.expiresAt <= this.#clock()) throw aadErrors.codeExpired()
    if (grant.redirectUri !== request.redirectUri) throw aadErrors.codeRedirectUri()
    requireVerifier(grant, request.codeVerifier)
    return grant
  }
}

/** RFC 7636 section 4.6. A verifier without a challenge is refused as well, as OAuth 2.1 asks. */
function requireVerifier({ codeChallenge }: CodeGrant, verifier: string | undefined): void {
  if (!codeChallenge && verifier === undefined) return
  if (!codeChallenge || verifier === undefined) throw aadErrors.codeVerifier()
  const value = codeChallenge.method === 'S256' ? hash('sha256', verifier, 'base64url') : verifier
  if (!sameDigest(value, codeChallenge.value)) throw aadErrors.codeVerifier()
}
