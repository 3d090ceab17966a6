import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { TokenVerifier } from '@keystead/identity'
import type { ResourceProvider, ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'

export interface KeyVaultOptions {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly resources: ResourceStore
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  /** Bytes of opened secret values kept in memory; 0 reads every value from the database. */
  readonly cacheBytes?: number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface KeyVault {
  readonly provider: ResourceProvider
  /** Whether this name has a vault: the gateway refuses an unknown `NAME.vault.azure.net`. */
  exists(name: string): boolean
  /** `NAME.vault.azure.net`: the vault is named by the request's Host. */
  readonly listener: RequestListener
  close(): Promise<void>
}

export declare function openKeyVault(options: KeyVaultOptions): Promise<KeyVault>
