/** Service invocation put together: the app, other sidecars, and what of the APIs leads to them. */
import { GrpcChannel } from '../grpc/client.ts'
import type { Method } from '../grpc/method.ts'
import { StatusError } from '../grpc/status.ts'
import type { StreamHandler } from '../grpc/streaming-call.ts'
import type { InvokeDependencies } from '../http/invoke-route.ts'
import type { HttpEndpoint } from '../loading/http-endpoint.ts'
import type { LogOutput } from '../log/logger.ts'
import type { InvocationMetrics } from '../metrics/invocation-metrics.ts'
import type { Pipeline } from '../middleware/pipeline.ts'
import * as errors from '../resiliency/errors.ts'
import { runPolicy } from '../resiliency/policy.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import type { AccessControl } from './access-control.ts'
import type { AppChannel } from './app-channel.ts'
import { createDirectMessaging } from './direct-messaging.ts'
import * as failure from './failure.ts'
import { createGrpcAppChannel } from './grpc-app-channel.ts'
import { invokeService } from './grpc-invoke.ts'
import { createGrpcProxy } from './grpc-proxy.ts'
import { hostAddress } from './host-address.ts'
import { createHttpAppChannel } from './http-app-channel.ts'
import { internalMethods, internalStreams } from './internal-service.ts'
import type { NameResolver } from './name-resolution.ts'

export interface InvocationOptions {
  readonly appId: string
  readonly namespace: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Undefined: the sidecar has no app. */
  readonly app:
    | {
        readonly protocol: 'http' | 'https' | 'grpc' | 'grpcs' | 'h2c'
        readonly address: string
        readonly port: number
        readonly apiToken: string
        readonly maxConcurrency: number
        readonly healthCheckPath: string
      }
    | undefined
  /** False while the app says that it is not well. */
  readonly isAppHealthy: () => boolean
  readonly appPipeline: () => Pipeline | undefined
  readonly endpoints: ReadonlyMap<string, HttpEndpoint>
  readonly resolver: () => Promise<NameResolver>
  readonly resiliency: () => Resiliency
  readonly access: AccessControl | undefined
  readonly metrics: InvocationMetrics | undefined
  readonly maxBytes: number
  readonly output: LogOutput
}

export interface Invocation {
  readonly http: InvokeDependencies
  /** Of the Dapr API over gRPC. */
  readonly streams: Readonly<Record<string, StreamHandler>>
  readonly proxy: StreamHandler
  /** Of the internal API. */
  readonly internalMethods: Readonly<Record<string, Method>>
  readonly internalStreams: Readonly<Record<string, StreamHandler>>
  /** Undefined: there is no app. */
  readonly probe: ((signal: AbortSignal) => Promise<boolean>) | undefined
  close(): Promise<void>
}

const unlimited = 2 ** 31 - 1

export function createInvocation(options: InvocationOptions): Invocation {
  const { app, resiliency, metrics, access, appId } = options
  const maxBytes = options.maxBytes > 0 ? options.maxBytes : unlimited
  const isGrpc = app?.protocol === 'grpc' || app?.protocol === 'grpcs'
  const grpcChannel =
    app && isGrpc
      ? new GrpcChannel(`${hostOf(app.address)}:${app.port}`, app.protocol === 'grpcs' ? {} : undefined)
      : undefined
  const channel = app && createAppChannel(app, grpcChannel, options, maxBytes)
  const guarded = channel && whileHealthy(channel, options.isAppHealthy)
  const appChannel = () => guarded
  const messaging = createDirectMessaging({
    appId,
    namespace: options.namespace,
    hostAddress: hostAddress(options.environment),
    app: appChannel,
    endpoints: options.endpoints,
    resolver: options.resolver,
    resiliency,
    metrics,
    maxBytes,
  })
  const internal = { app: appChannel, access, isHttpApp: !isGrpc, metrics, maxBytes }
  return {
    http: { messaging, resiliency, run: runPolicy, errors, failure },
    streams: { InvokeService: invokeService({ messaging, resiliency, maxBytes }) },
    proxy: createGrpcProxy({
      appId,
      messaging,
      app: () => grpcChannel,
      appApiToken: app?.apiToken ?? '',
      access,
      resiliency,
      metrics,
      log: options.output.scope('dapr.runtime.direct_messaging'),
    }),
    internalMethods: internalMethods(internal),
    internalStreams: internalStreams(internal),
    probe: channel && ((signal) => channel.probe(signal)),
    async close() {
      channel?.close()
      await messaging.close()
    },
  }
}

function createAppChannel(
  app: NonNullable<InvocationOptions['app']>,
  grpcChannel: GrpcChannel | undefined,
  options: InvocationOptions,
  maxBytes: number,
): AppChannel {
  const common = { appApiToken: app.apiToken, maxConcurrency: app.maxConcurrency }
  if (grpcChannel) return createGrpcAppChannel({ ...common, channel: grpcChannel, maxBytes })
  const scheme = app.protocol === 'https' ? 'https' : 'http'
  return createHttpAppChannel({
    ...common,
    target: { baseUrl: `${scheme}://${hostOf(app.address)}:${app.port}` },
    http2: app.protocol === 'h2c',
    healthCheckPath: app.healthCheckPath,
    pipeline: options.appPipeline,
  })
}

function whileHealthy(channel: AppChannel, isHealthy: () => boolean): AppChannel {
  return {
    ...channel,
    invoke(request, signal) {
      if (isHealthy()) return channel.invoke(request, signal)
      return Promise.reject(new StatusError('Internal', 'app is not in a healthy state'))
    },
  }
}

function hostOf(address: string): string {
  return address.includes(':') && !address.startsWith('[') ? `[${address}]` : address
}
