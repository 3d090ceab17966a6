/** Client assertions signed with a certificate of the application ("certificate credentials"). */
import { X509Certificate } from 'node:crypto'
import { compactVerify } from 'jose'
import { aadErrors } from './aadsts.ts'
import { type AssertionClaims, requireValidTime } from './assertion-claims.ts'
import { isTokenEndpointOf } from './authority.ts'
import type { CertificateRow } from './tables.ts'

/** msal signs PS256 beside `x5t#S256`, and RS256 beside `x5t`. */
const algorithms = ['RS256', 'PS256']

export interface CertificateAssertionRequest {
  readonly assertion: string
  readonly claims: AssertionClaims
  readonly appId: string
  readonly tenantId: string
  /** The application's certificates. */
  readonly certificates: readonly CertificateRow[]
  readonly now: number
}

/** Verifies the assertion. Throws {@link AadError} with Entra's code for what is wrong with it. */
export async function verifyCertificateAssertion(request: CertificateAssertionRequest): Promise<void> {
  const { claims, appId, now } = request
  if (claims.issuer.toLowerCase() !== appId || claims.subject.toLowerCase() !== appId) {
    throw aadErrors.assertionOfOtherClient()
  }
  const certificate = certificateOf(claims, request.certificates)
  if (!certificate) {
    throw aadErrors.certificateNotRegistered(claims.thumbprintSha256 ?? claims.thumbprintSha1, appId)
  }
  // The thumbprint that Azure's pages show: upper-case hex of the SHA-1.
  const thumbprint = Buffer.from(certificate.thumbprint_sha1, 'base64url').toString('hex').toUpperCase()
  if (!algorithms.includes(claims.algorithm)) throw aadErrors.assertionAlgorithm()
  const { publicKey } = new X509Certificate(certificate.certificate_pem)
  await compactVerify(request.assertion, publicKey, { algorithms }).catch(() => {
    throw aadErrors.certificateSignature(thumbprint)
  })
  const notBefore = Number(certificate.not_before)
  const notAfter = Number(certificate.not_after)
  if (notAfter <= now || notBefore > now) throw aadErrors.certificateExpired(thumbprint, notBefore, notAfter)
  requireValidTime(claims, now)
  if (!claims.audiences.some((audience) => isTokenEndpointOf(audience, request.tenantId))) {
    throw aadErrors.assertionAudience()
  }
}

/** The certificate that the header names. A header that names two different ones names none. */
function certificateOf(claims: AssertionClaims, certificates: readonly CertificateRow[]): CertificateRow | undefined {
  const { thumbprintSha1, thumbprintSha256 } = claims
  if (!thumbprintSha1 && !thumbprintSha256) return undefined
  return certificates.find(
    (row) =>
      (!thumbprintSha256 || row.thumbprint_sha256 === unpadded(thumbprintSha256)) &&
      (!thumbprintSha1 || row.thumbprint_sha1 === unpadded(thumbprintSha1)),
  )
}

/** msal for Python leaves base64's padding on. */
function unpadded(thumbprint: string): string {
  return thumbprint.replace(/=+$/, '')
}
