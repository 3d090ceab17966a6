import type { Authorizer } from '@keystead/authorization'
import type { Caller } from '@keystead/identity'
import type { z } from 'zod'
import type { ResourceId } from './resource-id.ts'
import type { ResourceStore } from './resource-store.ts'

export interface OperationContext<Body = unknown> {
  readonly caller: Caller
  readonly id: ResourceId
  /** The resource (or collection's parent) as a path, in the case the caller wrote. */
  readonly path: string
  readonly apiVersion: string
  readonly body: Body
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly resources: ResourceStore
  readonly authorizer: Authorizer
  /** e.g. `https://management.azure.com`, for links in answers. */
  readonly baseUrl: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** A second decision inside an operation (e.g. assigning an identity needs its `assign/action`). Throws AuthorizationFailed. */
  require(action: string, scope: string): void
}

/** What an operation answers. `operation` starts a long-running one: 201/202 with `Azure-AsyncOperation` and `Location`. */
export interface OperationResult {
  readonly status: 200 | 201 | 202 | 204
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One operation on the wire, with what it needs. An operation that is not declared does not answer. */
export interface Operation<Body = unknown> {
  readonly name: string
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE' | 'HEAD'
  /** On one resource, on the collection in a group, in the subscription; or a POST action on one resource. */
  readonly on: 'resource' | 'collection' | 'subscription'
  /** For POST: the last path segment, e.g. `listKeys`. */
  readonly verb?: string
  /** The control-plane action the caller needs at the resource's (or collection's) scope. */
  readonly action: string
  readonly body?: z.ZodType<Body>
  handle(context: OperationContext<Body>): Promise<OperationResult>
}

export interface ResourceTypeDeclaration {
  /** e.g. `vaults` or `vaults/secrets`. */
  readonly type: string
  readonly apiVersions: readonly string[]
  /** Display names, e.g. `West Europe`; empty for a type without location. */
  readonly locations?: readonly string[]
  readonly operations: readonly Operation<never>[]
  /** Called for each resource of this type when its resource group is deleted. */
  readonly onDelete?: (id: string) => Promise<void>
}

export interface ResourceProvider {
  /** e.g. `Microsoft.KeyVault`. */
  readonly namespace: string
  readonly types: readonly ResourceTypeDeclaration[]
}
