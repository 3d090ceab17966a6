/** gRPC calls that the sidecar makes itself, on `node:http2`: of the app, and of other sidecars. */
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import type { Readable, Writable } from 'node:stream'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { dialText } from '../invocation/go-client-error.ts'
import { decompress } from './compression.ts'
import { readFrame, writePrefix } from './framing.ts'
import { decodeMessage, type MessageType } from './messages.ts'
import { decodeStatusMessage } from './percent-encoding.ts'
import { type CodeName, codes, type Status, StatusError } from './status.ts'

/** Metadata of a call, names in lower case. */
export type CallMetadata = Readonly<Record<string, string | readonly string[]>>

export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

const codeNames = Object.keys(codes) as CodeName[]
const streamWindow = 1 << 20
const mebibyte = 1 << 20
const pingAfter = 10_000
const pingTimeout = 5_000

// Servers take a hundred calls on a connection at the least; beyond that, another is made.
const callsPerConnection = 100

/** Connections to one address, made when they are first needed and again when they broke. */
export class GrpcChannel {
  readonly #url: string
  readonly #tls: TlsOptions | undefined
  readonly #sessions = new Map<ClientHttp2Session, number>()

  /** `address`: `host:port`. */
  constructor(address: string, tls?: TlsOptions) {
    this.#url = `${tls ? 'https' : 'http'}://${address}`
    this.#tls = tls
  }

  /** Opens a call; errors of the connection arrive at the stream. */
  open(path: string, metadata: CallMetadata): ClientHttp2Stream {
    const session = this.#free() ?? this.#connect()
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...(metadata as Record<string, string | string[]>),
      },
      { endStream: false },
    )
    this.#sessions.set(session, (this.#sessions.get(session) ?? 0) + 1)
    stream.once('close', () => {
      const calls = this.#sessions.get(session)
      if (calls !== undefined) this.#sessions.set(session, calls - 1)
    })
    return stream
  }

  #free(): ClientHttp2Session | undefined {
    for (const [session, calls] of this.#sessions) {
      const most = session.remoteSettings?.maxConcurrentStreams ?? callsPerConnection
      if (!session.closed && !session.destroyed && calls < Math.min(most, callsPerConnection)) return session
    }
    return undefined
  }

  #connect(): ClientHttp2Session {
    const session = http2.connect(this.#url, {
      ...this.#tls,
      settings: { enablePush: false, initialWindowSize: streamWindow },
      maxSessionMemory: 256,
    })
    session.once('connect', () => session.setLocalWindowSize(16 * mebibyte))
    // Each call hears of it by its own stream.
    session.on('error', () => undefined)
    // A peer that is gone without a word is noticed, as grpc-go notices it.
    const probe = setInterval(() => {
      if (session.destroyed || session.connecting) return
      const late = setTimeout(() => session.destroy(), pingTimeout)
      try {
        session.ping(() => clearTimeout(late))
      } catch {
        clearTimeout(late)
      }
    }, pingAfter)
    probe.unref()
    session.once('close', () => {
      clearInterval(probe)
      this.#sessions.delete(session)
    })
    session.unref()
    this.#sessions.set(session, 0)
    return session
  }

  /** Calls that are under way may end. */
  close(): void {
    for (const session of this.#sessions.keys()) session.close()
    this.#sessions.clear()
  }

  /** Drops the connections, so that the next call makes another. */
  reset(): void {
    for (const session of this.#sessions.keys()) session.destroy()
    this.#sessions.clear()
  }
}

/** How a call ended, from headers or trailers; undefined where they do not say. */
export function statusFrom(headers: IncomingHttpHeaders): Status | undefined {
  const code = headers['grpc-status']
  if (code === undefined) return undefined
  const details = headers['grpc-status-details-bin']
  return {
    code: codeNames[Number(code)] ?? 'Unknown',
    ...(codeNames[Number(code)] === undefined && /^\d+$/.test(String(code)) ? { unknownCode: Number(code) } : {}),
    message: decodeStatusMessage(String(headers['grpc-message'] ?? '')),
    ...(typeof details === 'string' ? { details: Buffer.from(details, 'base64') } : {}),
  }
}

/** What a broken stream means, in grpc-go's words. */
export function statusOfFailure(error: unknown, signal: AbortSignal): Status {
  if (signal.aborted) {
    const reason: unknown = signal.reason
    return reason instanceof Error && reason.message === 'context deadline exceeded'
      ? { code: 'DeadlineExceeded', message: 'context deadline exceeded' }
      : { code: 'Canceled', message: 'context canceled' }
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/^E[A-Z]+$/.test(code) && code !== 'ECONNRESET') {
    const message = `connection error: desc = "transport: Error while dialing: ${dialText(error)}"`
    return { code: 'Unavailable', message }
  }
  return { code: 'Unavailable', message: `error reading from server: ${dialText(error)}` }
}

export interface UnaryOutcome<O> {
  /** Undefined where the call did not end well. */
  readonly message: O | undefined
  readonly status: Status
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
}

/** One request, one answer. Never rejects: how it ended is in the status. */
export function callUnary<I, O>(
  channel: GrpcChannel,
  path: string,
  { request, requestType, responseType }: { request: I; requestType: MessageType<I>; responseType: MessageType<O> },
  metadata: CallMetadata,
  options: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<UnaryOutcome<O>> {
  const { signal } = options
  return new Promise((resolve) => {
    const stream = channel.open(path, metadata)
    let headers: IncomingHttpHeaders = {}
    let trailers: IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    let failure: Status | undefined
    const abort = () => stream.close(http2.constants.NGHTTP2_CANCEL)
    const settle = (status: Status, message: O | undefined) => {
      signal.removeEventListener('abort', abort)
      resolve({ message, status, headers, trailers })
    }
    stream.once('response', (received) => {
      headers = received
    })
    stream.once('trailers', (received) => {
      trailers = received
    })
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > options.maxBytes + 5) {
        const message = `grpc: received message larger than max (${size} vs. ${options.maxBytes})`
        failure = { code: 'ResourceExhausted', message }
        stream.close(http2.constants.NGHTTP2_CANCEL)
      } else chunks.push(chunk)
    })
    stream.once('error', (error) => {
      failure ??= statusOfFailure(error, signal)
    })
    stream.once('close', () => {
      const status = statusFrom(trailers) ?? statusFrom(headers)
      if (failure && !status) settle(failure, undefined)
      else if (!status) {
        settle(signal.aborted ? statusOfFailure(undefined, signal) : missing(headers), undefined)
      } else if (status.code !== 'OK') settle(status, undefined)
      else {
        first(Buffer.concat(chunks), responseType, options.maxBytes).then(
          (message) => settle(status, message),
          (error: unknown) => settle(error instanceof StatusError ? error.status : unreadable, undefined),
        )
      }
    })
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    stream.end(encodeOwnFrame(requestType, request))
  })
}

const unreadable: Status = { code: 'Internal', message: 'grpc: the answer could not be read' }

function missing(headers: IncomingHttpHeaders): Status {
  const status: unknown = headers[':status']
  if (status === undefined) return { code: 'Unavailable', message: 'error reading from server: EOF' }
  return {
    code: status === 200 ? 'Unknown' : 'Unavailable',
    message: `unexpected HTTP status code received from server: ${status}`,
  }
}

async function first<O>(bytes: Buffer, type: MessageType<O>, limit: number): Promise<O> {
  const frame = readFrame(bytes, limit)
  if (frame.kind !== 'message') throw new StatusError('Internal', 'grpc: the answer has no message')
  return decodeMessage(type, frame.compressed ? await decompress(frame.payload, limit) : frame.payload)
}

/** A frame with bytes of its own, for a stream that may keep them. */
export function encodeOwnFrame<T>(type: MessageType<T>, message: T): Uint8Array {
  const bytes = type.encode(message, new BinaryWriter().raw(new Uint8Array(5))).finish()
  writePrefix(bytes, false)
  return bytes
}

/**
 * A chunk of a body as sidecars send it to each other, in a message whose field 2 it is: what goes before it, then the
 * chunk itself, which is not copied.
 */
export function chunkFrame(data: Uint8Array, seq: number): [Uint8Array, Uint8Array] {
  const inner = new BinaryWriter()
  if (seq > 0) inner.uint32(16).uint64(seq)
  inner.uint32(10).uint32(data.length)
  const payload = inner.finish()
  const head = new BinaryWriter()
    .raw(new Uint8Array(5))
    .uint32(18)
    .uint32(payload.length + data.length)
    .raw(payload)
  const bytes = head.finish()
  const length = bytes.length - 5 + data.length
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(1, length)
  return [bytes, data]
}

/** Writes frames in order; resolves when there is room for more. Rejects with `gone` when the stream has ended. */
export function writeFrames(
  stream: Writable,
  frames: readonly Uint8Array[],
  gone: () => Error,
): Promise<void> | undefined {
  if (stream.destroyed || stream.writableEnded) return Promise.reject(gone())
  let room = true
  if (frames.length > 1) stream.cork()
  for (const frame of frames) room = stream.write(frame)
  if (frames.length > 1) stream.uncork()
  if (room) return undefined
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      stream.off('drain', onDrain).off('close', onClose)
      done()
    }
    const onDrain = () => settle(resolve)
    const onClose = () => settle(() => reject(gone()))
    stream.once('drain', onDrain).once('close', onClose)
  })
}

/** The messages of a stream, as they come. Throws a StatusError for what is none. */
export async function* readMessages(stream: Readable, limit: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  // A stream whose reading ends early still has its status to be told.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (;;) {
      const frame = readFrame(rest, limit)
      if (frame.kind === 'incomplete') break
      if (frame.kind === 'too-large') {
        const message = `grpc: received message larger than max (${frame.length} vs. ${limit})`
        throw new StatusError('ResourceExhausted', message)
      }
      if (frame.kind === 'bad-flag') {
        throw new StatusError('Internal', `grpc: received unexpected payload format ${frame.flag}`)
      }
      rest = rest.subarray(5 + frame.payload.length)
      yield frame.compressed ? await decompress(frame.payload, limit) : frame.payload
    }
  }
  if (rest.length > 0) throw new StatusError('Internal', 'unexpected EOF')
}

/** A status as Go words it inside another error. */
export function rpcErrorText({ code, message }: Status): string {
  return `rpc error: code = ${code} desc = ${message}`
}

/** What other errors say, and a status as Go words it. */
export function failureText(error: unknown): string {
  if (error instanceof StatusError) return rpcErrorText(error.status)
  return error instanceof Error ? error.message : String(error)
}

export function isUnavailable(error: unknown): boolean {
  return (
    error instanceof StatusError && (error.status.code === 'Unavailable' || error.status.code === 'Unauthenticated')
  )
}
