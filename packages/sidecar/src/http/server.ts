/** The Dapr API's HTTP server: from a request line to its route, with authentication, tracing, metrics and CORS around it. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createTokenCheck } from '../api-token.ts'
import { monotonicMs } from '../clock.ts'
import { parseBaggage } from '../grpc/baggage.ts'
import type { Logger } from '../log/logger.ts'
import type { ErrorCodeMetrics } from '../metrics/error-code-metrics.ts'
import type { HttpMetrics } from '../metrics/http-metrics.ts'
import type { Pipeline, PipelineRequest } from '../middleware/pipeline.ts'
import { ApiError, internalError } from '../runtime/api-error.ts'
import { errorText } from '../runtime/error-text.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { http } from './builtin.ts'
import type { Cors } from './cors.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import { findHeader } from './headers.ts'
import { acceptHttp2 } from './http2.ts'
import type { RouteDefinition } from './route.ts'
import { Router } from './router.ts'
import { newTraceparent, validTraceparent } from './trace-context.ts'
import { cleanPath, hasBadEscape, needsCleaning, queryUnescape } from './url.ts'

export interface ApiServerOptions {
  readonly routes: readonly RouteDefinition[]
  /** Answers what no route does. Undefined: Go's plain 404 and 405, as on the public port. */
  readonly fallback: RouteDefinition | undefined
  /** Empty: no token asked for. */
  readonly apiToken: string
  readonly cors: Cors | undefined
  readonly metrics: HttpMetrics | undefined
  readonly errorCodes: ErrorCodeMetrics | undefined
  /** False: no trace headers (`samplingRate: "0"`). */
  readonly tracing: boolean
  /** Exports a span of each request; undefined: nothing is exported. */
  readonly tracer: Tracer | undefined
  readonly maxBodyBytes: number
  readonly maxHeaderBytes: number
  readonly apiLog:
    | { readonly log: Logger; readonly obfuscateUrls: boolean; readonly omitHealthChecks: boolean }
    | undefined
  /** Middleware before the routes; undefined for none. */
  readonly pipeline: Pipeline | undefined
  readonly log: Logger
}

const goHeaderTimeout = 10_000
// Go reads this much beyond its limit before it refuses.
const goHeaderSlack = 4096

/** The server, not listening yet. */
export function createApiServer(options: ApiServerOptions): Server {
  const handle = createHandler(options)
  const server = http.createServer(
    {
      maxHeaderSize: options.maxHeaderBytes + goHeaderSlack,
      headersTimeout: goHeaderTimeout,
      keepAliveTimeout: 0,
      noDelay: true,
      keepAlive: true,
    },
    handle,
  )
  acceptHttp2(server, refuseRequest)
  return server
}

function createHandler(options: ApiServerOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const router = new Router<RouteDefinition>()
  for (const route of options.routes) router.add(route.methods, `/${route.version}/${route.path}`, route)
  const { cors, fallback, pipeline, tracer, tracing } = options
  const token = createTokenCheck(options.apiToken)
  const events: ExchangeEvents = {
    answered: createAnswered(options),
    failed: (exchange, error) => fail(exchange, error, options.log),
  }

  return (request, response) => {
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    let path = mark < 0 ? url : url.slice(0, mark)
    // Proxies send the whole URL.
    if (path.charCodeAt(0) !== 0x2f) path = path === '*' ? '/' : path.replace(/^[a-z]+:\/\/[^/]*/i, '') || '/'
    if (hasBadEscape(path)) {
      response.shouldKeepAlive = false
      response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' }).end('400 Bad Request')
      return
    }
    const raw = request.rawHeaders
    const headers: string[] = []
    const traced = tracing && !path.includes('/healthz')
    if (traced && !tracer) traceHeaders(raw, headers)
    const exchange = new Exchange(
      request,
      response,
      path,
      mark < 0 ? '' : url.slice(mark + 1),
      headers,
      options.maxBodyBytes,
      events,
    )
    const method = request.method ?? 'GET'
    if (traced) {
      if (tracer) startSpan(exchange, tracer, headers)
      const given = findHeader(raw, 'baggage')
      if (given !== undefined && given !== '') {
        const baggage = parseBaggage(given)
        if (!baggage.ok) {
          exchange.text(400, `invalid baggage header: ${baggage.error}`)
          return
        }
        headers.push('Baggage', baggage.text)
      }
    }
    if (cors) {
      const origin = findHeader(raw, 'origin')
      const asked = findHeader(raw, 'access-control-request-method')
      if (method === 'OPTIONS' && origin !== undefined && asked !== undefined) {
        headers.push(...cors.preflight(origin, asked, findHeader(raw, 'access-control-request-headers')))
        exchange.empty(200)
        return
      }
      headers.push(...cors.headers(origin))
    }
    if (token && !isOpenToAll(method, path) && !token(findHeader(raw, 'dapr-api-token') ?? '')) {
      exchange.text(401, 'invalid api token')
      return
    }
    if (pipeline) {
      runPipeline(exchange, pipeline).then(
        (goesOn) => {
          if (goesOn) dispatch(exchange)
        },
        (error: unknown) => events.failed(exchange, error),
      )
    } else dispatch(exchange)
  }

  function dispatch(exchange: Exchange): void {
    const { path } = exchange
    const method = exchange.request.method ?? 'GET'
    const match = router.find(method, needsCleaning(path) ? cleanPath(path) : path)
    const route = match?.route ?? fallback
    if (!route) {
      exchange.text(404, '404 page not found')
      return
    }
    exchange.route = route
    if (match) {
      const bad = unescapeParameters(match.parameters as string[], route)
      if (bad !== undefined) {
        exchange.text(400, bad)
        return
      }
      exchange.parameters = match.parameters
    }
    try {
      const pending = route.handle(exchange)
      if (pending) pending.catch((error: unknown) => events.failed(exchange, error))
    } catch (error) {
      events.failed(exchange, error)
    }
  }
}

/** False: the request has been answered. */
async function runPipeline(exchange: Exchange, pipeline: Pipeline): Promise<boolean> {
  const { request } = exchange
  const passed: PipelineRequest = {
    method: request.method ?? 'GET',
    path: exchange.path,
    query: exchange.query,
    headers: [...request.rawHeaders],
    body: request,
    remoteAddress: request.socket.remoteAddress ?? '',
  }
  const answer = await pipeline.run(passed)
  if (answer) {
    exchange.raw(answer.status, answer.headers, Buffer.from(answer.body))
    return false
  }
  exchange.path = passed.path
  exchange.query = passed.query
  request.rawHeaders = passed.headers
  if (passed.body !== request && !(passed.body instanceof Uint8Array)) exchange.body = passed.body
  return true
}

function fail(exchange: Exchange, error: unknown, log: Logger): void {
  if (error instanceof ApiError) {
    exchange.error(error)
    return
  }
  log.error(`Unexpected error serving ${exchange.request.method} ${exchange.route?.name ?? ''}: ${errorText(error)}`)
  exchange.error(internalError())
}

function traceHeaders(raw: readonly string[], headers: string[]): void {
  const given = findHeader(raw, 'traceparent')
  const parent = given === undefined ? undefined : validTraceparent(given)
  if (parent === undefined) {
    headers.push('Traceparent', newTraceparent())
    return
  }
  headers.push('Traceparent', parent)
  const state = findHeader(raw, 'tracestate')
  if (state !== undefined && state !== '' && state.length <= 512) headers.push('Tracestate', state)
}

function startSpan(exchange: Exchange, tracer: Tracer, headers: string[]): void {
  const { request, path } = exchange
  const parent = findHeader(request.rawHeaders, 'traceparent')
  const span = tracer.start(path, parent === undefined ? undefined : validTraceparent(parent), {
    'dapr.protocol': 'http',
    'dapr.api': `${request.method ?? ''} ${path}`,
  })
  exchange.span = span
  headers.push('Traceparent', span.traceparent)
  const state = findHeader(request.rawHeaders, 'tracestate')
  if (state !== undefined && state !== '' && state.length <= 512) headers.push('Tracestate', state)
}

/** Turns escapes into characters in place; the text of daprd's refusal when one cannot be. */
function unescapeParameters(parameters: string[], route: RouteDefinition): string | undefined {
  for (let i = 0; i < parameters.length; i++) {
    const parameter = parameters[i] ?? ''
    if (!parameter.includes('%') && !parameter.includes('+')) continue
    const plain = queryUnescape(parameter)
    if (plain === undefined) {
      const name = [...route.path.matchAll(/\{(\w+)\}/g)][i]?.[1] ?? '*'
      return `failed to unescape request parameter "${name}". Error: invalid URL escape`
    }
    parameters[i] = plain
  }
  return undefined
}

function isOpenToAll(method: string, path: string): boolean {
  if (method !== 'GET') return false
  const trimmed = path.replace(/^\/+|\/+$/g, '')
  return trimmed === 'v1.0/healthz' || trimmed === 'v1.0/healthz/outbound'
}

function createAnswered(options: ApiServerOptions): (exchange: Exchange) => void {
  const { metrics, errorCodes, apiLog } = options
  return (exchange) => {
    if (exchange.failure) errorCodes?.refused(exchange.failure)
    exchange.span?.end({ 'dapr.status_code': exchange.status }, exchange.status >= 400)
    const elapsed = monotonicMs() - exchange.start
    const method = exchange.request.method ?? ''
    if (metrics) {
      const length = findHeader(exchange.request.rawHeaders, 'content-length')
      const received = length === undefined ? 0 : Math.max(0, Number(length) || 0)
      metrics.completed(
        method,
        metrics.pathOf(exchange.path),
        exchange.status,
        received,
        exchange.responseBytes,
        elapsed,
      )
    }
    if (!apiLog || !exchange.route || (exchange.route.healthCheck && apiLog.omitHealthChecks)) return
    const agent = findHeader(exchange.request.rawHeaders, 'user-agent')
    apiLog.log.record('HTTP API Called', {
      code: exchange.status,
      duration: Math.trunc(elapsed),
      method: apiLog.obfuscateUrls
        ? (exchange.operation ?? exchange.route.name)
        : `${method} ${decodePath(exchange.path)}`,
      size: exchange.responseBytes,
      ...(agent ? { useragent: agent } : {}),
    })
  }
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path
  return queryUnescape(path.replaceAll('+', '%2B')) ?? path
}

/** What Go's server answers to bytes that are no request. */
function refuseRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
}
