/** The 401 that tells a client where to get a token (RFC 6750 section 3, in Key Vault's form). */
import { TokenError } from '@keystead/identity'
import { KeyVaultError } from './key-vault-error.ts'

export const vaultResource = 'https://vault.azure.net'

/** What a token must be for: the resource, or Key Vault's application id. */
export const vaultAudiences = [vaultResource, 'cfa8b339-82a2-471a-a3c9-0fe0be7a4093']

/** One claim of a token that was not trusted, for the error message alone; short and printable, or empty. */
function untrustedClaim(authorization: string | undefined, claim: string): string {
  const payload = authorization?.split(' ')[1]?.split('.')[1]
  if (payload === undefined) return ''
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown> | null
    const value = claims?.[claim]
    return typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value) ? value : ''
  } catch {
    return ''
  }
}

function messageOf(error: TokenError, authorization: string | undefined, tenantId: string): string {
  switch (error.reason) {
    case 'missing':
      return 'AKV10000: Request is missing a Bearer or PoP token.'
    case 'audience':
      return `AKV10022: Invalid audience. Expected ${vaultResource}, found: ${untrustedClaim(authorization, 'aud')}.`
    case 'issuer':
      return `AKV10032: Invalid issuer. Expected one of https://sts.windows.net/${tenantId}/, found ${untrustedClaim(authorization, 'iss')}.`
    case 'expired':
      return "[TokenExpired] Error validating token: 'S2S12086'."
    case 'notYetValid':
      return "[TokenNotYetValid] Error validating token: 'S2S12087'."
    case 'signature':
      return 'AKV10046: Unable to resolve the key used for signature validation.'
    case 'malformed':
      return "[BearerReadAccessTokenFailed] Error validating token: 'S2S12005'."
  }
}

/** The answer to a request without a token that can be trusted: never 403, and before anything of its body is read. */
export function challenge(error: TokenError, authorization: string | undefined, tenantId: string): KeyVaultError {
  return new KeyVaultError(401, 'Unauthorized', messageOf(error, authorization, tenantId), {
    headers: {
      'WWW-Authenticate': `Bearer authorization="https://login.microsoftonline.com/${tenantId}", resource="${vaultResource}"`,
    },
  })
}

/** A caller of another tenant than the vault's: to the vault its token is from an issuer it does not know. */
export function foreignTenant(authorization: string | undefined, tenantId: string): KeyVaultError {
  return challenge(new TokenError('issuer', 'The token is from another tenant.'), authorization, tenantId)
}
