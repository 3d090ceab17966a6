/** What other sidecars call: this sidecar's app (pkg/api/grpc/daprinternal.go). */
import { Readable } from 'node:stream'
import { chunkFrame, encodeOwnFrame, failureText, readMessages, writeFrames } from '../grpc/client.ts'
import {
  InternalInvokeRequest,
  InternalInvokeRequestStream,
  InternalInvokeResponse,
  InternalInvokeResponseStream,
} from '../grpc/gen/dapr/proto/internals/v1/service_invocation.ts'
import { decodeMessage } from '../grpc/messages.ts'
import { type Method, method } from '../grpc/method.ts'
import { ok, StatusError } from '../grpc/status.ts'
import type { StreamHandler, StreamingCall } from '../grpc/streaming-call.ts'
import type { InvocationMetrics } from '../metrics/invocation-metrics.ts'
import { type AccessControl, refusedByAccessControl } from './access-control.ts'
import { type AppChannel, type AppRequest, type AppResponse, wantsEvents, wholeBody } from './app-channel.ts'
import { firstValue } from './headers.ts'
import { readRequest, responseMessage } from './internal-messages.ts'
import { MethodNameError, normalizeMethod } from './method-name.ts'
import { traceparentOf } from './trace-metadata.ts'

export interface InternalServiceOptions {
  readonly app: () => AppChannel | undefined
  readonly access: AccessControl | undefined
  readonly isHttpApp: boolean
  readonly metrics: InvocationMetrics | undefined
  readonly maxBytes: number
}

const chunkBytes = 32 << 10

export function internalMethods(options: InternalServiceOptions): Record<string, Method> {
  return {
    CallLocal: method(InternalInvokeRequest, InternalInvokeResponse, async (message, context) => {
      const app = requireApp(options)
      const request = readRequest(message, message.message?.data?.value ?? new Uint8Array(0), undefined)
      if (!request) throw malformed('Message is nil')
      admit(request, options)
      const done = options.metrics?.requestReceived(callerOf(request))
      const response = await invoke(app, request, context.signal)
      done?.(response.status)
      const answer = responseMessage(response)
      if (answer.message?.data) answer.message.data.value = await wholeBody(response.body, options.maxBytes)
      return answer
    }),
  }
}

export function internalStreams(options: InternalServiceOptions): Record<string, StreamHandler> {
  return { CallLocalStream: (call) => callLocalStream(call, options) }
}

async function callLocalStream(call: StreamingCall, options: InternalServiceOptions): Promise<void> {
  const app = requireApp(options)
  const messages = readMessages(call.frames, call.maxMessageBytes)
  const first = await messages.next()
  if (first.done) throw new StatusError('Unknown', 'EOF')
  const leading = decodeMessage(InternalInvokeRequestStream, first.value)
  const body = Readable.from(payloads(leading, messages), { objectMode: false })
  const trace = call.metadata('traceparent') ?? traceparentOf(call.metadata('grpc-trace-bin'))
  const request = leading.request && readRequest(leading.request, body, trace)
  if (!request) throw malformed('request does not contain the required fields in the leading chunk')
  admit(request, options)
  const done = options.metrics?.requestReceived(callerOf(request))
  const response = await invoke(app, request, call.signal)
  const isEvents = wantsEvents(request.headers)
  if (isEvents && (response.status < 200 || response.status >= 300)) {
    discard(response)
    throw new StatusError('Internal', 'error invoking app channel: no response received from stream')
  }
  done?.(response.status)
  call.respond({})
  await answer(call, response)
  call.finish(ok)
}

/** The head, then the body in chunks. */
async function answer(call: StreamingCall, response: AppResponse): Promise<void> {
  const stream = call.frames
  const gone = () => new Error('the caller is gone')
  const head = encodeOwnFrame(InternalInvokeResponseStream, { response: responseMessage(response), payload: undefined })
  await writeFrames(stream, [head], gone)
  let seq = 0
  const sendChunk = async (data: Uint8Array) => {
    for (let start = 0; start < data.length; start += chunkBytes) {
      await writeFrames(stream, chunkFrame(data.subarray(start, start + chunkBytes), seq++), gone)
    }
  }
  if (response.body instanceof Uint8Array) await sendChunk(response.body)
  else for await (const chunk of response.body as AsyncIterable<Buffer>) await sendChunk(chunk)
}

async function* payloads(
  leading: InternalInvokeRequestStream,
  messages: AsyncGenerator<Buffer>,
): AsyncGenerator<Uint8Array> {
  let expected = 0
  const check = ({ payload }: InternalInvokeRequestStream): Uint8Array | undefined => {
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
    const message = decodeMessage(InternalInvokeRequestStream, bytes)
    if (message.request) throw new Error('request metadata found in non-leading chunk')
    const data = check(message)
    if (data) yield data
  }
}

async function invoke(app: AppChannel, request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
  try {
    return await app.invoke(request, signal)
  } catch (error) {
    throw new StatusError('Internal', `error invoking app channel: ${failureText(error)}`)
  }
}

function discard(response: AppResponse): void {
  if (response.body instanceof Readable) response.body.destroy()
}

function requireApp({ app }: InternalServiceOptions): AppChannel {
  const channel = app()
  if (!channel) throw new StatusError('Internal', 'app channel is not initialized')
  return channel
}

function malformed(reason: string): StatusError {
  return new StatusError('InvalidArgument', `parsing InternalInvokeRequest error: ${reason}`)
}

function admit(request: AppRequest, { access, isHttpApp }: InternalServiceOptions): void {
  try {
    request.method = normalizeMethod(request.method)
  } catch (error) {
    if (!(error instanceof MethodNameError)) throw error
    throw new StatusError('InvalidArgument', `invalid method: ${error.message}`)
  }
  const refusal = refusedByAccessControl(access, request.method, isHttpApp ? request.verb : 'NONE')
  if (refusal !== undefined) throw new StatusError('PermissionDenied', refusal)
}

function callerOf(request: AppRequest): string {
  return firstValue(request.headers, 'dapr-caller-app-id') ?? 'unknown'
}
