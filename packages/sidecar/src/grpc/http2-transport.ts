/** gRPC on `node:http2`: sessions and streams become calls with one request message each. */
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { monotonicMs } from '../clock.ts'
import { CompressionError, compress, decompress, isSupportedEncoding, supportedEncodings } from './compression.ts'
import { FrameReader, type FrameResult, frame, prefixLength } from './framing.ts'
import { Http2StreamingCall } from './http2-streaming-call.ts'
import { encodeStatusMessage } from './percent-encoding.ts'
import { codes, type Status } from './status.ts'
import { parseTimeout } from './timeout.ts'
import type { AnswerMetadata, Call, CallHandler, CallRouter, Transport, TransportOptions } from './transport.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = http2.constants

// As daprd's: a client that says nothing for three minutes is let go, one that is gone is noticed.
const idleLimit = 180_000
const probeAfter = 10_000

// More wait at the client. Each costs memory before anything is known of it.
const maxConcurrentStreams = 1000
const mebibyte = 1 << 20
const streamWindow = mebibyte
const sessionWindow = 16 * mebibyte
const longestTimer = 2 ** 31 - 1

// Left out of the types: an answer needs no date.
const sendDate = false
const statusOnly = { endStream: true, sendDate }
const statusFollows = { waitForTrailers: true, sendDate }

export function createHttp2Transport(router: CallRouter, options: TransportOptions): Transport {
  const sessions = new Set<ServerHttp2Session>()
  const sessionOptions = {
    settings: {
      enablePush: false,
      maxConcurrentStreams,
      initialWindowSize: streamWindow,
      maxHeaderListSize: options.maxHeaderBytes,
    },
    // What one connection may hold in answers that its client does not read, in megabytes.
    maxSessionMemory: 32 + Math.ceil((16 * options.maxMessageBytes) / mebibyte),
    maxHeaderListPairs: 256,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // Callers that give up are normal; a flood of them is not.
    streamResetBurst: 2000,
    streamResetRate: 500,
  }
  let closing: Promise<void> | undefined
  let closed: (() => void) | undefined
  return {
    accept(socket) {
      socket.setNoDelay(true)
      socket.setKeepAlive(true, probeAfter)
      const session = http2.performServerHandshake(socket, sessionOptions)
      sessions.add(session)
      session.setLocalWindowSize(sessionWindow)
      session.setTimeout(idleLimit, () => session.close())
      session.on('stream', (stream, headers, flags) => {
        stream.on('error', ignore)
        receive(stream, headers, flags, router, options)
      })
      // A broken connection ends its own streams; there is nobody left to tell.
      session.on('error', ignore)
      session.once('close', () => {
        sessions.delete(session)
        if (sessions.size === 0) closed?.()
      })
      if (closing) session.close()
    },
    close(graceMs) {
      closing ??= new Promise<void>((resolve) => {
        if (sessions.size === 0) {
          resolve()
          return
        }
        const late = setTimeout(() => {
          for (const session of sessions) session.destroy()
        }, graceMs)
        closed = () => {
          clearTimeout(late)
          resolve()
        }
        for (const session of sessions) session.close()
      })
      return closing
    },
  }
}

function ignore(): void {}

/** Judges a call by its headers, in grpc-go's order (internal/transport/http2_server.go). */
function receive(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  router: CallRouter,
  options: TransportOptions,
): void {
  const contentType = headers['content-type'] ?? ''
  if (!isGrpc(contentType)) {
    refuse(stream, 415, {
      code: 'InvalidArgument',
      message: `invalid gRPC request content-type ${JSON.stringify(contentType)}`,
    })
    return
  }
  const timeout = single(headers['grpc-timeout'])
  let milliseconds: number | undefined
  if (timeout !== undefined) {
    const parsed = parseTimeout(timeout)
    if (!parsed.ok) {
      refuse(stream, 400, { code: 'Internal', message: `malformed grpc-timeout: ${parsed.error}` })
      return
    }
    milliseconds = parsed.milliseconds
  }
  const method = headers[':method'] ?? ''
  if (method !== 'POST') {
    const message = `Received a HEADERS frame with :method ${JSON.stringify(method)} which should be POST`
    refuse(stream, 405, { code: 'Internal', message })
    return
  }
  const target = headers[':path'] ?? ''
  const handler = router.find(target)
  if (!handler) {
    const streamed = router.findStream(target, (name) => single(headers[name]))
    if (streamed) {
      void streamed(new Http2StreamingCall(stream, headers, options.maxMessageBytes, milliseconds))
      return
    }
  }
  const call = new Http2Call(stream, headers, options.maxMessageBytes)
  if (milliseconds !== undefined && !call.setDeadline(milliseconds)) return
  const { path } = call
  if (handler) call.receiveMessage(handler, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)
  else if (path.lastIndexOf('/') <= 0) {
    call.fail({ code: 'Unimplemented', message: `malformed method name: ${JSON.stringify(path)}` })
  } else router.unknown(call)
}

function isGrpc(contentType: string): boolean {
  if (!contentType.startsWith('application/grpc')) return false
  const next = contentType.charCodeAt('application/grpc'.length)
  return Number.isNaN(next) || next === 0x2b || next === 0x3b
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value
}

function refuse(stream: ServerHttp2Stream, httpStatus: number, status: Status): void {
  if (stream.destroyed) return
  stream.resume()
  stream.respond({ ':status': httpStatus, 'content-type': 'application/grpc', ...statusHeaders(status) }, statusOnly)
  // The rest of the request is of no interest.
  stream.close(NGHTTP2_NO_ERROR)
}

const okTrailers: Readonly<Record<string, string>> = Object.freeze({ 'grpc-status': '0', 'grpc-message': '' })

function statusHeaders({ code, message, details }: Status): Record<string, string> {
  return {
    'grpc-status': String(codes[code]),
    'grpc-message': encodeStatusMessage(message),
    ...(details ? { 'grpc-status-details-bin': base64(details) } : {}),
  }
}

/** Binary metadata goes without padding (gRPC over HTTP/2, "Binary-Header"). */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64').replace(/=+$/, '')
}

class Http2Call implements Call {
  readonly start = monotonicMs()
  readonly path: string
  abandoned: 'Canceled' | 'DeadlineExceeded' | undefined
  readonly #stream: ServerHttp2Stream
  readonly #headers: IncomingHttpHeaders
  readonly #limit: number
  #controller: AbortController | undefined
  #deadline: NodeJS.Timeout | undefined
  #deadlineAt = Number.POSITIVE_INFINITY
  #answered = false

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, limit: number) {
    this.#stream = stream
    this.#headers = headers
    this.#limit = limit
    this.path = headers[':path'] ?? ''
    stream.on('close', () => {
      clearTimeout(this.#deadline)
      if (!this.#answered) {
        this.#answered = true
        this.#abandon('Canceled')
      }
      // The engine keeps a closed stream until its next full collection: the call need not stay with it.
      stream.removeAllListeners()
      stream.on('error', ignore)
    })
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.abandoned) this.#controller.abort()
    }
    return this.#controller.signal
  }

  metadata(name: string): string | undefined {
    return single(this.#headers[name])
  }

  /** False when it has passed already: the call is answered. */
  setDeadline(milliseconds: number): boolean {
    if (milliseconds <= 0) {
      this.#expire()
      return false
    }
    this.#deadlineAt = this.start + milliseconds
    this.#deadline = setTimeout(() => this.#expire(), Math.min(Math.ceil(milliseconds), longestTimer))
    return true
  }

  #expire(): void {
    if (this.#answered) return
    this.#abandon('DeadlineExceeded')
    this.fail({ code: 'DeadlineExceeded', message: 'context deadline exceeded' })
  }

  #abandon(how: 'Canceled' | 'DeadlineExceeded'): void {
    this.abandoned = how
    this.#controller?.abort()
  }

  /** Hands the first message to the handler; what comes after it is not looked at, as in grpc-go. */
  receiveMessage(handler: CallHandler, ended: boolean): void {
    const encoding = this.#encoding
    if (!isSupportedEncoding(encoding)) {
      const message = `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(encoding)}`
      this.fail({ code: 'Unimplemented', message }, ['grpc-accept-encoding', supportedEncodings])
      return
    }
    if (ended) {
      this.fail({ code: 'Unknown', message: 'EOF' })
      return
    }
    const stream = this.#stream
    const reader = new FrameReader(this.#limit)
    let done = false
    stream.on('data', (chunk: Buffer) => {
      if (done) return
      const result = reader.push(chunk)
      if (result.kind === 'incomplete') return
      done = true
      this.#take(result, handler)
    })
    stream.on('end', () => {
      if (!done) this.fail({ code: 'Unknown', message: reader.started ? 'unexpected EOF' : 'EOF' })
    })
  }

  get #encoding(): string {
    return single(this.#headers['grpc-encoding']) ?? 'identity'
  }

  #take(result: Exclude<FrameResult, { kind: 'incomplete' }>, handler: CallHandler): void {
    if (this.#answered) return
    switch (result.kind) {
      case 'message':
        if (result.compressed) this.#inflate(result.payload, handler)
        else handler(this, result.payload)
        return
      case 'too-large': {
        const message = `grpc: received message larger than max (${result.length} vs. ${this.#limit})`
        this.fail({ code: 'ResourceExhausted', message })
        return
      }
      case 'bad-flag':
        this.fail({ code: 'Internal', message: `grpc: received unexpected payload format ${result.flag}` })
    }
  }

  #inflate(payload: Buffer, handler: CallHandler): void {
    if (this.#encoding === 'identity') {
      this.fail({ code: 'Internal', message: 'grpc: compressed flag set with identity or empty encoding' })
      return
    }
    decompress(payload, this.#limit).then(
      (message) => {
        if (!this.#answered) handler(this, message)
      },
      (error: unknown) => {
        if (!(error instanceof CompressionError)) throw error
        this.fail(error.status)
      },
    )
  }

  succeed(bytes: Uint8Array, metadata: AnswerMetadata): void {
    if (this.#answered) return
    const length = bytes.length - prefixLength
    if (length > this.#limit) {
      const message = `grpc: trying to send message larger than max (${length} vs. ${this.#limit})`
      this.fail({ code: 'ResourceExhausted', message }, metadata)
      return
    }
    // Timers are coarser than deadlines.
    if (this.#deadlineAt !== Number.POSITIVE_INFINITY && monotonicMs() > this.#deadlineAt) {
      this.#expire()
      return
    }
    this.#answered = true
    // As grpc-go does: the answer is compressed as the request was.
    if (this.#encoding === 'identity') this.#send(metadata, bytes, okTrailers)
    else {
      const headers = [...metadata, 'grpc-encoding', this.#encoding]
      void compress(bytes.subarray(prefixLength)).then((message) =>
        this.#send(headers, frame(message, true), okTrailers),
      )
    }
  }

  fail(status: Status, metadata?: AnswerMetadata): void {
    if (this.#answered) return
    this.#answered = true
    if (metadata) {
      this.#send(metadata, undefined, statusHeaders(status))
      return
    }
    clearTimeout(this.#deadline)
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return
    stream.respond({ ...this.#responseHeaders([]), ...statusHeaders(status) }, statusOnly)
    this.#releaseStream()
  }

  #responseHeaders(metadata: AnswerMetadata): Record<string, string | number> {
    const contentType = this.#headers['content-type'] ?? ''
    const headers: Record<string, string | number> = {
      ':status': 200,
      'content-type': contentType.startsWith('application/grpc+') ? contentType : 'application/grpc',
    }
    for (let i = 0; i + 1 < metadata.length; i += 2) headers[metadata[i] ?? ''] = metadata[i + 1] ?? ''
    return headers
  }

  #send(metadata: AnswerMetadata, bytes: Uint8Array | undefined, trailers: Readonly<Record<string, string>>): void {
    clearTimeout(this.#deadline)
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return
    stream.respond(this.#responseHeaders(metadata), statusFollows)
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers)
      this.#releaseStream()
    })
    if (bytes) stream.end(bytes)
    else stream.end()
  }

  /** A caller that is still sending is told that nobody listens. */
  #releaseStream(): void {
    const stream = this.#stream
    if (stream.readableEnded) return
    stream.resume()
    setImmediate(() => {
      if (!stream.readableEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR)
    })
  }
}
