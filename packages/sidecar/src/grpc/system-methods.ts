/** Metadata and shutdown over gRPC. */
import { formatGoDuration } from '../cli/go-duration.ts'
import type { SystemApi } from '../http/system-routes.ts'
import type { MetadataDescription, MetadataOptions } from '../runtime/metadata.ts'
import {
  ActorRuntime_ActorRuntimeStatus,
  type AppConnectionProperties,
  GetMetadataRequest,
  GetMetadataResponse,
  SetMetadataRequest,
} from './gen/dapr/proto/runtime/v1/metadata.ts'
import { Empty } from './gen/google/protobuf/empty.ts'
import { type Method, method } from './method.ts'

export function systemMethods(api: Pick<SystemApi, 'metadata' | 'shutdown'>): Record<string, Method> {
  return {
    GetMetadata: method(GetMetadataRequest, GetMetadataResponse, () => describe(api.metadata.describe())),
    SetMetadata: method(SetMetadataRequest, Empty, ({ key, value }) => {
      api.metadata.set(key, value)
      return {}
    }),
    // A ShutdownRequest has no fields either.
    Shutdown: method(Empty, Empty, (_request, context) => {
      api.shutdown(context.metadata('dapr-force-shutdown')?.toLowerCase() === 'true')
      return {}
    }),
  }
}

function describe(described: MetadataDescription): GetMetadataResponse {
  return {
    id: described.id,
    activeActorsCount: [],
    registeredComponents: described.components.map(({ capabilities, ...component }) => ({
      ...component,
      capabilities: [...capabilities],
    })),
    extendedMetadata: { ...described.extended },
    subscriptions: [],
    httpEndpoints: described.httpEndpoints.map((name) => ({ name })),
    appConnectionProperties: appConnection(described.app),
    runtimeVersion: described.runtimeVersion,
    enabledFeatures: [...described.enabledFeatures],
    actorRuntime: {
      runtimeStatus: ActorRuntime_ActorRuntimeStatus.DISABLED,
      activeActors: [],
      hostReady: false,
      placement: 'placement: disconnected',
    },
    workflows: { connectedWorkers: 0 },
  }
}

function appConnection(options: MetadataOptions): AppConnectionProperties {
  const { appPort, appProtocol, appChannelAddress, appMaxConcurrency, appHealthCheck: health } = options
  return {
    port: appPort,
    protocol: appProtocol,
    channelAddress: appChannelAddress,
    maxConcurrency: appMaxConcurrency,
    health: health && {
      healthCheckPath: appProtocol.startsWith('grpc') ? '' : health.path,
      healthProbeInterval: formatGoDuration(health.intervalMs),
      healthProbeTimeout: formatGoDuration(health.timeoutMs),
      healthThreshold: health.threshold,
    },
  }
}
