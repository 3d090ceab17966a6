/** Where the sidecar of an app is to be found: the `nameResolution` of the configuration. */
import { isJsonObject } from '../gojson/decode.ts'
import type { Logger } from '../log/logger.ts'

export interface NameResolver {
  /** `host:port` of the internal gRPC server. Rejects with the resolver's words. */
  resolve(appId: string, namespace: string, signal: AbortSignal): Promise<string>
  /** What is known of an app's addresses has turned out wrong. */
  forget(appId: string): void
  close(): Promise<void>
}

export interface NameResolutionOptions {
  /** `mdns` where the configuration names none. */
  readonly component: string
  readonly version: string
  readonly configuration: unknown
  readonly appId: string
  readonly namespace: string
  /** The address and port that are announced. */
  readonly address: string
  readonly port: number
  readonly log: Logger
}

/** Rejects with an Error in daprd's words for a resolver that cannot be had. */
export async function createNameResolver(options: NameResolutionOptions): Promise<NameResolver> {
  const name = options.component === '' ? 'mdns' : options.component.toLowerCase()
  switch (name) {
    case 'mdns': {
      const { createMdnsResolver } = await import('./mdns.ts')
      return createMdnsResolver(options)
    }
    case 'nameformat': {
      const format = setting(options.configuration, 'format')
      if (!format.includes('{appid}')) {
        throw new Error(format === '' ? 'format is required' : 'format must contain {appid} placeholder')
      }
      return fixed((appId) => format.replaceAll('{appid}', appId))
    }
    case 'kubernetes': {
      const domain = setting(options.configuration, 'clusterDomain') || 'cluster.local'
      return fixed((appId, namespace) => `${appId}-dapr.${namespace}.svc.${domain}:${options.port}`)
    }
    default:
      throw new Error(`couldn't find name resolver ${options.component}/${options.version || 'v1'}`)
  }
}

function fixed(address: (appId: string, namespace: string) => string): NameResolver {
  return {
    resolve: async (appId, namespace) => address(appId, namespace),
    forget: () => undefined,
    close: async () => undefined,
  }
}

function setting(configuration: unknown, name: string): string {
  const value = isJsonObject(configuration) ? configuration[name] : undefined
  return value === undefined || value === null ? '' : String(value)
}
