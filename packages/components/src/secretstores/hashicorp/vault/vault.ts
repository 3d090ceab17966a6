/** secretstores.hashicorp.vault: secrets of a key/value engine of HashiCorp Vault or OpenBao (components-contrib secretstores/hashicorp/vault). */
import { decodeMetadata } from '../../../component-declaration.ts'
import { ComponentError } from '../../../component-error.ts'
import { createHttpClient, type HttpAnswer } from '../../../http/request.ts'
import type { ComponentContext } from '../../../metadata.ts'
import type { SecretStoreFactory } from '../../../registry.ts'
import type { SecretStore } from '../../../secret-store.ts'
import { declaration, type VaultMetadata } from './metadata.ts'
import { type Send, tokenSource } from './sign-in.ts'
import { tlsOptions } from './tls.ts'

export const factory: SecretStoreFactory = { block: 'secretstores', init }

/** Sends nothing, as daprd; the first secret tells. */
async function init({ metadata, log }: ComponentContext): Promise<SecretStore> {
  const settings = decodeMetadata(declaration, metadata)
  if (!['map', 'text'].includes(settings.vaultValueType)) {
    throw new ComponentError(
      `vault init error, invalid value type ${settings.vaultValueType}, accepted values are map or text`,
    )
  }
  if (!['1', '2'].includes(settings['keystead.io/kvVersion'])) {
    throw new ComponentError('vault init error, keystead.io/kvVersion has to be 1 or 2')
  }
  const base = settings.vaultAddr.replace(/\/+$/, '')
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol)) {
    throw new ComponentError('vault init error, vaultAddr has to be an http or https URL')
  }
  if (settings.skipVerify === 'true') {
    log('info', "hashicorp vault: you are using 'skipVerify' to skip server config verify which is unsafe!")
  }
  const client = createHttpClient(await tlsOptions(settings))
  const namespace = settings['keystead.io/namespace']
  const common = { 'X-Vault-Request': 'true', ...(namespace !== '' && { 'X-Vault-Namespace': namespace }) }
  const send: Send = (path, request, signal) =>
    client.send({ ...request, url: new URL(`${base}/v1/${path}`), headers: { ...common, ...request.headers } }, signal)
  const tokens = await tokenSource(settings, send)

  /** Vault answers a token that has expired and a right that is missing alike, so a refused token is looked at once. */
  async function authorized(method: string, path: string, signal: AbortSignal): Promise<HttpAnswer> {
    const withToken = (token: string) => send(path, { method, headers: { 'X-Vault-Token': token } }, signal)
    const token = await tokens.token(signal)
    const answer = await withToken(token)
    if (answer.status !== 403) return answer
    const headers = { 'X-Vault-Token': token }
    const own = await send('auth/token/lookup-self', { method: 'GET', headers }, signal)
    const other = own.status === 403 ? await tokens.replace(token, signal) : undefined
    return other === undefined ? answer : withToken(other)
  }
  return vaultStore(settings, authorized, () => client.close())
}

type Authorized = (method: string, path: string, signal: AbortSignal) => Promise<HttpAnswer>

/** There is no such secret, or no such version of it. */
class NotFound extends ComponentError {
  override readonly name = 'NotFound'
}

function vaultStore(settings: VaultMetadata, request: Authorized, close: () => void): SecretStore {
  const isMap = settings.vaultValueType === 'map'
  const isV2 = settings['keystead.io/kvVersion'] === '2'
  const prefix = settings.vaultKVUsePrefix ? `${settings.vaultKVPrefix}/` : ''
  const path = (kind: 'data' | 'metadata', name: string): string =>
    encodePath(`${settings.enginePath}/${isV2 ? `${kind}/` : ''}${prefix}${name}`)

  async function secret(name: string, version: string, signal: AbortSignal): Promise<Record<string, string>> {
    const query = isV2 ? `?version=${encodeURIComponent(version)}` : ''
    const { status, body } = await wrapped("couldn't get secret", request('GET', path('data', name) + query, signal))
    if (status === 404) throw new NotFound(`getSecret ${name} failed secret key or version not exist`)
    if (status !== 200) {
      throw new ComponentError(`couldn't get successful response, status code ${status}, body ${body}`)
    }
    const { data: outer } = decode(body)
    const data = isV2 && isObject(outer) ? outer.data : outer
    if (!isMap) return { [name]: isObject(data) ? JSON.stringify(data) : '' }
    return Object.fromEntries(Object.entries(isObject(data) ? data : {}).map(([key, value]) => [key, asText(value)]))
  }

  async function names(folder: string, signal: AbortSignal): Promise<string[]> {
    const { status, reason, body } = await wrapped(
      "couldn't get secret",
      request('LIST', path('metadata', folder), signal),
    )
    if (status !== 200) {
      throw new ComponentError(
        `list keys couldn't get successful response, status code: ${status}, status: ${status} ${reason}, response ${body}`,
      )
    }
    const { data } = decode(body)
    const keys = isObject(data) && Array.isArray(data.keys) ? data.keys.map(String) : []
    const found: string[] = []
    for (const key of keys) {
      if (key.endsWith('/')) found.push(...(await names(folder + key, signal)))
      else found.push(folder + key)
    }
    return found
  }

  return {
    features: isMap ? ['MULTIPLE_KEY_VALUES_PER_SECRET'] : [],

    /** The latest version, or that of `version_id` in the request's metadata. */
    getSecret: (name, metadata, signal) => secret(name, metadata.version_id ?? '0', signal),

    /** Every secret under the prefix, one request each; what has no such version is left out, any other refusal fails the whole. */
    async bulkGetSecret(metadata, signal) {
      const secrets = new Map<string, Record<string, string>>()
      for (const name of await names('', signal)) {
        try {
          secrets.set(name, await secret(name, metadata.version_id ?? '0', signal))
        } catch (error) {
          if (!(error instanceof NotFound)) throw error
        }
      }
      return Object.fromEntries(secrets)
    },

    async close() {
      close()
    },
  }
}

/** A dot segment would be taken out of the URL and turn the request into another one. */
function encodePath(path: string): string {
  const segments = path.split('/')
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw new ComponentError(`couldn't generate request: invalid path ${path}`)
  }
  return segments.map(encodeURIComponent).join('/')
}

/** The answer holds secrets, so nothing of it is in the error. */
function decode(body: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(body)
    if (isObject(answer)) return answer
  } catch {
    // Said below.
  }
  throw new ComponentError("couldn't decode response body: it is no JSON object")
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null) return ''
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  throw new ComponentError(
    `couldn't decode response body: json: cannot unmarshal ${kind} into Go struct field .data.data of type string`,
  )
}

async function wrapped<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof ComponentError ? new ComponentError(`${what}: ${error.message}`) : error
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
