/** Secrets as resources: what a template (or Resource Manager's own clients) writes and reads of them, never a value. */
import {
  ArmError,
  invalidRequestContent,
  nextLink,
  type Operation,
  type OperationContext,
  type OperationResult,
  pageSize,
  pageStart,
  type ResourceTypeDeclaration,
  resourceNotFound,
} from '@keystead/resource-manager'
import { z } from 'zod'
import { KeyVaultError } from './key-vault-error.ts'
import type { SecretVersion } from './secret.ts'
import { parseSetBody, parseUpdateBody } from './secret-parameters.ts'
import type { SecretRepository } from './secret-repository.ts'
import type { ValueCache } from './value-cache.ts'
import type { Vault } from './vault.ts'
import { type VaultDirectory, vaultType } from './vault-directory.ts'

const secretType = `${vaultType}/secrets`

/** Secrets read at a time. */
const pageLength = 25

// The parts are checked as the data plane checks them.
const body = z.object({ tags: z.unknown().optional(), properties: z.record(z.string(), z.unknown()) })
type Body = z.infer<typeof body>

export interface VaultSecretsOptions {
  readonly directory: VaultDirectory
  readonly repository: SecretRepository
  readonly cache: ValueCache
}

/** The audit event of a write here is Resource Manager's. */
const noEvent = async () => {}

export function vaultSecretsType(
  options: VaultSecretsOptions,
  apiVersions: readonly string[],
): ResourceTypeDeclaration {
  const handlers = new VaultSecretHandlers(options)
  return {
    type: 'vaults/secrets',
    apiVersions,
    operations: [
      {
        name: 'Secrets_CreateOrUpdate',
        method: 'PUT',
        on: 'resource',
        action: `${secretType}/write`,
        body,
        handle: (context) => handlers.put(context),
      } satisfies Operation<Body>,
      {
        name: 'Secrets_Update',
        method: 'PATCH',
        on: 'resource',
        action: `${secretType}/write`,
        body,
        handle: (context) => handlers.patch(context),
      } satisfies Operation<Body>,
      {
        name: 'Secrets_Get',
        method: 'GET',
        on: 'resource',
        action: `${secretType}/read`,
        handle: (context) => handlers.get(context),
      } satisfies Operation,
      {
        name: 'Secrets_List',
        method: 'GET',
        on: 'collection',
        action: `${secretType}/read`,
        handle: (context) => handlers.list(context),
      } satisfies Operation,
    ],
  }
}

class VaultSecretHandlers {
  readonly #options: VaultSecretsOptions

  constructor(options: VaultSecretsOptions) {
    this.#options = options
  }

  async put(context: OperationContext<Body>): Promise<OperationResult> {
    const { repository, cache } = this.#options
    const { vault, name } = this.#target(context)
    const { properties, tags } = context.body
    return await worded(async () => {
      const existing = await this.#latest(vault, name)
      const version = await repository.set(vault, name, parseSetBody({ ...properties, tags }), noEvent)
      cache.forget(vault.id, name)
      return { status: existing === undefined ? 201 : 200, body: secretBody(vault, version) }
    })
  }

  async patch(context: OperationContext<Body>): Promise<OperationResult> {
    const { repository, cache } = this.#options
    const { vault, name } = this.#target(context)
    const { properties, tags } = context.body
    return await worded(async () => {
      const version = await repository.update(vault, name, '', parseUpdateBody({ ...properties, tags }), noEvent)
      cache.forget(vault.id, name)
      return { status: 200, body: secretBody(vault, version) }
    })
  }

  async get(context: OperationContext): Promise<OperationResult> {
    const { vault, name } = this.#target(context)
    const version = await this.#latest(vault, name)
    if (version === undefined) throw resourceNotFound(context.id)
    return { status: 200, body: secretBody(vault, version) }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const vault = this.#vault(context)
    const value: unknown[] = []
    const limit = pageSize(context)
    for (let after = pageStart(context) ?? ''; ; ) {
      const page = await this.#options.repository.list(vault, after, Math.min(pageLength, limit - value.length))
      value.push(...page.items.map((each) => secretBody(vault, each)))
      if (page.next === undefined) return { status: 200, body: { value } }
      after = page.next
      if (value.length >= limit) {
        return { status: 200, body: { value, nextLink: nextLink(context, `${vault.resourceId}/secrets`, after) } }
      }
    }
  }

  async #latest(vault: Vault, name: string): Promise<SecretVersion | undefined> {
    try {
      return await this.#options.repository.get(vault, name, '')
    } catch (error) {
      if (error instanceof KeyVaultError && error.status === 404) return undefined
      throw error
    }
  }

  #vault(context: OperationContext<unknown>): Vault {
    const vault = this.#options.directory.live(context.id.names[0] ?? '')
    const root = context.path.split('/').slice(0, 9).join('/')
    if (vault?.resourceId.toLowerCase() !== root.toLowerCase()) throw resourceNotFound(context.id)
    return vault
  }

  #target(context: OperationContext<unknown>): { readonly vault: Vault; readonly name: string } {
    const name = context.id.names[1] ?? ''
    if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) {
      throw new ArmError(
        400,
        'InvalidSecretName',
        `The secret name '${name}' is invalid. It must have 1 to 127 characters and hold only letters, digits and '-'.`,
      )
    }
    return { vault: this.#vault(context), name }
  }
}

/** The data plane's refusals in Resource Manager's form. */
async function worded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KeyVaultError)) throw error
    if (error.status === 400) throw invalidRequestContent(error.message)
    throw new ArmError(error.status, error.innerCode ?? error.code, error.message)
  }
}

function secretBody(vault: Vault, version: SecretVersion): unknown {
  const { name, enabled, notBefore, expires, created, updated, contentType, tags } = version
  const secretUri = `${vault.url}/secrets/${name}`
  return {
    id: `${vault.resourceId}/secrets/${name}`,
    name,
    type: secretType,
    location: vault.location,
    tags: tags ?? {},
    properties: {
      ...(contentType !== null && { contentType }),
      attributes: {
        enabled,
        ...(notBefore !== null && { nbf: notBefore }),
        ...(expires !== null && { exp: expires }),
        created,
        updated,
      },
      secretUri,
      secretUriWithVersion: `${secretUri}/${version.version}`,
    },
  }
}
