/** The public surface of components: the interface of each building block, and the registry of component types. */
export { ComponentError } from './component-error.ts'
export { EtagError, isEtagMismatch } from './etag-error.ts'
export { formatGoDuration, parseGoDuration } from './go/duration.ts'
export type { ComponentContext, Metadata } from './metadata.ts'
export {
  type ComponentFactory,
  type ComponentRegistry,
  createRegistry,
  type SecretStoreFactory,
  type StateStoreFactory,
} from './registry.ts'
export type { SecretStore, SecretStoreFeature } from './secret-store.ts'
export { readQuery, type StateQuery } from './state/query.ts'
export type {
  DeleteStateRequest,
  KeysLikePage,
  KeysLikeRequest,
  QueryStateItem,
  QueryStateResult,
  SetStateRequest,
  StateItem,
  StateStore,
  StateStoreFeature,
  StateStoreOptions,
  TransactionOperation,
} from './state-store.ts'
