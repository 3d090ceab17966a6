/** Calls of apps by their ids: this one, one behind another sidecar, or a service outside (pkg/messaging). */
import { hostname } from 'node:os'
import { failureText, GrpcChannel, isUnavailable } from '../grpc/client.ts'
import { StatusError } from '../grpc/status.ts'
import type { HttpEndpoint } from '../loading/http-endpoint.ts'
import type { InvocationMetrics } from '../metrics/invocation-metrics.ts'
import { PermanentError, unwrapFailure } from '../resiliency/errors.ts'
import { runPolicy } from '../resiliency/policy.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import type { AppChannel, AppRequest, AppResponse } from './app-channel.ts'
import { append, type HeaderMap } from './headers.ts'
import { createHttpAppChannel } from './http-app-channel.ts'
import { MethodNameError, normalizeMethod } from './method-name.ts'
import type { NameResolver } from './name-resolution.ts'
import { invokeRemote } from './remote-app.ts'

export interface DirectMessaging {
  /** True for a service that is no app: an HTTPEndpoint's name, or a URL. */
  isEndpoint(target: string): boolean
  /** What tells circuit breakers apart. */
  policyKey(target: string, method: string): string
  /** `streaming`: the body cannot be sent twice. Rejects with a StatusError or an Error in daprd's words. */
  invoke(target: string, request: AppRequest, streaming: boolean, signal: AbortSignal): Promise<AppResponse>
  /** The other sidecar of an app; undefined: this one. */
  locate(target: string, signal: AbortSignal): Promise<Located | undefined>
  close(): Promise<void>
}

export interface Located {
  readonly appId: string
  readonly channel: GrpcChannel
  /** The next call makes a new connection, to an address that is asked for again. */
  reset(): void
}

export interface DirectMessagingOptions {
  readonly appId: string
  readonly namespace: string
  readonly hostAddress: string
  readonly app: () => AppChannel | undefined
  readonly endpoints: ReadonlyMap<string, HttpEndpoint>
  readonly resolver: () => Promise<NameResolver>
  readonly resiliency: () => Resiliency
  readonly metrics: InvocationMetrics | undefined
  readonly maxBytes: number
}

const isUrl = (target: string) => target.startsWith('http://') || target.startsWith('https://')

export function createDirectMessaging(options: DirectMessagingOptions): DirectMessaging {
  const { appId, namespace, endpoints, metrics, maxBytes } = options
  const channels = new Map<string, GrpcChannel>()
  const endpointChannels = new Map<HttpEndpoint | string, AppChannel>()
  let resolver: Promise<NameResolver> | undefined

  const parse = (target: string): { readonly id: string; readonly namespace: string } => {
    if (target === '') throw new Error('app id is empty')
    const [id = '', other, ...rest] = target.split('.')
    if (rest.length > 0) throw new Error(`invalid app id ${target}`)
    return { id, namespace: other ?? namespace }
  }

  const locate = async (target: string, signal: AbortSignal): Promise<Located | undefined> => {
    const wanted = parse(target)
    if (wanted.id === appId && wanted.namespace === namespace) return undefined
    resolver ??= options.resolver()
    const known = await resolver
    const address = await known.resolve(wanted.id, wanted.namespace, signal)
    const channel = channels.get(address) ?? new GrpcChannel(address)
    channels.set(address, channel)
    return {
      appId: wanted.id,
      channel,
      reset() {
        channel.reset()
        known.forget(wanted.id)
      },
    }
  }

  const endpointChannel = (target: string): AppChannel => {
    const endpoint = endpoints.get(target)
    const key = endpoint ?? target
    let channel = endpointChannels.get(key)
    if (!channel) {
      channel = createHttpAppChannel({
        target: endpoint ?? { baseUrl: target.replace(/\/$/, '') },
        appApiToken: '',
        maxConcurrency: 0,
        healthCheckPath: '',
        pipeline: undefined,
      })
      endpointChannels.set(key, channel)
    }
    return channel
  }

  const isEndpoint = (target: string) => isUrl(target) || endpoints.has(target)

  const retried = (
    target: string,
    streaming: boolean,
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<AppResponse>,
    reset: () => void,
  ): Promise<AppResponse> => {
    const resiliency = options.resiliency()
    if (streaming || resiliency.hasApp(target)) return call(signal)
    return runPolicy(
      resiliency.serviceRetries,
      async (attemptSignal, attempt) => {
        try {
          return await call(attemptSignal)
        } catch (error) {
          if (!isUnavailable(error)) throw new PermanentError(error)
          reset()
          throw new Error(
            `failed to invoke target ${target} after ${attempt - 1} retries. Error: ${failureText(error)}`,
            { cause: error },
          )
        }
      },
      signal,
    ).catch((error: unknown) => {
      throw unwrapFailure(error)
    })
  }

  return {
    isEndpoint,
    locate,

    policyKey(target, method) {
      if (isUrl(target)) return `${target}/${method}`
      const endpoint = endpoints.get(target)
      return `${target}:${endpoint?.baseUrl ?? method}`
    },

    async invoke(target, request, streaming, signal) {
      try {
        request.method = normalizeMethod(request.method)
      } catch (error) {
        if (!(error instanceof MethodNameError)) throw error
        throw new StatusError('InvalidArgument', `invalid method: ${error.message}`)
      }
      const observed = async (call: () => Promise<AppResponse>) => {
        const done = metrics?.requestSent(target)
        const response = await call()
        done?.(response.status)
        return response
      }
      if (isEndpoint(target)) {
        const channel = endpointChannel(target)
        const call = (callSignal: AbortSignal) => observed(() => channel.invoke(request, callSignal))
        return retried(target, streaming, signal, call, () => undefined)
      }
      const located = await locate(target, signal)
      if (!located) {
        const app = options.app()
        if (!app) throw new Error('cannot invoke local endpoint: app channel not initialized')
        return app.invoke(request, signal)
      }
      let current = located
      let stale = false
      return retried(
        target,
        streaming,
        signal,
        async (callSignal) => {
          if (stale) current = (await locate(target, callSignal)) ?? current
          stale = false
          const more = callHeaders(request.headers, current.appId)
          return observed(() => invokeRemote(current.channel, request, more, { signal: callSignal, maxBytes }))
        },
        () => {
          stale = true
          current.reset()
        },
      )
    },

    async close() {
      for (const channel of channels.values()) channel.close()
      for (const channel of endpointChannels.values()) channel.close()
      await (await resolver?.catch(() => undefined))?.close()
    },
  }

  /** Who calls whom, and by which way the call came (RFC 7239). */
  function callHeaders(given: HeaderMap, callee: string): HeaderMap {
    const { hostAddress } = options
    const host = hostname()
    const quoted = hostAddress.includes(':') ? `"[${hostAddress}]"` : hostAddress
    const headers: HeaderMap = new Map()
    for (const [name, value] of [
      ['X-Forwarded-For', hostAddress],
      ['X-Forwarded-Host', host],
      ['Forwarded', `for=${quoted};by=${quoted};host=${host}`],
    ] as const) {
      headers.set(name, [...(given.get(name) ?? [])])
      append(headers, name, value)
    }
    headers.set('destination-app-id', [callee])
    headers.set('dapr-caller-namespace', [namespace])
    headers.set('dapr-caller-app-id', [appId])
    headers.set('dapr-callee-app-id', [callee])
    return headers
  }
}
