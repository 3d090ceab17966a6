/** The grants of the token endpoint: which there are, what they answer. */

import { aadErrors } from './aadsts.ts'
import { type AccessToken, signAccessToken } from './access-token.ts'
import type { ClientAuthenticator } from './client-authentication.ts'
import type { UserGrants } from './sign-in/user-grants.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { Tenant } from './tenant.ts'
import { applicationTokenSeconds } from './token-lifetimes.ts'
import type { TokenRequest } from './token-request.ts'
import { audienceOf, resourceOfScope } from './token-resource.ts'

export interface TokenEndpointOptions {
  readonly tenantId: string
  readonly clock: () => number
  readonly keys: SigningKeys
  readonly clients: ClientAuthenticator
  readonly userGrants: UserGrants
}

/** v1 asks by `resource` with numbers as strings in its answer, v2 by `scope`. */
export type EndpointVersion = 'v1' | 'v2'

/** Answers the body of a token response (RFC 6749 section 5.1), or throws {@link AadError}. */
export async function answerTokenRequest(
  options: TokenEndpointOptions,
  request: TokenRequest,
  version: EndpointVersion,
  tenant: Tenant,
): Promise<Record<string, string | number>> {
  if (request.grant_type === undefined) throw aadErrors.missingParameter('grant_type')
  if (options.userGrants.has(request.grant_type)) return options.userGrants.answer(request, request.grant_type)
  if (request.grant_type !== 'client_credentials') throw aadErrors.unsupportedGrant(request.grant_type)
  if (tenant !== 'own') throw aadErrors.tenantNotNamed()
  if (request.client_id === undefined) throw aadErrors.missingParameter('client_id')
  const resource = resourceOf(request, version)
  const audience = audienceOf(resource)
  const client = await options.clients.authenticate(request, audience ?? resource)
  if (audience === undefined) throw aadErrors.resourceNotFound(resource, options.tenantId)
  const now = options.clock()
  const token = await signAccessToken(
    {
      subject: client.subject,
      audience,
      tenantId: options.tenantId,
      authentication: client.authentication,
      lifetimeSeconds: applicationTokenSeconds,
      now,
    },
    await options.keys.current(),
  )
  return version === 'v1' ? v1Response(token, resource, now) : v2Response(token, now)
}

function resourceOf(request: TokenRequest, version: EndpointVersion): string {
  if (version === 'v1') {
    if (request.resource === undefined) throw aadErrors.missingParameter('resource')
    return request.resource
  }
  if (request.resource !== undefined) throw aadErrors.resourceParameter()
  if (request.scope === undefined) throw aadErrors.missingParameter('scope')
  return resourceOfScope(request.scope)
}

/** What is left of the token, less a second for the way, as Entra says 3599. */
export function expiresIn(token: AccessToken, now: number): number {
  return Math.max(0, token.expiresOn - Math.floor(now / 1000) - 1)
}

function v2Response(token: AccessToken, now: number) {
  const seconds = expiresIn(token, now)
  return { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, access_token: token.token }
}

function v1Response(token: AccessToken, resource: string, now: number) {
  const seconds = String(expiresIn(token, now))
  return {
    token_type: 'Bearer',
    expires_in: seconds,
    ext_expires_in: seconds,
    expires_on: String(token.expiresOn),
    not_before: String(token.notBefore),
    resource,
    access_token: token.token,
  }
}
