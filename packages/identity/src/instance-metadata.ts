/**
 * `169.254.169.254`: the instance metadata service's token endpoint ("How to use managed identities on a VM to acquire
 * an access token"). Its protocol has no secret of the caller's, so the caller is told by the proxy's credentials.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { aadErrors } from './aadsts.ts'
import { selectIdentity } from './identity-selection.ts'
import { requestUrl, sendJson } from './json-response.ts'
import type { ManagedIdentityEndpointOptions } from './managed-identity-endpoint.ts'
import { identitiesOf } from './replicas.ts'
import { expiresIn } from './token-endpoint.ts'
import { audienceOf } from './token-resource.ts'

export interface InstanceMetadataOptions extends ManagedIdentityEndpointOptions {
  readonly clock: () => number
}

const tokenPath = '/metadata/identity/oauth2/token'
const supportedSince = '2018-02-01'

export function createInstanceMetadata(options: InstanceMetadataOptions): RequestListener {
  function refuse(
    response: ServerResponse,
    status: number,
    error: string,
    description: string,
    headers?: Readonly<Record<string, string>>,
  ): void {
    options.log('warn', 'An instance metadata request was refused', { status, error, description })
    sendJson(response, status, { error, error_description: description }, headers)
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request
    const url = requestUrl(request.url)
    if (headers.metadata?.toString().toLowerCase() !== 'true') {
      return refuse(response, 400, 'invalid_request', 'Required metadata header not specified')
    }
    if (headers['x-forwarded-for'] !== undefined) {
      return refuse(response, 400, 'invalid_request', 'Requests with an X-Forwarded-For header are not answered')
    }
    if (url?.pathname.toLowerCase() !== tokenPath) {
      return refuse(response, 404, 'not_found', 'Only the token endpoint of instance metadata is implemented')
    }
    if (request.method !== 'GET') {
      return refuse(response, 405, 'invalid_request', 'The endpoint only accepts GET')
    }
    const { searchParams } = url
    const version = searchParams.get('api-version') ?? ''
    if (!/^\d{4}-\d{2}-\d{2}$/.test(version) || version < supportedSince) {
      return refuse(response, 400, 'invalid_request', `The api-version has to be ${supportedSince} or newer`)
    }
    const credentials = proxyCredentials(headers['proxy-authorization'])
    const replica = credentials && options.replicas.byCredentials(credentials.user, credentials.password)
    if (!replica) {
      return refuse(
        response,
        407,
        'unauthorized_client',
        'Instance metadata is answered to a replica that its proxy URL names: http://REPLICA:IDENTITY_HEADER@HOST:PORT',
        { 'proxy-authenticate': 'Basic realm="Keystead"' },
      )
    }
    const resource = searchParams.get('resource')
    if (!resource) {
      return refuse(response, 400, 'invalid_request', "Required query variable 'resource' is missing")
    }
    const identities = identitiesOf(replica, options.identities)
    const selection = selectIdentity(identities, searchParams)
    // Unlike Container Apps, a machine's only user-assigned identity is its default.
    const [only, second] = identities
    const identity =
      selection.kind === 'selected'
        ? selection.identity
        : selection.kind === 'noDefault' && second === undefined
          ? only
          : undefined
    if (!identity) {
      return refuse(
        response,
        400,
        'invalid_request',
        selection.kind === 'noDefault' && second
          ? 'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request'
          : 'Identity not found',
      )
    }
    const audience = audienceOf(resource)
    if (!audience) {
      const { code, message } = aadErrors.resourceNotFound(resource, options.tenantId)
      return refuse(response, 400, 'invalid_resource', `AADSTS${code}: ${message}`)
    }
    const token = await options.tokens.get(identity, audience)
    const seconds = String(expiresIn(token, options.clock()))
    sendJson(response, 200, {
      access_token: token.token,
      client_id: identity.clientId,
      expires_in: seconds,
      expires_on: String(token.expiresOn),
      ext_expires_in: seconds,
      not_before: String(token.notBefore),
      resource,
      token_type: 'Bearer',
    })
  }

  return (request, response) => {
    request.resume()
    answer(request, response).catch((error: unknown) => {
      options.log('error', 'An instance metadata request failed', {
        error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
      })
      if (!response.headersSent) {
        refuse(response, 503, 'temporarily_unavailable', 'The identity service is not available')
      }
    })
  }
}

/** RFC 7617. */
function proxyCredentials(header: string | undefined): { user: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1]
  if (!encoded) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
