/**
 * `IDENTITY_ENDPOINT`: the managed-identity protocol of App Service, which Container Apps speaks too
 * ("How to use managed identities for App Service": api-version 2019-08-01, header X-IDENTITY-HEADER).
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { aadErrors } from './aadsts.ts'
import { selectIdentity } from './identity-selection.ts'
import { requestUrl, sendJson } from './json-response.ts'
import type { ManagedIdentities } from './managed-identities.ts'
import type { ManagedIdentityTokens } from './managed-identity-tokens.ts'
import { identitiesOf, type Replicas } from './replicas.ts'
import { audienceOf } from './token-resource.ts'

export interface ManagedIdentityEndpointOptions {
  readonly tenantId: string
  readonly replicas: Replicas
  readonly identities: ManagedIdentities
  readonly tokens: ManagedIdentityTokens
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

const apiVersion = '2019-08-01'

/** A refusal in the form that App Service sends: `{statusCode, message, correlationId}`. */
interface Refusal {
  readonly status: number
  readonly message: string
  /** For the log: more than the caller is told. */
  readonly hint?: string
}

/** Answers on `path`, the path of `IDENTITY_ENDPOINT`. */
export function createManagedIdentityEndpoint(path: string, options: ManagedIdentityEndpointOptions): RequestListener {
  function refuse(response: ServerResponse, refusal: Refusal, replicaId?: string): void {
    const correlationId = randomUUID()
    options.log('warn', 'A managed identity token was refused', {
      status: refusal.status,
      message: refusal.message,
      correlationId,
      ...(replicaId ? { replicaId } : {}),
      ...(refusal.hint ? { hint: refusal.hint } : {}),
    })
    sendJson(response, refusal.status, { statusCode: refusal.status, message: refusal.message, correlationId })
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = requestUrl(request.url)
    if (url?.pathname !== path) return refuse(response, { status: 404, message: 'There is nothing at this address.' })
    if (request.method !== 'GET') return refuse(response, { status: 405, message: 'The endpoint only accepts GET.' })
    const header = request.headers['x-identity-header']
    const replica = typeof header === 'string' ? options.replicas.byHeader(header) : undefined
    if (!replica) {
      return refuse(response, {
        status: 401,
        message:
          header === undefined ? 'The X-IDENTITY-HEADER header is missing.' : 'The X-IDENTITY-HEADER is not valid.',
      })
    }
    const { searchParams } = url
    const { replicaId } = replica
    if (searchParams.get('api-version') !== apiVersion) {
      return refuse(response, { status: 400, message: `The api-version has to be ${apiVersion}.` }, replicaId)
    }
    const resource = searchParams.get('resource')
    if (!resource) {
      return refuse(response, { status: 400, message: "The parameter 'resource' is missing." }, replicaId)
    }
    const selection = selectIdentity(identitiesOf(replica, options.identities), searchParams)
    if (selection.kind === 'notFound') {
      return refuse(
        response,
        {
          status: 400,
          message:
            'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
        },
        replicaId,
      )
    }
    if (selection.kind === 'noDefault') {
      // As on Container Apps: a user-assigned identity has to be named, even when there is one only.
      return refuse(
        response,
        {
          status: 400,
          message: 'Unable to load the proper Managed Identity.',
          ...(selection.userAssigned > 0
            ? { hint: 'The app has no system-assigned identity: name the user-assigned one, e.g. by AZURE_CLIENT_ID.' }
            : { hint: 'The app has no identity.' }),
        },
        replicaId,
      )
    }
    const audience = audienceOf(resource)
    if (!audience) {
      const { code, message } = aadErrors.resourceNotFound(resource, options.tenantId)
      return refuse(response, { status: 400, message: `AADSTS${code}: ${message}` }, replicaId)
    }
    const { identity } = selection
    const token = await options.tokens.get(identity, audience)
    sendJson(response, 200, {
      access_token: token.token,
      expires_on: String(token.expiresOn),
      resource,
      token_type: 'Bearer',
      client_id: identity.clientId,
    })
  }

  return (request, response) => {
    // A body has no meaning here; unread, it would hold up the connection's next request.
    request.resume()
    answer(request, response).catch((error: unknown) => {
      options.log('error', 'A managed identity request failed', {
        error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
      })
      if (!response.headersSent) refuse(response, { status: 503, message: 'The identity service is not available.' })
    })
  }
}
