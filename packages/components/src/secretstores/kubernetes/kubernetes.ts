/** secretstores.kubernetes: secrets of a Kubernetes cluster, with the API server's own permissions (components-contrib secretstores/kubernetes). */
import { decodeMetadata } from '../../component-declaration.ts'
import { ComponentError } from '../../component-error.ts'
import { binaryText } from '../../go/binary-text.ts'
import { quote } from '../../go/strconv.ts'
import { createHttpClient } from '../../http/request.ts'
import type { ComponentContext } from '../../metadata.ts'
import type { SecretStoreFactory } from '../../registry.ts'
import type { SecretStore } from '../../secret-store.ts'
import { clusterAccess } from './kubeconfig.ts'
import { declaration } from './metadata.ts'

export const factory: SecretStoreFactory = { block: 'secretstores', init }

/** Sends nothing, as daprd; the first secret tells. */
async function init({ metadata, environment }: ComponentContext): Promise<SecretStore> {
  const { defaultNamespace, kubeconfigPath } = decodeMetadata(declaration, metadata)
  const { server, tls, authorization, refused } = await clusterAccess(environment, kubeconfigPath)
  const client = createHttpClient(tls)

  async function read(path: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const url = new URL(`${server.replace(/\/+$/, '')}/api/v1/${path}`)
    const header = await authorization()
    const headers = { Accept: 'application/json', ...(header !== undefined && { Authorization: header }) }
    const { status, body } = await client.send({ method: 'GET', url, headers }, signal)
    if (status === 401) refused()
    const answer = parsed(body)
    if (status === 200 && answer !== undefined) return answer
    if (status === 200) throw new ComponentError('the answer of the API server is no JSON object')
    // The server says why in the same words that kubectl shows.
    const { message } = answer ?? {}
    throw new ComponentError(typeof message === 'string' && message !== '' ? message : `unknown (status ${status})`)
  }

  function namespaceOf(request: Readonly<Record<string, string>>): string {
    const namespace = request.namespace || environment.NAMESPACE || defaultNamespace
    if (namespace) return checkSegment(namespace)
    throw new ComponentError(
      'namespace is missing on metadata and NAMESPACE env variable, and no default namespace is set',
    )
  }

  return {
    features: [],

    /** All fields of the secret, in the namespace of the request's metadata `namespace`. */
    async getSecret(name, request, signal) {
      const namespace = namespaceOf(request)
      if (name === '') throw new ComponentError('resource name may not be empty')
      return valuesOf(await read(`namespaces/${namespace}/secrets/${checkSegment(name)}`, signal))
    },

    async bulkGetSecret(request, signal) {
      const { items } = await read(`namespaces/${namespaceOf(request)}/secrets`, signal)
      return Object.fromEntries(
        (Array.isArray(items) ? items : []).map((item) => [String(item.metadata.name), valuesOf(item)]),
      )
    },

    async close() {
      client.close()
    },
  }
}

/** Kubernetes' own rule for names in a path. */
function checkSegment(name: string): string {
  const invalid = (why: string): ComponentError => new ComponentError(`invalid resource name ${quote(name)}: [${why}]`)
  if (name === '.' || name === '..') throw invalid(`may not be '${name}'`)
  for (const forbidden of ['/', '%']) if (name.includes(forbidden)) throw invalid(`may not contain '${forbidden}'`)
  return encodeURIComponent(name)
}

function valuesOf({ data }: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data ?? {}).map(([key, value]) => [key, binaryText(Buffer.from(String(value), 'base64'))]),
  )
}

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}
