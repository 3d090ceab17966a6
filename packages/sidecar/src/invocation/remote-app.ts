/** The app behind another sidecar, called through that sidecar's internal API. */
import { Readable } from 'node:stream'
import {
  chunkFrame,
  encodeOwnFrame,
  type GrpcChannel,
  readMessages,
  statusFrom,
  statusOfFailure,
  writeFrames,
} from '../grpc/client.ts'
import {
  InternalInvokeRequestStream,
  type InternalInvokeResponse,
  InternalInvokeResponseStream,
} from '../grpc/gen/dapr/proto/internals/v1/service_invocation.ts'
import { decodeMessage } from '../grpc/messages.ts'
import { StatusError } from '../grpc/status.ts'
import type { AppRequest, AppResponse } from './app-channel.ts'
import type { HeaderMap } from './headers.ts'
import { invocationPrefix, readResponse, requestMessage } from './internal-messages.ts'
import { binaryTrace } from './trace-metadata.ts'

const chunkBytes = 32 << 10

/** `more`: headers that say who calls whom. Rejects with a StatusError or an Error. */
export async function invokeRemote(
  channel: GrpcChannel,
  request: AppRequest,
  more: HeaderMap,
  options: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<AppResponse> {
  const { signal, maxBytes } = options
  const stream = channel.open(`${invocationPrefix}CallLocalStream`, binaryTrace(request.traceparent))
  const abort = () => stream.destroy(new Error('aborted'))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', abort))
  let headers: Parameters<typeof statusFrom>[0] = {}
  stream.once('response', (received) => {
    headers = received
  })
  stream.once('trailers', (received) => {
    headers = { ...headers, ...received }
  })
  let bodyFailure: unknown
  void send(request, more, stream).catch((error: unknown) => {
    bodyFailure = error
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  const failure = (error: unknown): Error => {
    if (bodyFailure instanceof Error && !(bodyFailure instanceof UpstreamGone)) return bodyFailure
    const status = statusFrom(headers) ?? statusOfFailure(error, signal)
    return new StatusError(status.code, status.message, status.details)
  }
  const messages = readMessages(stream, maxBytes)
  let first: Buffer | undefined
  try {
    first = (await messages.next()).value as Buffer | undefined
    if (first === undefined) {
      await closed(stream)
      throw failure(undefined)
    }
  } catch (error) {
    throw error instanceof StatusError ? error : failure(error)
  }
  const leading = decodeMessage(InternalInvokeResponseStream, first)
  const body = Readable.from(
    payloads(leading, messages, () => failure(undefined), stream),
    {
      objectMode: false,
    },
  )
  body.once('close', () => stream.destroy())
  const response = readResponse(leading.response ?? missing, body)
  if (!response) {
    body.destroy()
    throw new Error('response does not contain the required fields in the leading chunk')
  }
  return response
}

const missing: InternalInvokeResponse = { status: undefined, headers: {}, trailers: {}, message: undefined }

/** The stream went away while the body was being sent: why, its own end tells. */
class UpstreamGone extends Error {
  override readonly name = 'UpstreamGone'
}

async function send(request: AppRequest, more: HeaderMap, stream: ReturnType<GrpcChannel['open']>): Promise<void> {
  const gone = () => new UpstreamGone('the call has ended')
  const head = encodeOwnFrame(InternalInvokeRequestStream, {
    request: requestMessage(request, more),
    payload: undefined,
  })
  await writeFrames(stream, [head], gone)
  let seq = 0
  const sendChunk = async (data: Uint8Array) => {
    for (let start = 0; start < data.length; start += chunkBytes) {
      await writeFrames(stream, chunkFrame(data.subarray(start, start + chunkBytes), seq++), gone)
    }
  }
  if (request.body instanceof Uint8Array) await sendChunk(request.body)
  else for await (const chunk of request.body as AsyncIterable<Buffer>) await sendChunk(chunk)
  stream.end()
}

async function* payloads(
  leading: InternalInvokeResponseStream,
  messages: AsyncGenerator<Buffer>,
  failure: () => Error,
  stream: ReturnType<GrpcChannel['open']>,
): AsyncGenerator<Uint8Array> {
  let expected = 0
  const check = ({ payload }: InternalInvokeResponseStream): Uint8Array | undefined => {
    if (!payload) return undefined
    if (Number(payload.seq) !== expected) {
      throw new Error(`invalid sequence number received: ${payload.seq} (expected: ${expected})`)
    }
    expected++
    return payload.data.length > 0 ? payload.data : undefined
  }
  const first = check(leading)
  if (first) yield first
  for await (const bytes of messages) {
    const message = decodeMessage(InternalInvokeResponseStream, bytes)
    if (message.response) throw new Error('response metadata found in non-leading chunk')
    const data = check(message)
    if (data) yield data
  }
  await closed(stream)
  const error = failure()
  if (!(error instanceof StatusError && error.status.code === 'OK')) throw error
}

function closed(stream: ReturnType<GrpcChannel['open']>): Promise<void> {
  if (stream.closed || stream.destroyed) return Promise.resolve()
  return new Promise((resolve) => stream.once('close', () => resolve()))
}
