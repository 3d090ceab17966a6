/** `login.microsoftonline.com`: the routes of the token service. */
import type { RequestListener } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AadError, aadErrorBody, aadErrors, isGuid, traceRequest } from './aadsts.ts'
import { authorityBase } from './authority.ts'
import { takeEndedBodies } from './ended-bodies.ts'
import { instanceDiscovery, openIdConfiguration } from './openid-configuration.ts'
import { addSignIn, type SignInOptions } from './sign-in/sign-in-routes.ts'
import { parseTenant } from './tenant.ts'
import { answerTokenRequest, type EndpointVersion, type TokenEndpointOptions } from './token-endpoint.ts'
import { parseTokenRequest } from './token-request.ts'

/** Room for an assertion with its certificate chain, twice over. */
const largestBody = 128 * 1024

export interface TokenServiceOptions extends TokenEndpointOptions, SignInOptions {}

interface TenantRoute {
  Params: { tenant: string }
}

export interface TokenService {
  readonly listener: RequestListener
  close(): Promise<void>
}

export async function createTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const { tenantId, clock, log } = options
  const app = fastify({
    bodyLimit: largestBody,
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 512 },
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
  })
  takeEndedBodies(app)

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const trace = traceRequest(request.headers['client-request-id'], clock())
    const refusal = refusalOf(error)
    if (refusal.status >= 500) {
      log('error', 'A token request failed', { traceId: trace.traceId, error: describe(error) })
    } else {
      // What the caller sent is not logged: a secret may be in any place of a wrong request.
      log('warn', 'A token request was refused', {
        code: `AADSTS${refusal.code}`,
        status: refusal.status,
        traceId: trace.traceId,
        correlationId: trace.correlationId,
        ...clientOf(request),
      })
    }
    void reply
      .code(refusal.status)
      .headers({ 'cache-control': 'no-store, no-cache', pragma: 'no-cache', 'x-ms-request-id': trace.traceId })
      .send(aadErrorBody(refusal, trace))
  }

  app.setErrorHandler(refuse)
  app.setNotFoundHandler((request, reply) => refuse(aadErrors.malformedRequest(404), request, reply))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body)
  })
  // Entra reads no parameter from a body of another type, so that its first complaint is the missing grant_type.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) => done(null, ''))

  addDiscovery(app, options)
  addSignIn(app, options)

  const token = (version: EndpointVersion) => async (request: FastifyRequest<TenantRoute>, reply: FastifyReply) => {
    const tenant = parseTenant(request.params.tenant, tenantId)
    const body = typeof request.body === 'string' ? request.body : ''
    const tokenRequest = parseTokenRequest(body, request.headers.authorization)
    const answer = await answerTokenRequest(options, tokenRequest, version, tenant)
    log('info', 'Issued an access token', {
      ...clientOf(request),
      grant: tokenRequest.grant_type,
      resource: tokenRequest.resource ?? tokenRequest.scope,
    })
    return reply
      .headers({ 'cache-control': 'no-store, no-cache', pragma: 'no-cache' })
      .header('x-ms-request-id', traceRequest(undefined, 0).traceId)
      .send(answer)
  }
  app.post('/:tenant/oauth2/v2.0/token', token('v2'))
  app.post('/:tenant/oauth2/token', token('v1'))
  addRefusals(app)

  await app.ready()
  return { listener: (request, response) => app.routing(request, response), close: () => app.close() }
}

/** Configuration with keys: public, the same for everybody. */
function addDiscovery(app: FastifyInstance, { tenantId, keys, signInBase }: TokenServiceOptions): void {
  const configuration =
    (version: EndpointVersion) => async (request: FastifyRequest<TenantRoute>, reply: FastifyReply) => {
      const tenant = parseTenant(request.params.tenant, tenantId, 'invalid_tenant')
      return reply.header('access-control-allow-origin', '*').send(
        openIdConfiguration({
          base: authorityBase(request.headers),
          signInBase: signInBase ?? authorityBase(request.headers),
          tenant: tenant === 'own' ? tenantId : tenant,
          issuerTenant: tenant === 'own' ? tenantId : '{tenantid}',
          version,
        }),
      )
    }
  app.get('/:tenant/v2.0/.well-known/openid-configuration', configuration('v2'))
  app.get('/:tenant/.well-known/openid-configuration', configuration('v1'))

  const keySet = async (request: FastifyRequest<TenantRoute>, reply: FastifyReply) => {
    parseTenant(request.params.tenant, tenantId, 'invalid_tenant')
    return reply.header('access-control-allow-origin', '*').send(keys.jwks())
  }
  app.get('/:tenant/discovery/v2.0/keys', keySet)
  app.get('/:tenant/discovery/keys', keySet)

  app.get('/common/discovery/instance', async (request, reply) =>
    reply.header('access-control-allow-origin', '*').send(instanceDiscovery(authorityBase(request.headers), tenantId)),
  )
}

/** What the token endpoint is not answered by. */
function addRefusals(app: FastifyInstance): void {
  for (const version of ['/v2.0', '']) {
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url: `/:tenant/oauth2${version}/token`,
      handler: (request) => Promise.reject(aadErrors.methodNotAllowed(request.method)),
    })
  }
}

function refusalOf(error: unknown): AadError {
  if (error instanceof AadError) return error
  // Fastify's own refusals: a body that is too large, cut short, or an address that cannot be decoded.
  if (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    error.statusCode < 500
  ) {
    return aadErrors.malformedRequest(error.statusCode)
  }
  return aadErrors.temporarilyUnavailable()
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'
}

/** Who asked, as far as it can be logged: a client id is a GUID, which no secret is. */
function clientOf(request: FastifyRequest): { clientId?: string } {
  const clientId = typeof request.body === 'string' ? new URLSearchParams(request.body).get('client_id') : null
  return clientId !== null && isGuid(clientId) ? { clientId } : {}
}
