import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { TokenVerifier } from '@keystead/identity'
import type { ResourceProvider, ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'

export interface StorageOptions {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly resources: ResourceStore
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  /** Where Azurite listens, e.g. `http://127.0.0.1:10000`. */
  readonly azurite: { readonly blob: string; readonly queue: string }
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface Storage {
  readonly provider: ResourceProvider
  /** Whether this name has an account: the gateway refuses an unknown `ACCOUNT.blob.core.windows.net`. */
  exists(account: string): boolean
  /** `ACCOUNT.blob.core.windows.net`. */
  readonly blobListener: RequestListener
  /** `ACCOUNT.queue.core.windows.net`. */
  readonly queueListener: RequestListener
  close(): Promise<void>
}

export declare function openStorage(options: StorageOptions): Promise<Storage>
