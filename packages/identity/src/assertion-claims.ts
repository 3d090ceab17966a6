/** A client assertion as it arrives: a JWT (RFC 7523) whose claims are read before it is known whose key signed it. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { z } from 'zod'
import { aadErrors } from './aadsts.ts'

/** Kubernetes and CI tokens are 1 to 4 KB; certificates chains in `x5c` make some larger. */
const longestAssertion = 32 * 1024

const instant = z.number().min(0).max(1e12)
const claimsSchema = z.looseObject({
  iss: z.string().min(1),
  sub: z.string().min(1),
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  exp: instant,
  nbf: instant.optional(),
  jti: z.string().min(1).max(512).optional(),
})
const headerSchema = z.looseObject({
  alg: z.string(),
  kid: z.string().optional(),
  x5t: z.string().optional(),
  'x5t#S256': z.string().optional(),
})

export interface AssertionClaims {
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  /** Milliseconds since the epoch. */
  readonly expires: number
  /** Milliseconds since the epoch; 0 when it has none. */
  readonly notBefore: number
  /** `jti`. */
  readonly id?: string
  readonly algorithm: string
  readonly keyId?: string
  /** `x5t`, base64url of a SHA-1. */
  readonly thumbprintSha1?: string
  /** `x5t#S256`, base64url of a SHA-256. */
  readonly thumbprintSha256?: string
}

/** Reads the claims, unverified. Throws {@link AadError} 50027. */
export function readAssertion(assertion: string): AssertionClaims {
  if (assertion.length > longestAssertion) throw aadErrors.assertionMalformed()
  let payload: unknown
  let protectedHeader: unknown
  try {
    payload = decodeJwt(assertion)
    protectedHeader = decodeProtectedHeader(assertion)
  } catch {
    throw aadErrors.assertionMalformed()
  }
  const claims = claimsSchema.safeParse(payload)
  const header = headerSchema.safeParse(protectedHeader)
  if (!claims.success || !header.success) throw aadErrors.assertionMalformed()
  const { iss, sub, aud, exp, nbf, jti } = claims.data
  const { alg, kid, x5t, 'x5t#S256': x5tS256 } = header.data
  return {
    issuer: iss,
    subject: sub,
    audiences: typeof aud === 'string' ? [aud] : aud,
    expires: exp * 1000,
    notBefore: (nbf ?? 0) * 1000,
    ...(jti ? { id: jti } : {}),
    algorithm: alg,
    ...(kid ? { keyId: kid } : {}),
    ...(x5t ? { thumbprintSha1: x5t } : {}),
    ...(x5tS256 ? { thumbprintSha256: x5tS256 } : {}),
  }
}

/** A client's clock may be this far ahead of ours; an expiry gets no such grace. */
const notBeforeSkew = 5 * 60 * 1000

/** Throws {@link AadError} 700024 outside the assertion's lifetime. */
export function requireValidTime(claims: AssertionClaims, now: number): void {
  if (claims.expires <= now || claims.notBefore > now + notBeforeSkew) {
    throw aadErrors.assertionTime(now, claims.notBefore, claims.expires)
  }
}
