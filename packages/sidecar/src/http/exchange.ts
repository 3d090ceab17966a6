/** One request being answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { monotonicMs } from '../clock.ts'
import { type ApiError, malformedRequest } from '../runtime/api-error.ts'
import type { Span } from '../tracing/tracer.ts'
import { findHeader } from './headers.ts'
import type { RouteDefinition } from './route.ts'
import { queryParameters } from './url.ts'

export type BodyResult =
  | { readonly kind: 'complete'; readonly body: Buffer }
  /** The part that was read before the limit. */
  | { readonly kind: 'too-large'; readonly body: Buffer }

/** What a server does about its exchanges. */
export interface ExchangeEvents {
  /** An answer has been handed over. */
  answered(exchange: Exchange): void
  /** Answers with what a route has thrown. */
  failed(exchange: Exchange, error: unknown): void
}

const noMetadata: Readonly<Record<string, string>> = Object.freeze({})
const metadataPrefix = 'metadata.'
const oneWrite = 16 << 10

// A connection serves one request at a time, so one signal per connection tells its requests that the caller is gone.
const controllers = new WeakMap<Socket, AbortController>()

export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Escaped. Middleware may have changed it, and the query. */
  path: string
  query: string
  readonly start = monotonicMs()
  readonly #events: ExchangeEvents
  readonly #maxBody: number
  #body: Readable | undefined
  route: RouteDefinition | undefined
  parameters: readonly string[] = []
  /** Header names and values that go with every answer. */
  readonly headers: string[]
  status = 0
  responseBytes = 0
  /** Why it was refused, when it was. */
  failure: ApiError | undefined
  /** The name of what was asked for, where the route's says too little. */
  operation: string | undefined
  /** Ends with the request, where spans are exported. */
  span: Span | undefined
  #parameters: Map<string, string> | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
    headers: string[],
    maxBody: number,
    events: ExchangeEvents,
  ) {
    this.request = request
    this.response = response
    this.path = path
    this.query = query
    this.headers = headers
    this.#maxBody = maxBody
    this.#events = events
  }

  /** Aborted when the caller goes away. */
  get signal(): AbortSignal {
    const socket = this.request.socket
    let controller = controllers.get(socket)
    if (!controller) {
      controller = new AbortController()
      controllers.set(socket, controller)
      const { signal } = controller
      const abort = () => controllers.get(socket)?.abort()
      socket.once('close', abort)
      if (socket.destroyed) abort()
      return signal
    }
    return controller.signal
  }

  /** The request's `metadata.*` query parameters. */
  get metadata(): Readonly<Record<string, string>> {
    if (this.query === '') return noMetadata
    const metadata: Record<string, string> = Object.create(null)
    for (const [name, value] of this.#queryParameters()) {
      if (name.startsWith(metadataPrefix)) metadata[name.slice(metadataPrefix.length)] = value
    }
    return metadata
  }

  queryParameter(name: string): string | undefined {
    return this.query === '' ? undefined : this.#queryParameters().get(name)
  }

  #queryParameters(): Map<string, string> {
    this.#parameters ??= queryParameters(this.query)
    return this.#parameters
  }

  json(status: number, body: string | Uint8Array, ...headers: string[]): void {
    this.#send(status, 'application/json', body, headers)
  }

  /** Go's `http.Error`. */
  text(status: number, message: string): void {
    this.#send(status, 'text/plain; charset=utf-8', `${message}\n`, ['X-Content-Type-Options', 'nosniff'])
  }

  empty(status = 204): void {
    this.status = status
    if (status !== 204) this.headers.push('Content-Length', '0')
    this.response.writeHead(status, this.headers).end()
    this.#events.answered(this)
  }

  /** Answers with a body that comes in parts; resolves when it has been sent. Rejects when it broke on the way. */
  stream(status: number, headers: readonly string[], body: Readable): Promise<void> {
    const { response } = this
    this.status = status
    this.headers.push(...headers)
    // What concerns this connection only is not said of another's answer.
    response.removeHeader('connection')
    response.writeHead(status, this.headers)
    response.flushHeaders()
    return new Promise((resolve, reject) => {
      let ended = false
      const end = (error?: Error | null) => {
        if (ended) return
        ended = true
        this.#events.answered(this)
        // The caller sees that the answer is not whole.
        if (error) response.destroy()
        if (error) reject(error)
        else resolve()
      }
      body.on('data', (chunk: Buffer) => {
        this.responseBytes += chunk.length
        if (!response.write(chunk)) {
          body.pause()
          response.once('drain', () => body.resume())
        }
      })
      body.once('end', () => response.end(() => end()))
      body.once('error', end)
      response.once('close', () => {
        if (ended) return
        body.destroy()
        end(response.writableFinished ? undefined : new Error('context canceled'))
      })
    })
  }

  error(error: ApiError, status = error.httpStatus): void {
    this.failure = error
    this.json(status, error.toJson())
  }

  /** An answer whose headers are all given. */
  raw(status: number, headers: readonly string[], body: Uint8Array): void {
    this.status = status
    this.responseBytes = body.length
    this.headers.push(...headers)
    if (status !== 204 && status !== 304) this.headers.push('Content-Length', String(body.length))
    this.response.removeHeader('connection')
    this.response.writeHead(status, this.headers).end(body)
    this.#events.answered(this)
  }

  #send(status: number, type: string, body: string | Uint8Array, headers: readonly string[]): void {
    const { response } = this
    if (response.headersSent || response.destroyed) {
      this.#events.answered(this)
      return
    }
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    this.status = status
    this.responseBytes = length
    this.headers.push('Content-Type', type, 'Content-Length', String(length), ...headers)
    response.writeHead(status, this.headers)
    // One byte per character lets head and body leave in one cheap write.
    if (typeof body === 'string') response.end(body, length === body.length ? 'latin1' : 'utf8')
    else if (length > oneWrite) response.end(body)
    else response.end(Buffer.from(body.buffer, body.byteOffset, length).toString('latin1'), 'latin1')
    this.#events.answered(this)
  }

  /** The request's body, as middleware left it. */
  get body(): Readable {
    return this.#body ?? this.request
  }

  set body(body: Readable) {
    this.#body = body
  }

  /** The trace that this request belongs to; empty where tracing is off. */
  get traceparent(): string {
    return findHeader(this.headers, 'traceparent') ?? ''
  }

  get maxBodyBytes(): number {
    return this.#maxBody
  }

  /**
   * Reads the body up to the limit. `done` is not called when the caller hangs up half-way; what it throws or rejects
   * with becomes the answer.
   */
  readBody(done: (result: BodyResult) => void | Promise<void>): void {
    const { request, body: source } = this
    const chunks: Buffer[] = []
    let size = 0
    const limit = this.#maxBody
    const failed = (error: unknown) => this.#events.failed(this, error)
    const finish = (result: BodyResult) => {
      try {
        done(result)?.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (limit > 0 && size > limit) {
        source.off('data', onData).off('end', onEnd)
        chunks.push(chunk.subarray(0, chunk.length - (size - limit)))
        // The rest is not read: the connection ends with the answer.
        this.headers.push('Connection', 'close')
        this.response.once('finish', () => request.destroy())
        finish({ kind: 'too-large', body: Buffer.concat(chunks) })
        return
      }
      chunks.push(chunk)
    }
    const onEnd = () => {
      const [only] = chunks
      finish({ kind: 'complete', body: chunks.length === 1 && only ? only : Buffer.concat(chunks) })
    }
    source.on('data', onData).on('end', onEnd)
  }
}

/** daprd's words for a body over the limit. */
export function tooLarge(): ApiError {
  return malformedRequest('stream too large')
}
