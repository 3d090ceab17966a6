/** Calls of an app's own gRPC services, passed on as they are (pkg/messaging/grpc_proxy.go, pkg/api/grpc/proxy). */
import http2, { type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import { type GrpcChannel, isUnavailable, statusFrom, statusOfFailure } from '../grpc/client.ts'
import { codes, ok, StatusError } from '../grpc/status.ts'
import { type Metadata, type StreamHandler, type StreamingCall, TrailedError } from '../grpc/streaming-call.ts'
import type { Logger } from '../log/logger.ts'
import type { InvocationMetrics } from '../metrics/invocation-metrics.ts'
import { CodedError, PermanentError, unwrapFailure } from '../resiliency/errors.ts'
import { hasRetries, type Policy, runPolicy } from '../resiliency/policy.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import { type AccessControl, refusedByAccessControl } from './access-control.ts'
import type { DirectMessaging, Located } from './direct-messaging.ts'
import { MethodNameError, normalizeMethod } from './method-name.ts'
import { RequestTape } from './request-tape.ts'

export interface GrpcProxyOptions {
  readonly appId: string
  readonly messaging: DirectMessaging
  /** The app of this sidecar; undefined where it has none that speaks gRPC. */
  readonly app: () => GrpcChannel | undefined
  readonly appApiToken: string
  readonly access: AccessControl | undefined
  readonly resiliency: () => Resiliency
  readonly metrics: InvocationMetrics | undefined
  readonly log: Logger
}

const connectionHeaders = new Set(['content-type', 'te', 'dapr-app-id', 'host', 'connection'])

export function createGrpcProxy(options: GrpcProxyOptions): StreamHandler {
  const { appId, messaging, resiliency, metrics } = options
  return async (call) => {
    const target = call.metadata('dapr-callee-app-id') ?? call.metadata('dapr-app-id') ?? ''
    const located = await messaging.locate(target, call.signal)
    if (!located) {
      await toOwnApp(call, options)
      return
    }
    const asked = call.metadata('dapr-app-id')
    const policy = asked === undefined ? undefined : resiliency().app(asked, `${asked}:${call.path}`)
    const metadata = {
      ...passedOn(call.headers),
      'dapr-caller-app-id': appId,
      'dapr-callee-app-id': located.appId,
    }
    const done = asked === undefined ? undefined : metrics?.requestSent(asked)
    await toSidecar(call, located, target, metadata, policy, options)
    done?.(0)
  }
}

async function toOwnApp(call: StreamingCall, options: GrpcProxyOptions): Promise<void> {
  let path: string
  try {
    path = normalizeMethod(call.path)
  } catch (error) {
    if (!(error instanceof MethodNameError)) throw error
    throw new StatusError('InvalidArgument', `invalid method: ${error.message}`)
  }
  const refusal = refusedByAccessControl(options.access, path, 'NONE')
  if (refusal !== undefined) throw new StatusError('PermissionDenied', refusal)
  const app = options.app()
  if (!app) throw new StatusError('Unavailable', 'the app does not speak gRPC')
  const metadata: Record<string, string | readonly string[]> = { ...passedOn(call.headers) }
  delete metadata['dapr-api-token']
  if (options.appApiToken !== '') metadata['dapr-api-token'] = options.appApiToken
  const tape = new RequestTape(call.frames, 0)
  await forward(call, app.open(path, metadata), tape, call.signal)
}

async function toSidecar(
  call: StreamingCall,
  located: Located,
  target: string,
  metadata: Metadata,
  policy: Policy | undefined,
  { messaging }: GrpcProxyOptions,
): Promise<void> {
  const isStream = isTruthy(call.metadata('dapr-stream') ?? '')
  const tape = new RequestTape(call.frames, !isStream && hasRetries(policy) ? call.maxMessageBytes : 0)
  let current = located
  try {
    await runPolicy(
      isStream ? withoutTimeout(policy) : policy,
      async (signal) => {
        try {
          await forward(call, current.channel.open(call.path, metadata), tape, isStream ? call.signal : signal)
        } catch (error) {
          if (isUnavailable(error)) {
            current.reset()
            current = (await messaging.locate(target, signal)) ?? current
          }
          if (tape.spent) throw new PermanentError(error)
          throw error instanceof StatusError
            ? new CodedError(error.status.unknownCode ?? codes[error.status.code], error)
            : error
        }
      },
      call.signal,
    )
  } catch (error) {
    throw unwrapFailure(error)
  } finally {
    tape.end()
  }
}

/** A stream may last: only its beginning is under a policy. */
function withoutTimeout(policy: Policy | undefined): Policy | undefined {
  return policy && { ...policy, timeoutMs: 0 }
}

/** Both ways until the callee has ended the call. Rejects with a StatusError unless it ended well. */
function forward(
  call: StreamingCall,
  upstream: ClientHttp2Stream,
  tape: RequestTape,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {}
    let trailers: IncomingHttpHeaders = {}
    let failure: unknown
    const abort = () => upstream.close(http2.constants.NGHTTP2_CANCEL)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    upstream.once('response', (received, flags) => {
      headers = received
      // Nothing but a status: it may be tried again.
      if ((flags & http2.constants.NGHTTP2_FLAG_END_STREAM) === 0) {
        tape.spend()
        call.respond(answerMetadata(received))
      }
    })
    upstream.once('trailers', (received) => {
      trailers = received
    })
    upstream.on('data', (chunk: Buffer) => {
      if (call.frames.destroyed) return
      if (!call.frames.write(chunk)) {
        upstream.pause()
        call.frames.once('drain', () => upstream.resume())
      }
    })
    upstream.once('error', (error) => {
      failure = error
    })
    upstream.once('close', () => {
      signal.removeEventListener('abort', abort)
      stop()
      const status = statusFrom(trailers) ?? statusFrom(headers) ?? statusOfFailure(failure, signal)
      const rest = statusFrom(trailers) ? trailers : {}
      if (status.code === 'OK') {
        call.respond(answerMetadata(headers))
        call.finish(ok, answerMetadata(rest))
        resolve()
      } else {
        reject(new TrailedError(status, answerMetadata(rest)))
      }
    })
    const stop = tape.play(upstream)
  })
}

function passedOn(headers: IncomingHttpHeaders): Metadata {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name.startsWith(':') || connectionHeaders.has(name) ? [] : [[name, value] as const],
    ),
  )
}

const statusHeaders = new Set(['grpc-status', 'grpc-message', 'grpc-status-details-bin', 'content-type', 'date'])

function answerMetadata(headers: IncomingHttpHeaders): Metadata {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name.startsWith(':') || statusHeaders.has(name) ? [] : [[name, value] as const],
    ),
  )
}

function isTruthy(text: string): boolean {
  return ['y', 'yes', 'true', 't', 'on', '1'].includes(text.trim().toLowerCase())
}
