/** The app over HTTP (pkg/channel/http): HTTP/1.1, TLS, or HTTP/2 without it. */
import { Readable } from 'node:stream'
import { StatusError } from '../grpc/status.ts'
import { http } from '../http/builtin.ts'
import type { Pipeline } from '../middleware/pipeline.ts'
import { type AppChannel, type AppRequest, type AppResponse, wantsEvents } from './app-channel.ts'
import { createConcurrencyLimit } from './concurrency.ts'
import { goClientError } from './go-client-error.ts'
import { firstValue, fromRawHeaders, toHttpHeaders, withoutHopByHop } from './headers.ts'
import { cleanRelative, requestPath } from './method-name.ts'

export interface HttpTarget {
  /** `http://127.0.0.1:8080`, without a slash at its end. */
  readonly baseUrl: string
  /** Of an HTTPEndpoint resource; they replace the caller's. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

export interface HttpAppChannelOptions {
  readonly target: HttpTarget
  /** Sent as `dapr-api-token`; empty for none. */
  readonly appApiToken: string
  readonly maxConcurrency: number
  readonly healthCheckPath: string
  /** HTTP/2 without TLS. */
  readonly http2?: boolean
  /** The middleware on the way to the app; undefined for none. */
  readonly pipeline: (() => Pipeline | undefined) | undefined
}

const noDetails = Object.freeze([])
const none = new Uint8Array(0)
const bodiless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

export function createHttpAppChannel(options: HttpAppChannelOptions): AppChannel {
  const { target, appApiToken } = options
  if (options.http2) throw new Error('app-protocol h2c is not implemented')
  const base = new URL(target.baseUrl)
  const secure = base.protocol === 'https:'
  const module = secure ? process.getBuiltinModule('node:https') : http
  const agent = new module.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, ...target.tls })
  const limit = createConcurrencyLimit(options.maxConcurrency)
  const basePath = base.pathname === '/' ? '' : base.pathname.replace(/\/$/, '')

  const send = async (request: AppRequest, signal: AbortSignal): Promise<AppResponse> => {
    const method = cleanRelative(request.method)
    const path = requestPath(`${method.startsWith('/') || method === '' ? '' : '/'}${method}`)
    const url = `${target.baseUrl}${method.startsWith('/') || method === '' ? '' : '/'}${method}`
    if (path === undefined) throw new Error(`parse ${JSON.stringify(url)}: invalid URL escape`)
    const outgoing = {
      method: request.verb,
      path: `${basePath}${path}`,
      query: request.query,
      headers: requestHeaders(request, target, appApiToken),
      body: request.body,
    }
    const refused = await options.pipeline?.()?.run(outgoing)
    if (refused) {
      return response(refused.status, fromRawHeaders(refused.headers), Buffer.from(refused.body))
    }
    return new Promise((resolve, reject) => {
      const { body } = outgoing
      const query = outgoing.query === '' ? '' : `?${outgoing.query}`
      if (body instanceof Uint8Array) {
        if (body.length > 0 || !bodiless.has(outgoing.method)) {
          outgoing.headers.push('Content-Length', String(body.length))
        }
      } else {
        const length = firstValue(request.headers, 'content-length')
        if (length !== undefined && body === request.body) outgoing.headers.push('Content-Length', length)
        else outgoing.headers.push('Transfer-Encoding', 'chunked')
      }
      const client = module.request({
        agent,
        signal,
        protocol: base.protocol,
        host: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port,
        method: outgoing.method,
        path: `${outgoing.path === '' ? '/' : outgoing.path}${query}`,
        headers: { Host: base.host, ...grouped(outgoing.headers) },
      })
      // Kept alive without saying so, as Go does: it concerns this connection only.
      client.removeHeader('connection')
      client.once('error', (error) => reject(goClientError(request.verb, `${url}${query}`, error, signal)))
      client.once('response', (incoming) => {
        const headers = withoutHopByHop(fromRawHeaders(incoming.rawHeaders))
        // What the app said of its length may not be so, and need not be said again.
        headers.delete('Content-Length')
        resolve(response(incoming.statusCode ?? 0, headers, tolerant(incoming)))
      })
      if (body instanceof Uint8Array) client.end(body)
      else {
        body.once('error', (error) => client.destroy(error))
        body.pipe(client)
      }
    })
  }

  return {
    async invoke(request, signal) {
      if (request.verb === 'NONE' || request.verb === 'CONNECT') {
        throw new StatusError('InvalidArgument', 'invalid HTTP verb')
      }
      if (!limit) return send(request, signal)
      const leave = await limit.enter(signal)
      try {
        const answer = await send(request, signal)
        if (answer.body instanceof Readable) answer.body.once('close', leave)
        else leave()
        return answer
      } catch (error) {
        leave()
        throw error
      }
    },

    probe(signal) {
      return new Promise((resolve) => {
        const client = module.request({
          agent,
          signal,
          protocol: base.protocol,
          host: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port,
          path: `/${options.healthCheckPath.replace(/^\//, '')}`,
        })
        client.once('error', () => resolve(false))
        client.once('response', (incoming) => {
          incoming.resume()
          const status = incoming.statusCode ?? 0
          resolve(status >= 200 && status < 300)
        })
        client.end()
      })
    },

    close: () => agent.destroy(),
  }
}

function response(
  status: number,
  headers: ReturnType<typeof fromRawHeaders>,
  body: Readable | Uint8Array,
): AppResponse {
  return {
    status,
    isHttp: true,
    message: '',
    details: noDetails,
    headers,
    trailers: new Map(),
    contentType: firstValue(headers, 'content-type') ?? '',
    typeUrl: '',
    body: body instanceof Uint8Array && body.length === 0 ? none : body,
  }
}

function requestHeaders(request: AppRequest, target: HttpTarget, token: string): string[] {
  let headers = toHttpHeaders(request.headers)
  const set = (name: string, value: string) => {
    const lower = name.toLowerCase()
    headers = headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== lower)
    headers.push(name, value)
  }
  // The host is the app's own, and whoever asked to be told to go on has been told.
  headers = headers.filter((_, i) => !/^(?:host|expect)$/i.test(headers[i - (i % 2)] ?? ''))
  if (request.contentType !== '') headers.push('Content-Type', request.contentType)
  if (wantsEvents(request.headers)) set('Accept', 'text/event-stream')
  for (const [name, value] of target.headers ?? []) set(name, value)
  if (request.traceparent !== '') headers.push('Traceparent', request.traceparent)
  if (request.tracestate !== '') headers.push('Tracestate', request.tracestate)
  if (token !== '') set('Dapr-Api-Token', token)
  return headers
}

/** Values by name, of names and values in turn. */
function grouped(headers: readonly string[]): Record<string, string[]> {
  const groups: Record<string, string[]> = Object.create(null)
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const values = groups[name] ?? []
    groups[name] = [...values, headers[i + 1] ?? '']
  }
  return groups
}

/** A body that ends where the app hung up: one that announced more than it sent has still answered. */
function tolerant(incoming: Readable): Readable {
  const body = new Readable({
    read: () => incoming.resume(),
    destroy: (error, done) => {
      incoming.destroy()
      done(error)
    },
  })
  incoming.on('data', (chunk: Buffer) => {
    if (!body.push(chunk)) incoming.pause()
  })
  incoming.once('end', () => body.push(null))
  incoming.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') body.push(null)
    else body.destroy(error)
  })
  return body
}
