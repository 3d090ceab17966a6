/** Health, metadata and shutdown over HTTP. */
import { bodyRead, health as healthErrors } from '../runtime/api-error.ts'
import type { Health } from '../runtime/health.ts'
import type { MetadataApi } from '../runtime/metadata.ts'
import { findHeader } from './headers.ts'
import type { RouteDefinition } from './route.ts'

export interface SystemApi {
  readonly appId: string
  readonly health: Health
  readonly outboundHealth: Health
  readonly metadata: MetadataApi
  /** `force`: without a graceful shutdown. */
  shutdown(force: boolean): void
}

/** The routes that the public port has as well. */
export function publicRoutes(api: SystemApi): RouteDefinition[] {
  const get = { methods: ['GET'], version: 'v1.0' }
  return [
    {
      ...get,
      path: 'metadata',
      group: 'metadata',
      name: 'GetMetadata',
      handle: (exchange) => exchange.json(200, `${api.metadata.get()}\n`),
    },
    {
      methods: ['PUT'],
      version: 'v1.0',
      path: 'metadata/{key}',
      group: 'metadata',
      name: 'PutMetadata',
      handle(exchange) {
        exchange.readBody(({ kind, body }) => {
          if (kind === 'too-large') throw bodyRead('stream too large')
          api.metadata.set(exchange.parameters[0] ?? '', body.toString('utf8'))
          exchange.empty()
        })
      },
    },
    {
      ...get,
      path: 'healthz',
      group: 'healthz',
      name: 'Healthz',
      alwaysAllowed: true,
      healthCheck: true,
      handle(exchange) {
        if (!api.health.ready) throw healthErrors.notReady(api.health.unhealthy)
        const appId = exchange.queryParameter('appid')
        if (appId !== undefined && appId !== api.appId) throw healthErrors.appIdMismatch()
        exchange.empty()
      },
    },
    {
      ...get,
      path: 'healthz/outbound',
      group: 'healthz',
      name: 'HealthzOutbound',
      alwaysAllowed: true,
      healthCheck: true,
      handle(exchange) {
        if (!api.outboundHealth.ready) throw healthErrors.outboundNotReady()
        exchange.empty()
      },
    },
  ]
}

export function shutdownRoute(api: SystemApi): RouteDefinition {
  return {
    methods: ['POST'],
    version: 'v1.0',
    path: 'shutdown',
    group: 'shutdown',
    name: 'Shutdown',
    handle(exchange) {
      const force = findHeader(exchange.request.rawHeaders, 'dapr-force-shutdown')?.toLowerCase() === 'true'
      exchange.empty()
      api.shutdown(force)
    },
  }
}
