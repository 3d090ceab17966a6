/** Who a verified token says is asking. */
export interface Caller {
  readonly tenantId: string
  /** `oid`. */
  readonly objectId: string
  /** `appid` (v1) or `azp` (v2). */
  readonly appId: string
  /** `iss`, e.g. `https://sts.windows.net/TENANT/`. */
  readonly issuer: string
  readonly groupIds: readonly string[]
  readonly kind: 'application' | 'user' | 'managedIdentity'
  /** `upn` of a user. */
  readonly userPrincipalName?: string
  /** `xms_mirid`: the managed identity's resource id. */
  readonly managedIdentityResourceId?: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
}

/** A token that is missing, malformed, forged, expired, not yet valid, or for another audience or tenant. The message never quotes the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly reason: 'missing' | 'malformed' | 'signature' | 'expired' | 'notYetValid' | 'audience' | 'issuer'
  constructor(reason: TokenError['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

export interface TokenVerifier {
  /**
   * Verifies `Authorization: Bearer …`: RS256 signature by a key of ours, issuer, tenant, audience and lifetime.
   * Tokens already verified are remembered (bounded) until they expire, and then it answers without a promise.
   * `audiences` are compared with and without a trailing slash. Throws or rejects with {@link TokenError}.
   */
  verify(authorization: string | undefined, audiences: readonly string[]): Caller | Promise<Caller>
}
