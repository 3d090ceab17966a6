/** The resources beside components: resiliency policies and HTTP endpoints. */
import type { SecretStore } from '@keystead/components'
import { isJsonObject } from '../gojson/decode.ts'
import {
  type EndpointValue,
  type HttpEndpoint,
  type HttpEndpointDeclaration,
  readHttpEndpoint,
} from '../loading/http-endpoint.ts'
import type { LoadScope } from '../loading/load-components.ts'
import type { ResourceFolder } from '../loading/resource-files.ts'
import type { Logger } from '../log/logger.ts'
import type { ResiliencyMetrics } from '../metrics/resiliency-metrics.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import type { ResiliencySpecification } from '../resiliency/specification.ts'
import { errorText } from './error-text.ts'

/** The bodies of this app's resources of one kind, in the order of folders, files and documents. */
export function bodiesOf(
  folders: readonly ResourceFolder[],
  kind: string,
): { readonly path: string; readonly body: unknown }[] {
  return folders.flatMap(({ files }) =>
    files.flatMap(({ path, documents }) =>
      documents.flatMap((document) => (document.kind === kind ? [{ path, body: document.body }] : [])),
    ),
  )
}

/** The code is loaded where there is a resource. Undefined: there is none. */
export async function loadResiliency(
  folders: readonly ResourceFolder[],
  appId: string,
  metrics: ResiliencyMetrics | undefined,
  log: Logger,
): Promise<{ readonly resiliency: Resiliency; readonly names: readonly string[] } | undefined> {
  const bodies = bodiesOf(folders, 'Resiliency')
  if (bodies.length === 0) return undefined
  const { readResiliency, ResiliencyError } = await import('../resiliency/specification.ts')
  const specifications: ResiliencySpecification[] = []
  for (const { path, body } of bodies) {
    try {
      const specification = readResiliency(body)
      const { scopes } = specification
      if (scopes.length === 0 || scopes.includes(appId)) specifications.push(specification)
    } catch (error) {
      if (!(error instanceof ResiliencyError)) throw error
      log.error(`Could not read resiliency policy ${nameOf(body) ?? path}: ${error.message}`)
    }
  }
  if (specifications.length === 0) return undefined
  const usesTrip = specifications.some(({ circuitBreakers }) =>
    Object.values(circuitBreakers).some(({ trip }) => trip !== ''),
  )
  const { createResiliency } = await import('../resiliency/resiliency.ts')
  const compile = usesTrip ? (await import('../resiliency/expression.ts')).compileTrip : () => () => false
  const resiliency = createResiliency({
    specifications,
    log,
    metrics,
    compileTrip: (expression) => {
      try {
        return compile(expression)
      } catch (error) {
        log.error(`Could not read circuit breaker's trip ${expression}: ${errorText(error)}`)
        return () => false
      }
    },
  })
  return { resiliency, names: specifications.map(({ name }) => name) }
}

function nameOf(body: unknown): string | undefined {
  const metadata = isJsonObject(body) ? body['metadata'] : undefined
  const name = isJsonObject(metadata) ? metadata['name'] : undefined
  return typeof name === 'string' ? name : undefined
}

/** This app's HTTP endpoints with their secrets. One whose secret cannot be had is said and left without it. */
export async function loadHttpEndpoints(
  folders: readonly ResourceFolder[],
  { appId, namespace, defaultSecretStore }: LoadScope,
  secretStores: ReadonlyMap<string, SecretStore>,
  signal: AbortSignal,
  log: Logger,
): Promise<HttpEndpoint[]> {
  const declarations = bodiesOf(folders, 'HTTPEndpoint')
    .map(({ body }) => readHttpEndpoint(body))
    .map((declared) => ({ ...declared, secretStore: declared.secretStore || defaultSecretStore }))
    .filter(
      (declared) =>
        (declared.scopes.length === 0 || declared.scopes.includes(appId)) &&
        (namespace === '' || declared.namespace === '' || declared.namespace === namespace),
    )
  return Promise.all(declarations.map((declared) => resolve(declared, secretStores, signal, log)))
}

async function resolve(
  declared: HttpEndpointDeclaration,
  secretStores: ReadonlyMap<string, SecretStore>,
  signal: AbortSignal,
  log: Logger,
): Promise<HttpEndpoint> {
  const firstValue = async ({ value, secretKeyRef }: EndpointValue): Promise<string> => {
    if (!secretKeyRef) return value
    const store = secretStores.get(declared.secretStore)
    if (!store) {
      log.warn(`HTTPEndpoint ${declared.name} references a secret store that isn't loaded: ${declared.secretStore}`)
      return ''
    }
    try {
      const secret = await store.getSecret(secretKeyRef.name, { namespace: declared.namespace }, signal)
      return secret[secretKeyRef.key || secretKeyRef.name] ?? ''
    } catch (error) {
      log.error(`Error getting secret: ${errorText(error)}`)
      return ''
    }
  }
  const optional = async (given: EndpointValue | undefined) => (given ? await firstValue(given) : '')
  const [ca, cert, key] = await Promise.all([
    optional(declared.rootCa),
    optional(declared.certificate),
    optional(declared.privateKey),
  ])
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  const headers = await Promise.all(
    declared.headers.map(async ([name, value]) => [name, await firstValue(value)] as const),
  )
  log.info(`HTTPEndpoint loaded: ${declared.name}`)
  return {
    name: declared.name,
    baseUrl: declared.baseUrl,
    headers,
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
  }
}
