/** A streaming call on `node:http2`. */
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { monotonicMs } from '../clock.ts'
import { encodeStatusMessage } from './percent-encoding.ts'
import { type CodeName, codes, type Status } from './status.ts'
import type { Metadata, StreamingCall } from './streaming-call.ts'

const { NGHTTP2_NO_ERROR } = http2.constants
const longestTimer = 2 ** 31 - 1
// Left out of the types: an answer needs no date.
const sendDate = false
const trailersFollow = { waitForTrailers: true, sendDate }
const statusOnly = { endStream: true, sendDate }

export class Http2StreamingCall implements StreamingCall {
  readonly start = monotonicMs()
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly frames: ServerHttp2Stream
  readonly maxMessageBytes: number
  readonly #controller = new AbortController()
  readonly #listeners: ((code: CodeName) => void)[] = []
  #deadline: NodeJS.Timeout | undefined
  #responded = false
  #finished = false

  /** `deadlineMs`: how long the caller waits; undefined: as long as it takes. */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    maxMessageBytes: number,
    deadlineMs: number | undefined,
  ) {
    this.frames = stream
    this.headers = headers
    this.maxMessageBytes = maxMessageBytes
    this.path = headers[':path'] ?? ''
    stream.once('close', () => {
      clearTimeout(this.#deadline)
      this.#controller.abort(new Error('context canceled'))
      this.#tell('Canceled')
    })
    if (deadlineMs !== undefined) {
      this.#deadline = setTimeout(
        () => {
          this.#controller.abort(new Error('context deadline exceeded'))
          this.finish({ code: 'DeadlineExceeded', message: 'context deadline exceeded' })
        },
        Math.min(Math.max(0, Math.ceil(deadlineMs)), longestTimer),
      )
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  metadata(name: string): string | undefined {
    const value = this.headers[name]
    return typeof value === 'object' ? value[0] : value
  }

  onFinished(tell: (code: CodeName) => void): void {
    this.#listeners.push(tell)
  }

  #tell(code: CodeName): void {
    for (const listener of this.#listeners.splice(0)) listener(code)
  }

  respond(metadata: Metadata): void {
    const stream = this.frames
    if (this.#responded || stream.destroyed || stream.closed) return
    this.#responded = true
    stream.respond({ ...this.#start(), ...copy(metadata) }, trailersFollow)
  }

  #start(): Record<string, string | number> {
    const contentType = this.headers['content-type'] ?? ''
    return {
      ':status': 200,
      'content-type': contentType.startsWith('application/grpc+') ? contentType : 'application/grpc',
    }
  }

  finish(status: Status, trailers: Metadata = {}): void {
    if (this.#finished) return
    this.#finished = true
    clearTimeout(this.#deadline)
    this.#tell(status.code)
    const stream = this.frames
    if (stream.destroyed || stream.closed) return
    const last = {
      ...copy(trailers),
      'grpc-status': String(status.unknownCode ?? codes[status.code]),
      'grpc-message': encodeStatusMessage(status.message),
      ...(status.details ? { 'grpc-status-details-bin': base64(status.details) } : {}),
    }
    if (!this.#responded) {
      this.#responded = true
      stream.respond({ ...this.#start(), ...last }, statusOnly)
      this.#release()
      return
    }
    stream.once('wantTrailers', () => {
      stream.sendTrailers(last)
      this.#release()
    })
    stream.end()
  }

  /** A caller that is still sending is told that nobody listens. */
  #release(): void {
    const stream = this.frames
    if (stream.readableEnded) return
    stream.resume()
    setImmediate(() => {
      if (!stream.readableEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR)
    })
  }
}

function copy(metadata: Metadata): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64').replace(/=+$/, '')
}
