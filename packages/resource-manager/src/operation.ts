/** What a resource provider declares: its types, their api-versions, and each operation with what it needs. */
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
  /** As the operation's schema gave it. Nulls in objects are gone from a PUT or POST (absent means the same); a PATCH keeps them. */
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
  /** Work that goes on after the answer: durable before it, and begun again after a restart. */
  readonly operation?: {
    /** A name in the type's {@link ResourceTypeDeclaration.jobs}. */
    readonly job: string
    /** What the job is given: JSON, without secret values. */
    readonly input: unknown
  }
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
  /**
   * Where the action must be held, when not `scope`: at the resource or collection itself.
   * `filtered`: there, or any assignment at all below it, and then a list shows only the items whose action the caller
   * holds; the default of a GET on the subscription's collection, as on Azure. `member`: there, or any assignment at all
   * below it (the tenant's own: any caller). `signedIn`: a valid token is enough.
   */
  readonly access?: 'scope' | 'filtered' | 'member' | 'signedIn'
  /** With `access: 'filtered'`: the action that shows one item of the list, when it is not {@link action}. */
  readonly itemAction?: (item: { readonly id: string; readonly type?: string }) => string
  readonly body?: z.ZodType<Body>
  /** `text`: the handler is given the body as it was written, since comments and positions count in it (a template). Default `json`. */
  readonly content?: 'json' | 'text'
  handle(context: OperationContext<Body>): Promise<OperationResult>
}

/** Any {@link Operation}, whatever its body: what a table of them holds. */
export interface DeclaredOperation extends Omit<Operation<never>, 'body'> {
  readonly body?: z.ZodType
  handle(context: OperationContext<never>): Promise<OperationResult>
}

/** Work that outlives its request. Runs again from the start after a restart, so it must be repeatable. What it resolves to is the operation's result. */
export type Job = (input: unknown) => Promise<unknown>

export interface ResourceTypeDeclaration {
  /** e.g. `vaults` or `vaults/secrets`. */
  readonly type: string
  readonly apiVersions: readonly string[]
  /** Display names, e.g. `West Europe`; empty for a type without location. */
  readonly locations?: readonly string[]
  /** An extension type: it stands below any scope, the tenant included (`…/vaults/V/providers/Microsoft.Authorization/roleAssignments/R`). */
  readonly anyScope?: boolean
  /** It stands in the tenant, outside of every subscription, and nowhere else. */
  readonly inTenant?: boolean
  readonly operations: readonly DeclaredOperation[]
  readonly jobs?: Readonly<Record<string, Job>>
  /** Called for each resource of this type when its resource group is deleted. Must be repeatable. */
  readonly onDelete?: (id: string) => Promise<void>
}

export interface ResourceProvider {
  /** e.g. `Microsoft.KeyVault`. */
  readonly namespace: string
  readonly types: readonly ResourceTypeDeclaration[]
}
