import type { StateQuery } from './state/query.ts'

export type StateStoreFeature = 'ETAG' | 'TRANSACTIONAL' | 'TTL' | 'QUERY_API' | 'DELETE_WITH_PREFIX' | 'KEYS_LIKE'

export interface StateStoreOptions {
  readonly concurrency?: 'first-write' | 'last-write'
  readonly consistency?: 'eventual' | 'strong'
}

/** `data` undefined: no such key. `etag` undefined: the store has none. */
export interface StateItem {
  readonly data?: Uint8Array
  readonly etag?: string
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
}

export interface SetStateRequest {
  /** With its prefix, e.g. `myapp||order-1`. */
  readonly key: string
  readonly value: Uint8Array
  /** The app gave a JSON value, of which `value` is the text; else it gave bytes. Some stores keep the two apart. */
  readonly isJson?: boolean
  readonly etag?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly options: StateStoreOptions
  readonly contentType?: string
}

export interface DeleteStateRequest {
  readonly key: string
  readonly etag?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly options: StateStoreOptions
}

export type TransactionOperation =
  | { readonly operation: 'upsert'; readonly request: SetStateRequest }
  | { readonly operation: 'delete'; readonly request: DeleteStateRequest }

export interface KeysLikeRequest {
  readonly pattern: string
  readonly continuationToken?: string
  readonly pageSize?: number
}

export interface KeysLikePage {
  readonly keys: readonly string[]
  /** Undefined: this was the last page. */
  readonly continuationToken?: string
}

export interface QueryStateItem {
  readonly key: string
  readonly data: Uint8Array
  readonly etag?: string
}

export interface QueryStateResult {
  readonly items: readonly QueryStateItem[]
  /** Where the next page starts; empty where the query had no limit. */
  readonly token: string
}

/** A state store: dapr/components-contrib `state/store.go`. */
export interface StateStore {
  readonly features: readonly StateStoreFeature[]
  get(
    key: string,
    metadata: Readonly<Record<string, string>>,
    options: StateStoreOptions,
    signal: AbortSignal,
  ): Promise<StateItem>
  set(request: SetStateRequest, signal: AbortSignal): Promise<void>
  delete(request: DeleteStateRequest, signal: AbortSignal): Promise<void>
  /** Only with the TRANSACTIONAL feature. */
  transact?(
    operations: readonly TransactionOperation[],
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>
  /** Only with the DELETE_WITH_PREFIX feature: deletes `prefix||KEY` where KEY has no further `||`, and counts them. */
  deleteWithPrefix?(prefix: string, signal: AbortSignal): Promise<number>
  /** Only with the KEYS_LIKE feature: the keys that match an SQL LIKE pattern. */
  keysLike?(request: KeysLikeRequest, signal: AbortSignal): Promise<KeysLikePage>
  /** The query API. A store without the QUERY_API feature that has it all the same refuses with a reason of its own. */
  query?(query: StateQuery, metadata: Readonly<Record<string, string>>, signal: AbortSignal): Promise<QueryStateResult>
  close?(): Promise<void>
}
