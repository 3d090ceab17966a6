/** The gRPC servers of a sidecar behind their listeners: loaded with the first connection. */
import type { SystemApi } from '../http/system-routes.ts'
import type { Invocation } from '../invocation/invocation.ts'
import type { ApiAccessRule } from '../loading/configuration.ts'
import type { Logger } from '../log/logger.ts'
import type { ErrorCodeMetrics } from '../metrics/error-code-metrics.ts'
import type { GrpcMetrics } from '../metrics/grpc-metrics.ts'
import type { SecretsApi } from '../runtime/secrets.ts'
import type { StateApi } from '../runtime/state.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { createApiAccess, daprService } from './api-access.ts'
import { createHttp2Transport } from './http2-transport.ts'
import { secretsMethods } from './secrets-methods.ts'
import { createServiceRouter } from './service.ts'
import { stateMethods } from './state-methods.ts'
import { systemMethods } from './system-methods.ts'
import type { Transport } from './transport.ts'
import { unservedInternalMethods, unservedMethods } from './unserved-methods.ts'

export interface GrpcServerOptions {
  readonly tracing: boolean
  readonly tracer: Tracer | undefined
  readonly metrics: GrpcMetrics | undefined
  readonly errorCodes: ErrorCodeMetrics | undefined
  readonly maxBodyBytes: number
  /** `--read-buffer-size` */
  readonly readBufferBytes: number
  readonly log: Logger
}

export interface GrpcApiOptions extends GrpcServerOptions {
  readonly secrets: SecretsApi
  readonly state: StateApi
  readonly system: Pick<SystemApi, 'metadata' | 'shutdown'>
  readonly allowedApis: readonly ApiAccessRule[]
  readonly deniedApis: readonly ApiAccessRule[]
  readonly apiToken: string
  readonly apiLog: Logger | undefined
  readonly invocation: Invocation
}

/** The Dapr API, for applications. */
export function createApiTransport(options: GrpcApiOptions): Transport {
  const router = createServiceRouter({
    ...options,
    prefix: daprService,
    methods: {
      ...secretsMethods(options.secrets),
      ...stateMethods(options.state),
      ...systemMethods(options.system),
      ...unservedMethods(),
    },
    streams: options.invocation.streams,
    proxy: options.invocation.proxy,
    isAllowed: createApiAccess(options.allowedApis, options.deniedApis),
  })
  return createHttp2Transport(router, limits(options))
}

/** What other sidecars call. */
export function createInternalTransport(options: GrpcServerOptions & { readonly invocation: Invocation }): Transport {
  const router = createServiceRouter({
    ...options,
    prefix: '/dapr.proto.internals.v1.ServiceInvocation/',
    methods: { ...options.invocation.internalMethods, ...unservedInternalMethods() },
    streams: options.invocation.internalStreams,
    proxy: options.invocation.proxy,
    isAllowed: undefined,
    apiToken: '',
    apiLog: undefined,
  })
  return createHttp2Transport(router, limits(options))
}

// As daprd counts: its buffer of kilobytes is taken for as many bytes times 1024.
function limits({ maxBodyBytes, readBufferBytes }: GrpcServerOptions) {
  return { maxMessageBytes: maxBodyBytes, maxHeaderBytes: Math.min(readBufferBytes * 1024, 2 ** 31 - 1) }
}
