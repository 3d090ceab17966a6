/** The gRPC servers' life: listening in daprd's order with its lines, closing when the sidecar stops (pkg/api/grpc/server.go). */
import { join } from 'node:path'
import type { SidecarOptions } from '../cli/options.ts'
import { createGrpcListener, type GrpcListener } from '../grpc/listener.ts'
import { listenOn } from '../http/listen.ts'
import type { SystemApi } from '../http/system-routes.ts'
import type { Invocation } from '../invocation/invocation.ts'
import type { Configuration } from '../loading/configuration.ts'
import type { LogOutput } from '../log/logger.ts'
import type { ErrorCodeMetrics } from '../metrics/error-code-metrics.ts'
import type { GrpcMetrics } from '../metrics/grpc-metrics.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { errorText } from './error-text.ts'
import type { Health } from './health.ts'
import { goListenError, listenPatiently, listenTarget } from './listening.ts'
import type { SecretsApi } from './secrets.ts'
import type { StateApi } from './state.ts'

export interface GrpcServersOptions {
  readonly options: SidecarOptions
  readonly configuration: Configuration
  readonly output: LogOutput
  readonly health: Health
  readonly metrics: GrpcMetrics | undefined
  readonly errorCodes: ErrorCodeMetrics | undefined
  readonly tracing: boolean
  readonly tracer: Tracer | undefined
  /** Made when the first caller connects. */
  readonly apis: () => {
    readonly secrets: SecretsApi
    readonly state: StateApi
    readonly system: Pick<SystemApi, 'metadata' | 'shutdown'>
  }
  readonly invocation: () => Promise<Invocation>
  /** Aborted when the sidecar stops. */
  readonly signal: AbortSignal
}

export interface GrpcServers {
  /** 0 for a socket file. */
  readonly apiPort: number
  readonly internalPort: number
  /** Socket files to remove in the end. */
  readonly socketFiles: readonly string[]
  startApi(): Promise<void>
  startInternal(): Promise<void>
  /** Lets calls finish, at most for `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** Nothing listens yet. The starts reject with an Error that has daprd's words. */
export function createGrpcServers(setup: GrpcServersOptions): GrpcServers {
  const { options, configuration, output, metrics, errorCodes, tracing, tracer, signal } = setup
  const apiReady = setup.health.target('grpc-api-server')
  const internalReady = setup.health.target('grpc-internal-server')
  const log = output.scope('dapr.runtime')
  const apiLog = output.scope('dapr.runtime.grpc.api')
  const internalLog = output.scope('dapr.runtime.grpc.internal')
  const listeners: GrpcListener[] = []
  const socketFiles: string[] = []
  let apiPort = 0
  let internalPort = 0
  const { maxBodyBytes, readBufferBytes } = options
  const common = { tracing, tracer, metrics, errorCodes, maxBodyBytes, readBufferBytes }

  const createApi = () =>
    createGrpcListener(
      async () => {
        const { createApiTransport } = await import('../grpc/api-servers.ts')
        const logging = options.apiLogging ?? configuration.apiLogging.enabled
        return createApiTransport({
          ...common,
          ...setup.apis(),
          invocation: await setup.invocation(),
          allowedApis: configuration.allowedApis,
          deniedApis: configuration.deniedApis,
          apiToken: options.apiToken,
          apiLog: logging ? output.scope('dapr.runtime.grpc.api-info') : undefined,
          log: apiLog,
        })
      },
      (error) => apiLog.error(`Failed to serve a gRPC connection: ${errorText(error)}`),
    )

  const listenToSocket = async () => {
    const path = join(options.unixDomainSocket, `dapr-${options.appId}-grpc.socket`)
    const listener = createApi()
    try {
      await listenOn(listener.server, { path })
    } catch (error) {
      throw new Error(`failed to start API gRPC server: ${goListenError(path, error, 'unix')}`)
    }
    socketFiles.push(path)
    listeners.push(listener)
    apiLog.info(`gRPC server listening on UNIX socket: ${path}`)
  }

  const listenToPorts = async () => {
    for (const address of options.listenAddresses) {
      const shown = `${address}:${options.grpcPort}`
      const listener = createApi()
      try {
        apiPort = await listenPatiently(listener.server, listenTarget(address, options.grpcPort), signal)
        listeners.push(listener)
        apiLog.info(`gRPC server listening on TCP address: ${shown}`)
      } catch (error) {
        apiLog.error(
          `Failed to listen for gRPC server on TCP address ${shown} with error: ${goListenError(shown, error)}`,
        )
      }
    }
    if (listeners.length === 0) throw new Error('failed to start API gRPC server: could not listen on any endpoint')
  }

  return {
    get apiPort() {
      return apiPort
    },
    get internalPort() {
      return internalPort
    },
    socketFiles,

    async startApi() {
      if (options.unixDomainSocket !== '') await listenToSocket()
      else await listenToPorts()
      const { allowedApis, deniedApis, metricsEnabled } = configuration
      for (const _ of listeners) {
        if (allowedApis.length + deniedApis.length > 0) apiLog.info('Enabled API access list on gRPC server')
        if (options.apiToken !== '') apiLog.info('Enabled token authentication on gRPC server')
        if (tracing) apiLog.info('Enabled gRPC tracing middleware')
        if (metricsEnabled) apiLog.info('Enabled gRPC metrics middleware')
      }
      apiReady()
      if (options.unixDomainSocket !== '') log.info('API gRPC server is running on a Unix Domain Socket')
      else log.info(`API gRPC server is running on port ${options.grpcPort}`)
    },

    async startInternal() {
      const { internalGrpcListenAddress: address, internalGrpcPort: port } = options
      const listener = createGrpcListener(
        async () => {
          const { createInternalTransport } = await import('../grpc/api-servers.ts')
          return createInternalTransport({ ...common, invocation: await setup.invocation(), log: internalLog })
        },
        (error) => internalLog.error(`Failed to serve a gRPC connection: ${errorText(error)}`),
      )
      try {
        internalPort = await listenPatiently(listener.server, listenTarget(address, port), signal)
      } catch (error) {
        const shown = `${address}:${port}`
        internalLog.error(
          `Failed to listen for gRPC server on TCP address ${shown} with error: ${goListenError(shown, error)}`,
        )
        throw new Error('failed to start internal gRPC server: could not listen on any endpoint')
      }
      listeners.push(listener)
      internalLog.info(
        `gRPC server listening on pre-bound TCP address: ${address === '' ? '[::]' : address}:${internalPort}`,
      )
      if (tracing) internalLog.info('Enabled gRPC tracing middleware')
      if (configuration.metricsEnabled) internalLog.info('Enabled gRPC metrics middleware')
      internalReady()
      log.info(`Internal gRPC server is running on ${address}:${internalPort}`)
    },

    async close(graceMs) {
      await Promise.all(listeners.map((listener) => listener.close(graceMs)))
    },
  }
}
