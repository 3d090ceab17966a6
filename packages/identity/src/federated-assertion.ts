/** Client assertions that are another issuer's tokens ("workload identity federation"). */
import { compactVerify } from 'jose'
import { aadErrors } from './aadsts.ts'
import type { FederatedCredential } from './application-credentials.ts'
import { type AssertionClaims, requireValidTime } from './assertion-claims.ts'
import { ExternalIssuerError, type ExternalIssuers } from './external-issuer.ts'

export interface FederatedAssertionRequest {
  readonly assertion: string
  readonly claims: AssertionClaims
  readonly credentials: readonly FederatedCredential[]
  readonly issuers: ExternalIssuers
  readonly now: number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

/** Verifies the assertion. Throws {@link AadError} with Entra's code for what is wrong with it. */
export async function verifyFederatedAssertion(request: FederatedAssertionRequest): Promise<void> {
  const { assertion, claims, now } = request
  const { issuer } = requireCredential(claims, request.credentials)
  // RS256 only, as Entra.
  if (claims.algorithm !== 'RS256') throw aadErrors.federatedSignature('The signing algorithm is not supported.')
  // The issuer is fetched only once a credential names it: nobody else can have us call an address.
  const keySet = await request.issuers.keysOf(issuer, claims.keyId).catch((error: unknown) => {
    if (!(error instanceof ExternalIssuerError)) throw error
    request.log('warn', 'The keys of a federated credential’s issuer could not be had', {
      issuer,
      error: error.message,
      ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
    })
    throw aadErrors.externalIssuerFailed()
  })
  await compactVerify(assertion, keySet, { algorithms: ['RS256'] }).catch(() => {
    throw aadErrors.federatedSignature('The key was not found or the signature does not match.')
  })
  requireValidTime(claims, now)
}

/** Issuer, subject, audience have to match one credential exactly; the code says which of them does not. */
function requireCredential(claims: AssertionClaims, credentials: readonly FederatedCredential[]): FederatedCredential {
  const audience = claims.audiences.join(', ')
  if (credentials.length === 0) throw aadErrors.noFederatedCredential(claims.issuer, claims.subject, audience)
  const ofIssuer = credentials.filter((credential) => credential.issuer === claims.issuer)
  if (ofIssuer.length === 0) throw aadErrors.federatedIssuer(claims.issuer)
  const ofSubject = ofIssuer.filter((credential) => credential.subject === claims.subject)
  if (ofSubject.length === 0) {
    const subject = claims.subject.toLowerCase()
    throw ofIssuer.some((credential) => credential.subject.toLowerCase() === subject)
      ? aadErrors.federatedSubjectCase(claims.subject)
      : aadErrors.federatedSubject(claims.subject)
  }
  const match = ofSubject.find((credential) => claims.audiences.some((item) => credential.audiences.includes(item)))
  if (!match) throw aadErrors.federatedAudience(audience)
  return match
}
