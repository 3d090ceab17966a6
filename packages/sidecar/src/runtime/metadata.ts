/** The metadata API: what the sidecar tells about itself, and what an app adds to it. */

import { formatGoDuration } from '../cli/go-duration.ts'
import type { SidecarOptions } from '../cli/options.ts'
import { daprVersion } from '../cli/version.ts'
import { encodeGoJson } from '../gojson/encode.ts'
import type { ComponentStore } from './component-store.ts'

export interface MetadataApi {
  /** JSON, members in the order daprd has them. */
  get(): string
  describe(): MetadataDescription
  set(key: string, value: string): void
}

export interface DescribedComponent {
  readonly name: string
  readonly type: string
  readonly version: string
  readonly capabilities: readonly string[]
}

export interface MetadataDescription {
  readonly id: string
  readonly runtimeVersion: string
  readonly enabledFeatures: readonly string[]
  readonly components: readonly DescribedComponent[]
  readonly extended: Readonly<Record<string, string>>
  readonly httpEndpoints: readonly string[]
  readonly resiliencies: readonly string[]
  readonly app: MetadataOptions
}

export type MetadataOptions = Pick<
  SidecarOptions,
  'appId' | 'appPort' | 'appProtocol' | 'appChannelAddress' | 'appMaxConcurrency' | 'appHealthCheck'
>

export function createMetadataApi(
  options: MetadataOptions,
  components: ComponentStore,
  enabledFeatures: readonly string[],
  resiliencies: () => readonly string[],
): MetadataApi {
  const extended = new Map<string, string>()
  const describe = (): MetadataDescription => ({
    id: options.appId,
    runtimeVersion: daprVersion,
    enabledFeatures,
    components: [...components.components.values()].map(({ name, type, version }) => ({
      name,
      type,
      version,
      capabilities: capabilitiesOf(components, name),
    })),
    extended: Object.fromEntries([...extended, ['daprRuntimeVersion', daprVersion] as const]),
    httpEndpoints: [...components.httpEndpoints.keys()],
    resiliencies: resiliencies(),
    app: options,
  })
  return {
    describe,
    get() {
      const described = describe()
      const members: [string, string | undefined][] = [
        ['id', encodeGoJson(described.id)],
        ['runtimeVersion', encodeGoJson(described.runtimeVersion)],
        ['enabledFeatures', enabledFeatures.length > 0 ? encodeGoJson(enabledFeatures) : undefined],
        ['components', componentsJson(described.components)],
        ['extended', encodeGoJson(described.extended)],
        ['httpEndpoints', namesJson(described.httpEndpoints)],
        ['appConnectionProperties', appConnection(options)],
        ['actorRuntime', '{"runtimeStatus":"DISABLED","hostReady":false,"placement":"placement: disconnected"}'],
        ['resiliencies', namesJson(described.resiliencies)],
      ]
      return object(members)
    },
    set(key, value) {
      if (key !== '') extended.set(key, value)
    },
  }
}

function namesJson(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  return `[${names.map((name) => object([['name', encodeGoJson(name)]])).join(',')}]`
}

function componentsJson(components: readonly DescribedComponent[]): string | undefined {
  if (components.length === 0) return undefined
  const items = components.map(({ name, type, version, capabilities }) =>
    object([
      ['name', encodeGoJson(name)],
      ['type', encodeGoJson(type)],
      ['version', version === '' ? undefined : encodeGoJson(version)],
      ['capabilities', capabilities.length > 0 ? encodeGoJson(capabilities) : undefined],
    ]),
  )
  return `[${items.join(',')}]`
}

function capabilitiesOf(store: ComponentStore, name: string): readonly string[] {
  const state = store.stateStores.get(name)
  if (state) {
    const features: string[] = [...state.store.features]
    return features.includes('ETAG') && features.includes('TRANSACTIONAL') ? [...features, 'ACTOR'] : features
  }
  return store.secretStores.get(name)?.features ?? []
}

function appConnection(options: MetadataOptions): string {
  const health = options.appHealthCheck
  return object([
    ['port', options.appPort > 0 ? String(options.appPort) : undefined],
    ['protocol', encodeGoJson(options.appProtocol)],
    ['channelAddress', encodeGoJson(options.appChannelAddress)],
    ['maxConcurrency', options.appMaxConcurrency > 0 ? String(options.appMaxConcurrency) : undefined],
    [
      'health',
      health &&
        object([
          ['healthCheckPath', options.appProtocol.startsWith('grpc') ? undefined : encodeGoJson(health.path)],
          ['healthProbeInterval', encodeGoJson(formatGoDuration(health.intervalMs))],
          ['healthProbeTimeout', encodeGoJson(formatGoDuration(health.timeoutMs))],
          ['healthThreshold', String(health.threshold)],
        ]),
    ],
  ])
}

function object(members: readonly (readonly [string, string | undefined])[]): string {
  const present = members.filter(([, json]) => json !== undefined)
  return `{${present.map(([name, json]) => `"${name}":${json}`).join(',')}}`
}
