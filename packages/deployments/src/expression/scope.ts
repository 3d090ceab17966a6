/** What an expression can see: parameters, variables, the loop it is in, the deployment, and (while it runs) resources. */
import type { ObjectValue } from './values.ts'

/** One round of a `copy` loop. */
export interface CopyFrame {
  readonly name: string
  readonly index: number
}

/** A function that the template defines. */
export interface UserFunction {
  readonly parameters: readonly string[]
  /** Its expression. */
  readonly output: unknown
}

/** What a deployment knows before anything is deployed. */
export interface DeploymentFacts {
  readonly name: string
  readonly tenantId: string
  readonly subscription: { readonly id: string; readonly displayName: string }
  /** As the `resourceGroup` function gives it; absent in a deployment to a subscription. */
  readonly resourceGroup?: ObjectValue & { readonly id: string; readonly name: string }
  /** Of a deployment to a subscription. */
  readonly location?: string
  readonly mode: 'Incremental' | 'Complete'
  /** Milliseconds since the epoch: what `utcNow` tells, the same each time the deployment is evaluated. */
  readonly startedAt: number
  readonly caller: { readonly objectId: string; readonly tenantId: string; readonly userPrincipalName?: string }
}

/** What a reader that keeps what it cannot know throws: the expression stays as it was written. */
export class UnknownResource extends Error {
  override readonly name = 'UnknownResource'
}

/** What `reference`, `references` and `list…` ask. They throw until an answer is there. */
export interface ResourceReader {
  reference(nameOrId: string, apiVersion: string | undefined, full: boolean): unknown
  references(symbolicName: string, full: boolean): unknown
  list(verb: string, nameOrId: string, apiVersion: string | undefined, body: unknown): unknown
}

export interface Scope {
  readonly facts: DeploymentFacts
  /** The template, as `deployment().properties.template` gives it. */
  readonly template: ObjectValue
  /** Throw TemplateError when there is none of that name. */
  parameter(name: string): unknown
  variable(name: string): unknown
  /** Parameter values without secure ones. */
  shownParameters(): ObjectValue
  userFunction(namespace: string, name: string): UserFunction | undefined
  readonly copies: readonly CopyFrame[]
  readonly lambdas: ReadonlyMap<string, unknown>
  /** Absent where nothing of what is deployed may be asked: names, conditions, variables. */
  readonly resources: ResourceReader | undefined
  /** `newGuid` and `utcNow` are for the default values of parameters only. */
  readonly defaults: boolean
  readonly budget: { steps: number }
}
