/** Reads Key Vault references as the platform: a token of the named identity, then the vault, over the wire. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type KeyVaultReader, SecretUnavailable } from './secret-values.ts'

export interface IdentityRegistry {
  register(
    replicaId: string,
    identities: readonly string[],
  ): Promise<{ readonly endpoint: string; readonly header: string }>
  unregister(replicaId: string): void
}

export interface KeyVaultReferencesOptions {
  readonly identities: IdentityRegistry
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly timeoutMs?: number
}

/** Those that start together share a read for so long. */
const sharedMs = 5_000
const apiVersion = '7.6'

const tokenAnswer = z.object({ access_token: z.string(), expires_on: z.coerce.number() })
const secretAnswer = z.object({ value: z.string() })
const vaultRefusal = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    innererror: z.object({ code: z.string() }).optional(),
  }),
})
const endpointRefusal = z.object({ message: z.string() })

interface Token {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

interface Read {
  readonly at: number
  readonly value: Promise<string>
}

export class KeyVaultReferences implements KeyVaultReader {
  readonly #options: KeyVaultReferencesOptions
  readonly #registrations = new Map<string, Promise<{ readonly endpoint: string; readonly header: string }>>()
  readonly #tokens = new Map<string, Promise<Token>>()
  readonly #reads = new Map<string, Read>()

  constructor(options: KeyVaultReferencesOptions) {
    this.#options = options
  }

  async read(appId: string, url: string, identity: string): Promise<string> {
    const shared = this.#reads.get(keyOf(url, identity))
    if (shared && this.#options.clock() - shared.at < sharedMs) return await shared.value
    return await this.readAnew(appId, url, identity)
  }

  async readAnew(appId: string, url: string, identity: string): Promise<string> {
    const key = keyOf(url, identity)
    const value = this.#ask(appId, url, identity)
    const read = { at: this.#options.clock(), value }
    const forget = (): void => {
      if (this.#reads.get(key) === read) this.#reads.delete(key)
    }
    this.#reads.set(key, read)
    // A refusal is not kept: what mends it counts at the next start.
    value.catch(forget)
    // What was read is in memory for as long as it is shared only.
    setTimeout(forget, sharedMs).unref()
    return await value
  }

  close(): void {
    for (const identity of this.#registrations.keys()) this.#options.identities.unregister(resolverId(identity))
    this.#registrations.clear()
  }

  async #ask(appId: string, url: string, identity: string): Promise<string> {
    const token = await this.#token(appId, identity)
    const response = await this.#fetch(`${url}?api-version=${apiVersion}`, { authorization: `Bearer ${token.value}` })
    const body: unknown = await response.json().catch(() => undefined)
    if (response.ok) return secretAnswer.parse(body).value
    const refusal = vaultRefusal.safeParse(body).data?.error
    const code = refusal?.innererror?.code ?? refusal?.code ?? `status ${response.status}`
    if (response.status === 401 || response.status === 403) this.#tokens.delete(identity.toLowerCase())
    throw new SecretUnavailable(
      `${url} answered ${response.status} (${code}) to the identity ${identity}. ${mendingOf(response.status, url)}`,
    )
  }

  async #token(appId: string, identity: string): Promise<Token> {
    const key = identity.toLowerCase()
    const known = await this.#tokens.get(key)
    if (known && known.expiresAt - this.#options.clock() > 60_000) return known
    const token = this.#newToken(appId, identity)
    this.#tokens.set(key, token)
    token.catch(() => this.#tokens.delete(key))
    return await token
  }

  async #newToken(appId: string, identity: string): Promise<Token> {
    const { endpoint, header } = await this.#registration(identity)
    const query = new URLSearchParams({ 'api-version': '2019-08-01', resource: 'https://vault.azure.net' })
    if (identity.toLowerCase() !== appId.toLowerCase()) query.set('mi_res_id', identity)
    const response = await this.#fetch(`${endpoint}?${query}`, { 'x-identity-header': header })
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) {
      const why = endpointRefusal.safeParse(body).data?.message ?? `status ${response.status}`
      throw new SecretUnavailable(
        `The identity ${identity} gets no token: ${why} \`az containerapp identity assign\` gives it to the app.`,
      )
    }
    const { access_token: value, expires_on: expiresOn } = tokenAnswer.parse(body)
    return { value, expiresAt: expiresOn * 1000 }
  }

  #registration(identity: string): Promise<{ readonly endpoint: string; readonly header: string }> {
    const key = identity.toLowerCase()
    let registration = this.#registrations.get(key)
    if (!registration) {
      registration = this.#options.identities.register(resolverId(key), [identity]).catch((error: Error) => {
        this.#registrations.delete(key)
        throw new SecretUnavailable(`The identity ${identity} can not be used: ${error.message}`, { cause: error })
      })
      this.#registrations.set(key, registration)
    }
    return registration
  }

  async #fetch(url: string, headers: Record<string, string>): Promise<Response> {
    try {
      return await fetch(url, { headers, signal: AbortSignal.timeout(this.#options.timeoutMs ?? 10_000) })
    } catch (error) {
      const { cause, message } = error as Error
      throw new SecretUnavailable(
        `${new URL(url).host} can not be reached: ${cause instanceof Error ? cause.message : message}. It is tried again.`,
        { cause: error },
      )
    }
  }
}

function mendingOf(status: number, url: string): string {
  const [, vault = '', , name = ''] = /^https:\/\/([^./]+)[^/]*\/(secrets)\/([^/]+)/.exec(url) ?? []
  if (status === 404) return `\`az keyvault secret set --vault-name ${vault} --name ${name}\` makes it.`
  if (status === 403) {
    return `The role 'Key Vault Secrets User' on the vault ${vault}, or its access policy with the permission get, lets the identity read it.`
  }
  return 'It is tried again.'
}

function keyOf(url: string, identity: string): string {
  return `${identity.toLowerCase()} ${url}`
}

/** One for each identity, by the form that a replica's id has. */
function resolverId(identity: string): string {
  return `key-vault-${createHash('sha256').update(identity.toLowerCase()).digest('hex').slice(0, 32)}`
}
