/** What an application asks of the authorization endpoint (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1). */
import { aadErrors, isGuid } from '../aadsts.ts'
import type { Principals } from '../principals.ts'
import { audienceOf, resourceOfUserScope } from '../token-resource.ts'
import { findUserClient } from './public-clients.ts'

export interface AuthorizeRequest {
  readonly clientId: string
  readonly clientName: string
  readonly redirectUri: string
  readonly responseMode: 'query' | 'fragment' | 'form_post'
  readonly scope: string
  readonly state?: string
  readonly nonce?: string
  readonly codeChallenge?: { readonly method: 'S256' | 'plain'; readonly value: string }
  readonly loginHint?: string
  /** No page may be shown. */
  readonly silent: boolean
}

/** A refusal that goes to the application, at its redirect URI. */
export class AuthorizeRefusal extends Error {
  override readonly name = 'AuthorizeRefusal'
  readonly request: Pick<AuthorizeRequest, 'redirectUri' | 'responseMode' | 'state'>
  override readonly cause: unknown
  constructor(request: AuthorizeRefusal['request'], cause: unknown) {
    super('refused')
    this.request = request
    this.cause = cause
  }
}

const responseModes = ['query', 'fragment', 'form_post'] as const
const longestParameter = 4096

/**
 * Throws {@link AadError} for what must be told to the person (an unknown client, a redirect URI that is not its), and
 * {@link AuthorizeRefusal} for the rest.
 */
export async function parseAuthorizeRequest(
  parameters: URLSearchParams,
  tenantId: string,
  principals: Principals,
): Promise<AuthorizeRequest> {
  const read = (name: string): string | undefined => {
    const values = parameters.getAll(name)
    if (values.length > 1) throw aadErrors.duplicateParameter(name)
    if ((values[0]?.length ?? 0) > longestParameter) throw aadErrors.malformedRequest()
    return values[0] === '' ? undefined : values[0]
  }
  const clientId = read('client_id')
  if (clientId === undefined) throw aadErrors.missingParameter('client_id')
  const client = isGuid(clientId) ? await findUserClient(clientId, principals) : undefined
  if (!client) throw aadErrors.applicationNotFound(clientId, tenantId)
  const redirectUri = read('redirect_uri')
  if (redirectUri === undefined) throw aadErrors.missingParameter('redirect_uri')
  if (!client.allowsRedirect(redirectUri)) throw aadErrors.redirectUriMismatch(redirectUri, clientId)

  const mode = read('response_mode') ?? 'query'
  const responseMode = responseModes.find((known) => known === mode)
  const state = read('state')
  const target = { redirectUri, responseMode: responseMode ?? 'query', ...(state === undefined ? {} : { state }) }
  try {
    if (responseMode === undefined) throw aadErrors.unsupportedResponseMode()
    const responseType = read('response_type')
    if (responseType === undefined) throw aadErrors.missingParameter('response_type')
    if (responseType !== 'code') throw aadErrors.unsupportedResponseType(responseType)
    const scope = read('scope') ?? 'openid'
    const resource = resourceOfUserScope(scope)
    if (audienceOf(resource) === undefined) throw aadErrors.resourceNotFound(resource, tenantId)
    const challenge = codeChallenge(read('code_challenge'), read('code_challenge_method'))
    if (!challenge && client.isPublic({ redirectUri })) throw aadErrors.codeChallengeMissing()
    const nonce = read('nonce')
    const loginHint = read('login_hint')
    return {
      ...target,
      clientId: client.clientId,
      clientName: client.displayName,
      scope,
      silent: read('prompt') === 'none',
      ...(nonce === undefined ? {} : { nonce }),
      ...(challenge === undefined ? {} : { codeChallenge: challenge }),
      ...(loginHint === undefined ? {} : { loginHint }),
    }
  } catch (error) {
    throw new AuthorizeRefusal(target, error)
  }
}

/** RFC 7636 section 4.3: 43 to 128 characters. */
function codeChallenge(value: string | undefined, method = 'plain'): AuthorizeRequest['codeChallenge'] {
  if (value === undefined) return undefined
  if ((method !== 'S256' && method !== 'plain') || !/^[A-Za-z0-9._~-]{43,128}$/.test(value)) {
    throw aadErrors.malformedRequest()
  }
  return { method, value }
}
