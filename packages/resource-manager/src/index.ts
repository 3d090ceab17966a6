/** The public surface of resource-manager: what a resource provider declares, and the service that answers for them all. */
export { ArmError, type ErrorDetail } from './arm-error.ts'
export {
  invalidRequestContent,
  notImplemented,
  preconditionFailed,
  resourceGroupNotFound,
  resourceNotFound,
} from './arm-errors.ts'
export type { CallerRequest } from './dispatcher.ts'
export { type ExistingScope, existingScope } from './existing-scope.ts'
export { isRecord, withoutNulls } from './json.ts'
export { locksAgainst } from './locks.ts'
export { resourceManagerMigrations } from './migrations.ts'
export type {
  DeclaredOperation,
  Job,
  Operation,
  OperationContext,
  OperationResult,
  ResourceProvider,
  ResourceTypeDeclaration,
} from './operation.ts'
export { nextLink, type Page, pageOfResources, pageSize, pageStart } from './paging.ts'
export { resourcesApiVersions } from './providers/resources/api-versions.ts'
export { normalizeLocation, type Region, regionDisplayNames, regions } from './regions.ts'
export { formatResourceId, parseResourceId, type ResourceId } from './resource-id.ts'
export type { Resource, ResourceStore } from './resource-store.ts'
export { openResourceManager, type ResourceManager, type ResourceManagerOptions } from './service.ts'
export type { Subscription, Subscriptions } from './subscriptions.ts'
