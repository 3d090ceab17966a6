/** One request being answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { monotonicMs } from '../clock.ts'
import { type ApiError, malformedRequest } from '../runtime/api-error.ts'
import type { RouteDefinition } from './route.ts'
import { queryParameters } from './url.ts'

export type BodyResult =
  | { readonly kind: 'complete'; readonly body: Buffer }
  /** The part that was read before the limit. */
  | { readonly kind: 'too-large'; readonly body: Buffer }

/** What a server does when an answer has been handed over. */
export type Answered = (exchange: Exchange) => void

const noMetadata: Readonly<Record<string, string>> = Object.freeze({})
const metadataPrefix = 'metadata.'
const oneWrite = 16 << 10

// A connection serves one request at a time, so one signal per connection tells its requests that the caller is gone.
const controllers = new WeakMap<Socket, AbortController>()

export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: string
  readonly start = monotonicMs()
  readonly #answered: Answered
  readonly #maxBody: number
  route: RouteDefinition | undefined
  parameters: readonly string[] = []
  /** Header names and values that go with every answer. */
  readonly headers: string[]
  status = 0
  responseBytes = 0
  #parameters: Map<string, string> | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
    headers: string[],
    maxBody: number,
    answered: Answered,
  ) {
    this.request = request
    this.response = response
    this.path = path
    this.query = query
    this.headers = headers
    this.#maxBody = maxBody
    this.#answered = answered
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
    this.#answered(this)
  }

  error(error: ApiError): void {
    this.json(error.httpStatus, error.toJson())
  }

  #send(status: number, type: string, body: string | Uint8Array, headers: readonly string[]): void {
    const { response } = this
    if (response.headersSent || response.destroyed) {
      this.#answered(this)
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
    this.#answered(this)
  }

  /** Reads the body up to the limit. `done` is not called when the caller hangs up half-way. */
  readBody(done: (result: BodyResult) => void): void {
    const { request } = this
    const chunks: Buffer[] = []
    let size = 0
    const limit = this.#maxBody
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (limit > 0 && size > limit) {
        request.off('data', onData).off('end', onEnd)
        chunks.push(chunk.subarray(0, chunk.length - (size - limit)))
        // The rest is not read: the connection ends with the answer.
        this.headers.push('Connection', 'close')
        this.response.once('finish', () => request.destroy())
        done({ kind: 'too-large', body: Buffer.concat(chunks) })
        return
      }
      chunks.push(chunk)
    }
    const onEnd = () => {
      const [only] = chunks
      done({ kind: 'complete', body: chunks.length === 1 && only ? only : Buffer.concat(chunks) })
    }
    request.on('data', onData).on('end', onEnd)
  }
}

/** daprd's words for a body over the limit. */
export function tooLarge(): ApiError {
  return malformedRequest('stream too large')
}
