/** The storage service: accounts in Resource Manager, and the data plane in front of Azurite. */
import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { TokenVerifier } from '@keystead/identity'
import type { ResourceProvider, ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import { AccountRegistry } from './accounts/account-registry.ts'
import { RetiredData } from './accounts/retired-data.ts'
import { AzuriteClient } from './azurite/azurite-client.ts'
import { AzuriteResources } from './azurite/azurite-resources.ts'
import { DataPlane } from './data-plane/data-plane.ts'
import { createStorageInspector, type StorageInspector } from './inspection.ts'
import { storageProvider } from './provider/provider.ts'
import { ServiceHandlers } from './provider/services.ts'
import { StorageAccountHandlers } from './provider/storage-accounts.ts'
import { SubResourceHandlers } from './provider/sub-resources.ts'

export interface StorageOptions {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly resources: ResourceStore
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  readonly azurite: {
    /** Where Azurite listens, e.g. `http://127.0.0.1:10000`. */
    readonly blob: string
    readonly queue: string
    /** The secret Azurite was started with: see {@link azuriteCommand}. */
    readonly secret: string
  }
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
  /** For whoever explains a refusal. */
  readonly inspector: StorageInspector
  close(): Promise<void>
}

/** Opens the accounts that the store has. Azurite need not be running yet: until it is, requests get ServerBusy. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const registry = await AccountRegistry.open(options.store, options.resources, options.clock)
  const azurite = new AzuriteClient({ ...options.azurite, clock: options.clock })
  const containers = new AzuriteResources(azurite, 'blob')
  const queues = new AzuriteResources(azurite, 'queue')
  const retired = new RetiredData(registry, [containers, queues], options.log)
  retired.start()
  const accounts = new StorageAccountHandlers(registry, () => retired.start())
  const dataPlane = new DataPlane({ ...options, azurite, find: (name) => registry.find(name) })
  return {
    provider: storageProvider({
      accounts,
      blobService: new ServiceHandlers(registry, 'blobServices'),
      queueService: new ServiceHandlers(registry, 'queueServices'),
      containers: new SubResourceHandlers(registry, containers, 'blob'),
      queues: new SubResourceHandlers(registry, queues, 'queue'),
    }),
    exists: (account) => registry.find(account.toLowerCase()) !== undefined,
    blobListener: dataPlane.blobListener,
    queueListener: dataPlane.queueListener,
    inspector: createStorageInspector(registry, { blob: containers, queue: queues }),
    close: async () => {
      await retired.stop()
      azurite.close()
    },
  }
}
