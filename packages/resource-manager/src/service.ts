import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { Directory, TokenVerifier } from '@keystead/identity'
import type { Store } from '@keystead/store'
import type { ResourceProvider } from './operation.ts'
import type { ResourceStore } from './resource-store.ts'

export interface ResourceManagerOptions {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly directory: Directory
  readonly audit: AuditTrail
  readonly subscription: { readonly id: string; readonly displayName: string; readonly tenantId: string }
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface ResourceManager {
  readonly resources: ResourceStore
  /** `management.azure.com`. */
  readonly listener: RequestListener
  /** Providers are added once, before the first request. */
  register(provider: ResourceProvider): void
  close(): Promise<void>
}

export declare function openResourceManager(options: ResourceManagerOptions): Promise<ResourceManager>
