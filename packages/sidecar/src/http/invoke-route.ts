/** Calls of other apps over HTTP, and the answer to every path that is none of the API's (pkg/api/http/directmessaging.go). */
import { Readable, Transform } from 'node:stream'
import { type AppRequest, type AppResponse, wantsEvents, wholeBody } from '../invocation/app-channel.ts'
import type { DirectMessaging } from '../invocation/direct-messaging.ts'
import { firstValue, fromRawHeaders, toHttpHeaders } from '../invocation/headers.ts'
import type { Logger } from '../log/logger.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import { type ApiError, directInvoke, noTargetApp } from '../runtime/api-error.ts'
import { errorText } from '../runtime/error-text.ts'
import type { Exchange } from './exchange.ts'
import { findHeader } from './headers.ts'
import type { RouteDefinition } from './route.ts'
import { cleanPath, queryUnescape } from './url.ts'

/** What the invocation of apps needs, loaded with the first call. */
export interface InvokeDependencies {
  readonly messaging: DirectMessaging
  readonly resiliency: () => Resiliency
  readonly run: typeof import('../resiliency/policy.ts').runPolicy
  readonly errors: typeof import('../resiliency/errors.ts')
  readonly failure: typeof import('../invocation/failure.ts')
}

const ownHeaders = new Set(['dapr-app-id'])
const ownHeadersAndToken = new Set(['dapr-app-id', 'dapr-api-token'])

/** `hasApiToken`: callers send one, which is for this sidecar only. */
export function invokeRoute(
  load: () => Promise<InvokeDependencies>,
  hasApiToken: boolean,
  log: Logger,
): RouteDefinition {
  return {
    methods: [],
    version: 'v1.0',
    path: 'invoke/*',
    group: 'invoke',
    name: 'InvokeService',
    handle(exchange) {
      const target = findTarget(exchange)
      if (!target) throw noTargetApp()
      exchange.operation = `InvokeService/${target.id}`
      return load().then((dependencies) =>
        invoke(exchange, target, hasApiToken ? ownHeadersAndToken : ownHeaders, dependencies, log),
      )
    },
  }
}

interface Target {
  readonly id: string
  readonly method: string
}

/** By a header, by the user name of basic authentication, or by the path. */
function findTarget(exchange: Exchange): Target | undefined {
  const raw = exchange.request.rawHeaders
  const path = decode(exchange.path)
  const byHeader = findHeader(raw, 'dapr-app-id')
  if (byHeader) return { id: byHeader, method: cleanPath(path).slice(1) }
  const authorization = findHeader(raw, 'authorization')
  if (authorization?.startsWith('Basic ')) {
    const [user, id, ...rest] = Buffer.from(authorization.slice(6), 'base64').toString('utf8').split(':')
    if (id !== undefined && rest.length === 0 && user?.toLowerCase() === 'dapr-app-id') {
      return { id, method: cleanPath(path).slice(1) }
    }
  }
  const match = /^\/*v1\.0\/+invoke\/+(.+?)\/method\/(.*)$/s.exec(path)
  if (!match?.[1]) return undefined
  const cleaned = cleanPath(`/${match[2] ?? ''}`).slice(1)
  return { id: queryUnescape(match[1]) || match[1], method: cleaned }
}

function decode(path: string): string {
  if (!path.includes('%')) return path
  return queryUnescape(path.replaceAll('+', '%2B')) ?? path
}

async function invoke(
  exchange: Exchange,
  target: Target,
  dropped: ReadonlySet<string>,
  { messaging, resiliency, run, errors, failure }: InvokeDependencies,
  log: Logger,
): Promise<void> {
  const { CodedError, PermanentError, unwrapFailure } = errors
  const { request } = exchange
  const headers = fromRawHeaders(request.rawHeaders, dropped)
  const streaming = findHeader(request.rawHeaders, 'transfer-encoding') !== undefined
  const source = exchange.body
  const body = streaming
    ? limited(source, exchange.maxBodyBytes)
    : await wholeBody(source, exchange.maxBodyBytes).catch((error: unknown) => {
        throw directInvoke(target.id, errorText(error))
      })
  const appRequest: AppRequest = {
    method: target.method,
    verb: (request.method ?? 'GET').toUpperCase(),
    query: exchange.query,
    headers,
    contentType: firstValue(headers, 'content-type') ?? '',
    typeUrl: '',
    body,
    traceparent: exchange.traceparent,
    tracestate: firstValue(headers, 'tracestate') ?? '',
  }
  const policy = resiliency().app(target.id, messaging.policyKey(target.id, target.method))
  let answered = false
  let last: { readonly response: AppResponse; readonly body: Uint8Array } | undefined
  try {
    await run(
      policy,
      async (signal) => {
        last = undefined
        let response: AppResponse
        try {
          response = await messaging.invoke(target.id, { ...appRequest }, streaming, signal)
        } catch (error) {
          const wrapped = new failure.InvokeFailure(
            directInvoke(target.id, failure.failureText(error)),
            failure.isDenied(error) ? 403 : 500,
          )
          throw streaming ? new PermanentError(wrapped) : wrapped
        }
        const refused = response.isHttp && (response.status < 200 || response.status > 399)
        if (refused && !streaming) {
          last = { response, body: await wholeBody(response.body, 0) }
          throw new CodedError(response.status, new Error('the app refused the request'))
        }
        if (answered || exchange.response.destroyed) {
          discard(response)
          throw new PermanentError(new Error('already completed'))
        }
        answered = true
        try {
          await deliver(exchange, response, failure)
        } catch (error) {
          throw new PermanentError(error)
        }
        if (refused) throw new PermanentError(new CodedError(response.status, new Error('the app refused the request')))
      },
      exchange.signal,
    )
  } catch (error) {
    const cause = unwrapFailure(error)
    if (answered) {
      log.warn(`HTTP service invocation failed to complete with error: ${errorText(cause)}`)
      return
    }
    log.debug(`HTTP service invocation failed to complete with error: ${errorText(cause)}`)
    if (last) {
      exchange.raw(last.response.status, answerHeaders(last.response), last.body)
      return
    }
    if (cause instanceof failure.InvokeFailure) exchange.error(cause.error, cause.httpStatus)
    else exchange.error(directInvoke(target.id, errorText(cause)) satisfies ApiError)
  }
}

async function deliver(
  exchange: Exchange,
  response: AppResponse,
  failure: InvokeDependencies['failure'],
): Promise<void> {
  const headers = answerHeaders(response)
  if (!response.isHttp) {
    const status = failure.httpStatusOfCode(response.status)
    const body = response.body instanceof Uint8Array ? response.body : await wholeBody(response.body, 0)
    if (status === 200) exchange.raw(status, headers, body)
    else exchange.raw(status, headers, Buffer.from(failure.statusJson(response)))
    return
  }
  const events = wantsEvents(fromRawHeaders(exchange.request.rawHeaders))
  if (response.body instanceof Uint8Array) exchange.raw(response.status, headers, response.body)
  else if (events) await exchange.stream(response.status, eventHeaders(headers), response.body)
  else await exchange.stream(response.status, headers, response.body)
}

function answerHeaders(response: AppResponse): string[] {
  const headers = toHttpHeaders(response.headers).filter(
    (_, i, all) => !/^(?:date|traceparent|tracestate)$/i.test(all[i - (i % 2)] ?? ''),
  )
  if (response.contentType !== '') headers.push('Content-Type', response.contentType)
  return headers
}

function eventHeaders(headers: readonly string[]): string[] {
  const others = headers.filter(
    (_, i) => !/^(?:content-type|cache-control|connection)$/i.test(headers[i - (i % 2)] ?? ''),
  )
  return [...others, 'Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache', 'Connection', 'keep-alive']
}

function discard(response: AppResponse): void {
  if (response.body instanceof Readable) response.body.destroy()
}

/** A body of unknown length that ends with an error when it passes the limit. */
function limited(source: Readable, limit: number): Readable {
  if (limit <= 0) return source
  let size = 0
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > limit) done(new Error('stream too large'))
      else done(null, chunk)
    },
  })
  source.once('error', (error) => checked.destroy(error))
  source.once('close', () => {
    if (!source.readableEnded) checked.destroy(new Error('context canceled'))
  })
  return source.pipe(checked)
}
