/** Reads Key Vault references as the platform: a token of the named identity, then the vault, over the wire. */
import { z } from 'zod'
import { type IdentityTokens, IdentityUnavailable } from './identity-tokens.ts'
import { type KeyVaultReader, SecretUnavailable } from './secret-values.ts'

export interface KeyVaultReferencesOptions {
  readonly tokens: IdentityTokens
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly timeoutMs?: number
}

/** Those that start together share a read for so long. */
const sharedMs = 5_000
const apiVersion = '7.6'
const keyVault = 'https://vault.azure.net'

const secretAnswer = z.object({ value: z.string() })
const vaultRefusal = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    innererror: z.object({ code: z.string() }).optional(),
  }),
})

interface Read {
  readonly at: number
  readonly value: Promise<string>
}

export class KeyVaultReferences implements KeyVaultReader {
  readonly #options: KeyVaultReferencesOptions
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

  async #ask(appId: string, url: string, identity: string): Promise<string> {
    const token = await this.#token(appId, identity)
    const response = await this.#fetch(`${url}?api-version=${apiVersion}`, { authorization: `Bearer ${token}` })
    const body: unknown = await response.json().catch(() => undefined)
    if (response.ok) return secretAnswer.parse(body).value
    const refusal = vaultRefusal.safeParse(body).data?.error
    const code = refusal?.innererror?.code ?? refusal?.code ?? `status ${response.status}`
    if (response.status === 401 || response.status === 403) this.#options.tokens.forget(identity, keyVault)
    throw new SecretUnavailable(
      `${url} answered ${response.status} (${code}) to the identity ${identity}. ${mendingOf(response.status, url)}`,
    )
  }

  async #token(appId: string, identity: string): Promise<string> {
    try {
      return (await this.#options.tokens.token(appId, identity, keyVault)).value
    } catch (error) {
      if (!(error instanceof IdentityUnavailable)) throw error
      throw new SecretUnavailable(error.message, { cause: error })
    }
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
