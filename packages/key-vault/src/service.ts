/** Key Vault as the cloud composes it: the provider for Resource Manager, and the listener for its vaults. */
import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { TokenVerifier } from '@keystead/identity'
import type { ResourceProvider, ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import { DataPlane } from './data-plane.ts'
import { createInspector, type Inspector } from './inspection.ts'
import { keyVaultProvider } from './provider.ts'
import { SecretOperations } from './secret-operations.ts'
import { SecretRepository } from './secret-repository.ts'
import { type TemplateSecretReference, templateSecret } from './template-secret.ts'
import { ValueCache } from './value-cache.ts'
import { VaultDirectory } from './vault-directory.ts'

export interface KeyVaultOptions {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly resources: ResourceStore
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  /** Bytes of opened secret values kept in memory; 0 reads every value from the database. Default 16 MiB. */
  readonly cacheBytes?: number | undefined
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface KeyVault {
  readonly provider: ResourceProvider
  /** The secret that a template's parameter refers to, or why it cannot be had. Whether the caller may is the deployment's to decide. */
  secretForTemplate(reference: TemplateSecretReference): ReturnType<typeof templateSecret>
  /** Whether this name has a vault: the gateway refuses an unknown `NAME.vault.azure.net`. */
  exists(name: string): boolean
  /** `NAME.vault.azure.net`: the vault is named by the request's Host. */
  readonly listener: RequestListener
  /** For whoever explains a refusal. */
  readonly inspector: Inspector
  close(): Promise<void>
}

const defaultCacheBytes = 16 * 1024 * 1024

/** Opens Key Vault on a store that was opened with {@link keyVaultMigrations}. */
export async function openKeyVault(options: KeyVaultOptions): Promise<KeyVault> {
  const { store, clock, authorizer } = options
  const cache = new ValueCache(options.cacheBytes ?? defaultCacheBytes)
  const repository = new SecretRepository({ store, clock })
  await repository.eraseExpired()
  const directory = await VaultDirectory.open({
    store,
    resources: options.resources,
    clock,
    onGone: (vaultId) => cache.forgetVault(vaultId),
  })
  const operations = new SecretOperations({ repository, cache, keyring: store.keyring })
  const { listener } = new DataPlane({
    directory,
    operations,
    verifier: options.verifier,
    authorizer,
    audit: options.audit,
    tenantId: options.tenantId,
    log: options.log,
  })
  return {
    provider: keyVaultProvider({ directory, repository, cache }),
    secretForTemplate: (reference) => templateSecret(directory, repository, reference),
    exists: (name) => directory.live(name) !== undefined,
    listener,
    inspector: createInspector(directory, repository),
    async close() {
      cache.clear()
    },
  }
}
