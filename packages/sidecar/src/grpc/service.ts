/** What surrounds every method: access, authentication, tracing, metrics, the log of API calls, errors as statuses. */
import { createTokenCheck } from '../api-token.ts'
import { monotonicMs } from '../clock.ts'
import { newTraceparent, validTraceparent } from '../http/trace-context.ts'
import { binaryTrace, traceparentOf } from '../invocation/trace-metadata.ts'
import type { Logger } from '../log/logger.ts'
import type { ErrorCodeMetrics } from '../metrics/error-code-metrics.ts'
import type { GrpcMetrics } from '../metrics/grpc-metrics.ts'
import { ApiError } from '../runtime/api-error.ts'
import { errorText } from '../runtime/error-text.ts'
import type { Span, Tracer } from '../tracing/tracer.ts'
import { parseBaggage } from './baggage.ts'
import { statusOf, statusOfHttp } from './error-status.ts'
import { prefixLength } from './framing.ts'
import type { Method } from './method.ts'
import { codes, type Status, StatusError } from './status.ts'
import { type StreamHandler, type StreamingCall, TrailedError } from './streaming-call.ts'
import { answerTraceContext } from './trace.ts'
import type { AnswerMetadata, Call, CallHandler, CallRouter } from './transport.ts'

export interface ServiceOptions {
  /** `/package.Service/`, then its methods by name. */
  readonly prefix: string
  readonly methods: Readonly<Record<string, Method>>
  /** Those that handle their messages themselves. */
  readonly streams: Readonly<Record<string, StreamHandler>>
  /** Takes the calls of every other method that name an app. */
  readonly proxy: StreamHandler
  /** Whether the configuration lets a path be called; undefined: every one. */
  readonly isAllowed: ((path: string) => boolean) | undefined
  /** Empty: no token asked for. */
  readonly apiToken: string
  /** False: no trace context in answers (`samplingRate: "0"`). */
  readonly tracing: boolean
  /** Exports a span of each call; undefined: nothing is exported. */
  readonly tracer: Tracer | undefined
  readonly metrics: GrpcMetrics | undefined
  readonly errorCodes: ErrorCodeMetrics | undefined
  /** The log of API calls. */
  readonly apiLog: Logger | undefined
  readonly log: Logger
}

const noMetadata: AnswerMetadata = Object.freeze([])
const daprPrefix = '/dapr.proto.'

export function createServiceRouter(options: ServiceOptions): CallRouter {
  const admit = createAdmission(options)
  const handlers = new Map<string, CallHandler>()
  for (const [name, method] of Object.entries(options.methods)) {
    handlers.set(`${options.prefix}${name}`, createHandler(method, admit, options))
  }
  const streams = new Map(
    Object.entries(options.streams).map(([name, handler]) => [
      `${options.prefix}${name}`,
      createStreamHandler(handler, admit, options),
    ]),
  )
  const proxy = createStreamHandler(options.proxy, admit, options)
  return {
    find: (path) => handlers.get(path),
    findStream(path, metadata) {
      const own = streams.get(path)
      if (own) return own
      return metadata('dapr-callee-app-id') !== undefined || metadata('dapr-app-id') !== undefined ? proxy : undefined
    },
    unknown(call) {
      const refusal = admit(call)
      if (refusal) call.fail(refusal)
      else refuseUnknown(call, options.tracing)
    },
  }
}

/** The status with which a call is turned away before its method is asked; undefined: none. */
function createAdmission({
  isAllowed,
  apiToken,
}: ServiceOptions): (call: Pick<Call, 'path' | 'metadata'>) => Status | undefined {
  const token = createTokenCheck(apiToken)
  return (call) => {
    if (isAllowed && !isAllowed(call.path)) {
      return statusOfHttp('Unimplemented', 501, 'Not Implemented', 'requested endpoint is not available')
    }
    if (!token) return undefined
    const given = call.metadata('dapr-api-token')
    if (given === undefined) {
      return statusOfHttp('Unauthenticated', 401, 'Unauthorized', 'missing api token in request metadata')
    }
    if (token(given)) return undefined
    return statusOfHttp('Unauthenticated', 401, 'Unauthorized', 'authentication error: api token mismatch')
  }
}

function createHandler(
  method: Method,
  admit: (call: Call) => Status | undefined,
  { tracing, tracer, metrics, errorCodes, apiLog, log }: ServiceOptions,
): CallHandler {
  const failure = (error: unknown, path: string): Status => {
    if (error instanceof ApiError) {
      errorCodes?.refused(error)
      return statusOf(error)
    }
    if (error instanceof StatusError) return error.status
    log.error(`Unexpected error serving ${path}: ${errorText(error)}`)
    return { code: 'Internal', message: 'unknown error' }
  }
  const finish = (call: Call, code: Status['code'], received: number, sent: number) => {
    const elapsed = monotonicMs() - call.start
    metrics?.completed(call.path, code, received, sent, elapsed)
    if (!apiLog) return
    const agent = call.metadata('user-agent')
    apiLog.record('gRPC API Called', {
      code: codes[code],
      duration: Math.trunc(elapsed),
      method: call.path,
      ...(agent ? { useragent: agent } : {}),
    })
  }
  return (call, message) => {
    const refusal = admit(call)
    if (refusal) {
      call.fail(refusal)
      return
    }
    let answer: ReturnType<Method>
    let metadata: AnswerMetadata
    const span = tracing && tracer ? startSpan(call, tracer) : undefined
    try {
      answer = method(message)
      metadata = tracing ? traceMetadata(call, span) : noMetadata
    } catch (error) {
      call.fail(failure(error, call.path))
      return
    }
    const succeed = (frame: Uint8Array) => {
      span?.end({ 'dapr.status_code': 0 }, false)
      finish(call, call.abandoned ?? 'OK', message.length, frame.length - prefixLength)
      call.succeed(frame, metadata)
    }
    const fail = (error: unknown) => {
      const status = failure(error, call.path)
      span?.end({ 'dapr.status_code': codes[status.code] }, true)
      finish(call, call.abandoned ?? status.code, message.length, 0)
      call.fail(status, tracing ? metadata : undefined)
    }
    try {
      const pending = answer(call)
      if (pending instanceof Promise) pending.then(succeed, fail)
      else succeed(pending)
    } catch (error) {
      fail(error)
    }
  }
}

/** Metadata of the answer. Throws a StatusError for baggage that is none. */
function traceMetadata(call: Call, span: Span | undefined): AnswerMetadata {
  const context = span
    ? (binaryTrace(span.traceparent)['grpc-trace-bin'] ?? '')
    : answerTraceContext(call.metadata('grpc-trace-bin'), call.metadata('traceparent'))
  const given = call.metadata('baggage')
  if (given === undefined || given === '') return ['grpc-trace-bin', context]
  const baggage = parseBaggage(given)
  if (!baggage.ok) throw new StatusError('InvalidArgument', `invalid baggage header: ${baggage.error}`)
  return ['baggage', baggage.text, 'grpc-trace-bin', context]
}

function startSpan(call: Pick<Call, 'path' | 'metadata'>, tracer: Tracer): Span {
  const parent = firstTraceparent(call.metadata('traceparent')) ?? traceparentOf(call.metadata('grpc-trace-bin'))
  return tracer.start(call.path, parent, { 'dapr.protocol': 'grpc', 'dapr.api': call.path })
}

function createStreamHandler(
  handler: StreamHandler,
  admit: (call: Pick<Call, 'path' | 'metadata'>) => Status | undefined,
  { apiToken, tracing, tracer, metrics, apiLog, log }: ServiceOptions,
): StreamHandler {
  return async (call) => {
    const refusal = admit(call)
    if (refusal) {
      call.finish(refusal)
      return
    }
    // A token for this sidecar is nobody else's.
    if (apiToken !== '') delete call.headers['dapr-api-token']
    call.onFinished((code) => {
      const elapsed = monotonicMs() - call.start
      metrics?.completed(call.path, code, 0, 0, elapsed)
      if (!apiLog) return
      const agent = call.metadata('user-agent')
      apiLog.record('gRPC API Called', {
        code: codes[code],
        duration: Math.trunc(elapsed),
        method: call.path,
        ...(agent ? { useragent: agent } : {}),
      })
    })
    try {
      if (tracing) traceStream(call, tracer)
      await handler(call)
    } catch (error) {
      const trailers = error instanceof TrailedError ? error.trailers : undefined
      call.finish(streamFailure(error, call, log), trailers)
    }
  }
}

/** What the call's handler passes on belongs to the call's trace, or to one that begins here. */
function traceStream(call: StreamingCall, tracer: Tracer | undefined): void {
  const baggage = parseBaggage(call.metadata('baggage') ?? '')
  if (call.metadata('baggage') && !baggage.ok) {
    throw new StatusError('InvalidArgument', `invalid baggage header: ${baggage.error}`)
  }
  const span = tracer && startSpan(call, tracer)
  if (span) call.onFinished((code) => span.end({ 'dapr.status_code': codes[code] }, code !== 'OK'))
  const given = firstTraceparent(call.metadata('traceparent')) ?? traceparentOf(call.metadata('grpc-trace-bin'))
  const traceparent = span?.traceparent ?? given ?? newTraceparent()
  Object.assign(call.headers, { traceparent, ...binaryTrace(traceparent) })
}

/** Of several values only the first counts. */
function firstTraceparent(text: string | undefined): string | undefined {
  return text === undefined ? undefined : validTraceparent(text.split(',')[0]?.trim() ?? '')
}

function streamFailure(error: unknown, call: StreamingCall, log: Logger): Status {
  if (error instanceof ApiError) return statusOf(error)
  if (error instanceof StatusError) return error.status
  if (!call.signal.aborted) log.debug(`Call of ${call.path} failed: ${errorText(error)}`)
  return { code: 'Unknown', message: errorText(error) }
}

/** daprd takes a method that it does not have for one of another app's. */
function refuseUnknown(call: Call, tracing: boolean): void {
  const own = call.path.startsWith(daprPrefix)
  const message =
    tracing && !own
      ? 'cannot proxy request: missing dapr-callee-app-id or dapr-app-id metadata'
      : 'failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found'
  const context =
    tracing && own ? answerTraceContext(call.metadata('grpc-trace-bin'), call.metadata('traceparent')) : ''
  call.fail({ code: 'Unknown', message }, context === '' ? undefined : ['grpc-trace-bin', context])
}
