/** Resource Manager as one service: its store, its table of operations, and the listener in front of them. */
import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { Directory, TokenVerifier } from '@keystead/identity'
import type { Store } from '@keystead/store'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { GroupWrites, WriteQueue } from './group-writes.ts'
import { LongRunningOperations } from './long-running.ts'
import type { ResourceProvider } from './operation.ts'
import { OperationTable } from './operation-table.ts'
import { authorizationProvider } from './providers/authorization.ts'
import { managedIdentityProvider } from './providers/managed-identity.ts'
import { operationStatusTypes } from './providers/operation-status.ts'
import { resourcesProvider } from './providers/resources.ts'
import { subscriptionAliasProvider } from './providers/subscription-aliases.ts'
import type { ResourceStore } from './resource-store.ts'
import { openResourceStore } from './sql-resource-store.ts'
import { type Subscription, Subscriptions } from './subscriptions.ts'

export interface ResourceManagerOptions {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly directory: Directory
  readonly audit: AuditTrail
  /** The one that is there from the start. */
  readonly subscription: Subscription
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface ResourceManager extends Pick<Dispatcher, 'execute' | 'preflight'> {
  readonly resources: ResourceStore
  readonly subscriptions: Subscriptions
  /** `management.azure.com`. */
  readonly listener: RequestListener
  /** The api-versions of a type, newest first; none when it is not known. */
  apiVersions(type: string): readonly string[]
  /** Providers are added once, before the first request. */
  register(provider: ResourceProvider): void
  /** Begins again the long-running operations that a restart interrupted. Called after the last {@link register}; the first request does it too. */
  resume(): Promise<void>
  /** Resolves when the long-running operations under way have ended. */
  close(): Promise<void>
}

/** Opens the service over an open store whose migrations have run. */
export async function openResourceManager(options: ResourceManagerOptions): Promise<ResourceManager> {
  const { store, authorizer, directory, clock, log } = options
  const resources = openResourceStore(store)
  const subscriptions = await Subscriptions.open(resources, options.subscription)
  const table = new OperationTable()
  const operations = new LongRunningOperations({ store, clock, log, findJob: (type, job) => table.job(type, job) })
  const groupWrites = new GroupWrites()

  const register = (provider: ResourceProvider) => {
    table.register(provider)
    if (provider.types.some((type) => type.jobs !== undefined)) {
      table.register({
        namespace: provider.namespace,
        types: operationStatusTypes(provider, operations),
      })
    }
  }
  register(resourcesProvider({ table, resources, authorizer, subscriptions, groupWrites }))
  register(managedIdentityProvider({ directory }))
  register(authorizationProvider({ directory, subscriptions }))
  register(subscriptionAliasProvider(subscriptions))

  return {
    resources,
    subscriptions,
    apiVersions: (type) => table.type(type)?.declaration.apiVersions ?? [],
    register,
    ...createDispatcher({
      ...options,
      subscriptions,
      table,
      operations,
      resources,
      writes: new WriteQueue(),
      groupWrites,
    }),
    resume: () => operations.resume(),
    close: () => operations.settled(),
  }
}
