/** The secrets API over HTTP. */
import { encodeGoJson } from '../gojson/encode.ts'
import type { SecretsApi } from '../runtime/secrets.ts'
import type { RouteDefinition } from './route.ts'

export function secretsRoutes(secrets: SecretsApi): RouteDefinition[] {
  const route = { methods: ['GET'], version: 'v1.0', group: 'secrets' }
  return [
    {
      ...route,
      path: 'secrets/{secretStoreName}/bulk',
      name: 'GetBulkSecret',
      async handle(exchange) {
        const [store = ''] = exchange.parameters
        const data = await secrets.getBulk(store, exchange.metadata, exchange.signal)
        exchange.json(200, `${encodeGoJson(data)}\n`)
      },
    },
    {
      ...route,
      path: 'secrets/{secretStoreName}/{key}',
      name: 'GetSecret',
      async handle(exchange) {
        const [store = '', key = ''] = exchange.parameters
        const data = await secrets.get(store, key, exchange.metadata, exchange.signal)
        exchange.json(200, `${encodeGoJson(data)}\n`)
      },
    },
  ]
}
