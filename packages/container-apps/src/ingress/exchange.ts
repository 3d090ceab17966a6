/** One request and its answer, as the client sees them, whichever version of HTTP either side speaks. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { headersForClient } from './headers.ts'
import { type OwnAnswer, TIMED_OUT } from './own-answer.ts'

export type ClientRequest = IncomingMessage | Http2ServerRequest
export type ClientResponse = ServerResponse | Http2ServerResponse

export interface ExchangeOptions {
  readonly request: ClientRequest
  readonly response: ClientResponse
  /** Where the app listens: `http://127.0.0.1:PORT`. */
  readonly address: string
  /** Name, value, name, value, ... for the app. */
  readonly headers: readonly string[]
  /** Added to the app's answer; `overruled` are left out of it. */
  readonly added: readonly string[]
  readonly overruled: ReadonlySet<string> | undefined
  /** Milliseconds from the end of the request to the end of the answer. */
  readonly timeout: number
  /** Told once, when nothing more comes. */
  readonly finished: () => void
}

export class Exchange {
  readonly address: string
  readonly headers: readonly string[]
  readonly request: ClientRequest
  readonly #response: ClientResponse
  readonly #options: ExchangeOptions
  #timer: NodeJS.Timeout | undefined
  #abort: (() => void) | undefined
  #answered = false
  #over = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.address = options.address
    this.headers = options.headers
    this.request = options.request
    this.#response = options.response
    const startTimer = (): void => {
      if (!this.#over) this.#timer = setTimeout(() => this.fail(TIMED_OUT), options.timeout)
    }
    if (this.hasBody) this.request.once('end', startTimer)
    else startTimer()
    this.#response.once('close', () => this.#finish())
  }

  get hasBody(): boolean {
    return hasBody(this.request)
  }

  get answered(): boolean {
    return this.#answered
  }

  get over(): boolean {
    return this.#over
  }

  /** How to give the app's side up; called when the client is gone, or the time. */
  onAbort(abort: () => void): void {
    this.#abort = abort
  }

  /** `last`: nothing comes after it, not even an empty body, which is how gRPC tells an error. */
  head(status: number, message: string | undefined, raw: readonly string[], last = false): void {
    const { added, overruled } = this.#options
    this.#answered = true
    const headers = headersForClient(raw, overruled)
    if (added.length > 0) headers.push(...added)
    writeHead(this.#response, status, message, headers, last)
  }

  /** Whether more can be taken at once; otherwise `resume` is called when it can. */
  data(chunk: Uint8Array, resume: () => void): boolean {
    const taken = writeChunk(this.#response, chunk)
    if (!taken) this.#response.once('drain', resume)
    return taken
  }

  /** Name, value, name, value, ... */
  trailers(raw: readonly string[]): void {
    for (let index = 0; index + 1 < raw.length; index += 2) {
      this.#response.addTrailers({ [raw[index] ?? '']: raw[index + 1] ?? '' })
    }
  }

  end(): void {
    this.#abort = undefined
    this.#response.end()
  }

  /** Before the answer's head the client gets this answer; after it, what it has must not look complete. */
  fail(answer: OwnAnswer): void {
    if (this.#over) return
    if (this.#answered) destroy(this.#response)
    else sendOwn(this.#response, answer)
    this.#finish()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    this.#abort?.()
    this.#options.finished()
  }
}

/** The ingress' own answer. */
export function sendOwn(response: ClientResponse, { status, type, body, headers = [] }: OwnAnswer): void {
  if (response.headersSent || response.destroyed) return
  writeHead(response, status, undefined, [
    'content-type',
    type,
    'content-length',
    String(Buffer.byteLength(body)),
    ...headers,
  ])
  response.end(body)
}

function hasBody(request: ClientRequest): boolean {
  if (request.httpVersionMajor === 2) return !(request as Http2ServerRequest).stream.endAfterHeaders
  const { headers } = request
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

// The two kinds of answers have the same methods, but no common type that can be called.

function writeHead(
  response: ClientResponse,
  status: number,
  message: string | undefined,
  raw: string[],
  last = false,
): void {
  if (response instanceof Http2ServerResponse) {
    const headers: Record<string, string[]> = {}
    for (let index = 0; index + 1 < raw.length; index += 2) {
      const name = raw[index] ?? ''
      headers[name] = [...(headers[name] ?? []), raw[index + 1] ?? '']
    }
    for (const [name, values] of Object.entries(headers)) {
      response.setHeader(name, values.length === 1 ? (values[0] ?? '') : values)
    }
    // Sent with the end, the head is what ends the stream.
    if (last) response.statusCode = status
    else response.writeHead(status)
  } else if (message === undefined) response.writeHead(status, raw)
  else response.writeHead(status, message, raw)
}

function writeChunk(response: ClientResponse, chunk: Uint8Array): boolean {
  return response instanceof Http2ServerResponse ? response.write(chunk) : response.write(chunk)
}

function destroy(response: ClientResponse): void {
  if (response instanceof Http2ServerResponse) response.stream.close(2 /* INTERNAL_ERROR (RFC 9113 section 7) */)
  else response.destroy()
}
