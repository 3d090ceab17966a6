/** Who sends a request to Resource Manager: the bearer token's caller, or ARM's 401. */
import type { Caller, TokenError, TokenVerifier } from '@keystead/identity'
import { ArmError } from './arm-error.ts'

const audiences = ['https://management.azure.com', 'https://management.core.windows.net'] as const

/** Throws ArmError 401 with the `WWW-Authenticate` header that names the tenant's authority. */
export async function authenticate(
  verifier: TokenVerifier,
  authorization: string | undefined,
  tenantId: string,
): Promise<Caller> {
  try {
    return await verifier.verify(authorization, audiences)
  } catch (error) {
    if (!isTokenError(error)) throw error
    throw unauthorized(error, tenantId)
  }
}

// By name and not by class: the verifier may have been loaded from another copy of its package.
function isTokenError(error: unknown): error is TokenError {
  return error instanceof Error && error.name === 'TokenError' && 'reason' in error
}

function unauthorized({ reason }: TokenError, tenantId: string): ArmError {
  const { code, message, description } = describe(reason, tenantId)
  return new ArmError(401, code, message, {
    'www-authenticate': `Bearer authorization_uri="https://login.microsoftonline.com/${tenantId}", error="invalid_token", error_description="${description ?? message}"`,
  })
}

function describe(
  reason: TokenError['reason'],
  tenantId: string,
): { readonly code: string; readonly message: string; readonly description?: string } {
  switch (reason) {
    case 'missing':
      return {
        code: 'AuthenticationFailed',
        message: "Authentication failed. The 'Authorization' header is missing.",
        description: "The authentication failed because of missing 'Authorization' header.",
      }
    case 'expired':
      return {
        code: 'ExpiredAuthenticationToken',
        message: 'The access token expiry UTC time is earlier than current UTC time.',
      }
    case 'notYetValid':
      return { code: 'InvalidAuthenticationToken', message: 'The access token is not yet valid.' }
    case 'audience':
      return {
        code: 'InvalidAuthenticationTokenAudience',
        message: `The access token has been obtained for wrong audience or resource. It should exactly match with one of the allowed audiences ${audiences.map((each) => `'${each}/','${each}'`).join(',')}.`,
      }
    case 'issuer':
      return {
        code: 'InvalidAuthenticationTokenTenant',
        message: `The access token is from the wrong issuer. It must match the tenant 'https://sts.windows.net/${tenantId}/' associated with this subscription. Please use the authority (URL) 'https://login.microsoftonline.com/${tenantId}' to get the token.`,
      }
    case 'malformed':
    case 'signature':
      return { code: 'InvalidAuthenticationToken', message: 'The access token is invalid.' }
  }
}
