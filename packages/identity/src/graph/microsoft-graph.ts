/** `graph.microsoft.com`: the tenant's directory as Microsoft Graph serves it. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { askedHost } from '../authority.ts'
import type { TokenVerifier } from '../caller.ts'
import type { DirectoryObjects } from '../directory/directory-objects.ts'
import { GraphAccess } from './access.ts'
import { applicationOperations } from './applications.ts'
import { directoryObjectOperations } from './directory-objects.ts'
import { graphErrorBody, graphErrors, refusalOf } from './graph-error.ts'
import { type GraphAnswer, parsePath, parseQuery } from './graph-request.ts'
import { groupOperations } from './groups.ts'
import { type GraphOperations, graphContext } from './operations.ts'
import { roleOperations } from './roles.ts'
import { servicePrincipalOperations } from './service-principals.ts'
import { userOperations } from './users.ts'

export interface MicrosoftGraphOptions {
  readonly tenantId: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly objects: DirectoryObjects
  readonly verifier: TokenVerifier
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

const operations: GraphOperations = {
  ...applicationOperations,
  ...servicePrincipalOperations,
  ...userOperations,
  ...groupOperations,
  ...directoryObjectOperations,
  ...roleOperations,
}

/** Names after which an object's key stands. */
const collections = new Set([
  'applications',
  'serviceprincipals',
  'users',
  'groups',
  'directoryobjects',
  'owners',
  'members',
  'federatedidentitycredentials',
  'roledefinitions',
  'roleassignments',
])
const audiences = ['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000']
const largestBody = 1024 * 1024
const methods = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']
const guid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

export function createMicrosoftGraph(options: MicrosoftGraphOptions): RequestListener {
  const { clock, objects, verifier, log } = options
  const context = graphContext(options)

  async function answer(request: IncomingMessage): Promise<GraphAnswer> {
    const caller = await verifier.verify(request.headers.authorization, audiences)
    const host = askedHost(request.headers) ?? 'graph.microsoft.com'
    const target = `https://${host}${request.url ?? '/'}`
    if (!URL.canParse(target)) throw graphErrors.badRequest('The request URI is not well formed.')
    const url = new URL(target)
    const versioned = /^\/(v1\.0|beta)\/(.+)$/i.exec(url.pathname)
    if (!versioned?.[1] || !versioned[2]) throw graphErrors.badRequest('Invalid version.')
    const { pattern, keys } = parsePath(versioned[2], collections)
    const method = request.method ?? 'GET'
    const name = `${method} ${pattern}`
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (!operation) {
      throw methods.some((other) => Object.hasOwn(operations, `${other} ${pattern}`))
        ? graphErrors.methodNotAllowed(method)
        : graphErrors.notImplemented(`${method} ${url.pathname}`)
    }
    return operation(
      {
        method,
        keys,
        query: parseQuery(url.searchParams),
        body: await readBody(request),
        access: new GraphAccess(caller, objects),
        base: `https://${host}/${versioned[1].toLowerCase()}`,
        url,
      },
      context,
    )
  }

  return (request, response) => {
    const requestId = randomUUID()
    const given = request.headers['client-request-id']
    const clientRequestId = typeof given === 'string' && guid.test(given) ? given : undefined
    const headers = { 'request-id': requestId, 'client-request-id': clientRequestId ?? requestId }
    answer(request).then(
      (result) => send(response, result, headers),
      (error: unknown) => {
        const known = refusalOf(error)
        if (!known) {
          log('error', 'A Microsoft Graph request failed', {
            requestId,
            error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
          })
        }
        const refusal = known ?? graphErrors.unavailable()
        const challenge: Readonly<Record<string, string>> =
          refusal.status === 401
            ? {
                'www-authenticate': `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`,
              }
            : {}
        // What is left of a body is not read; without this the connection's next request would be in it.
        if (!request.complete) response.setHeader('connection', 'close')
        request.resume()
        const body = graphErrorBody(refusal, clientRequestId, clock())
        send(response, { status: refusal.status, body }, { ...headers, ...challenge })
      },
    )
  }
}

function send(response: ServerResponse, answer: GraphAnswer, headers: Readonly<Record<string, string>>): void {
  const { status, body } = answer
  if (body === undefined) {
    response.writeHead(status, headers).end()
    return
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  response.writeHead(status, {
    'content-type':
      typeof body === 'string'
        ? 'text/plain'
        : 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache',
    ...headers,
  })
  response.end(text)
}

/** Undefined for no body. Throws {@link GraphError} for one that is too large, or not JSON. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > largestBody) throw graphErrors.bodyTooLarge()
    chunks.push(chunk)
  }
  if (length === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw graphErrors.malformedBody()
  }
}
