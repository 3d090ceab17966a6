import type { Store } from '@keystead/store'
import type { Decision, DecisionRequest } from './decision.ts'
import type { RoleAssignment, RoleDefinition } from './roles.ts'

/** Role definitions and assignments, and the decision over them. Reads are from memory; a write is durable, then seen by the next decision. */
export interface Authorizer {
  /** Synchronous: nothing but memory is read, so that it can stand on every request's path. Deny is the default. */
  decide(request: DecisionRequest): Decision

  roleDefinition(name: string): RoleDefinition | undefined
  /** Built-in and custom definitions. */
  roleDefinitions(): Iterable<RoleDefinition>
  putRoleDefinition(definition: RoleDefinition): Promise<void>
  deleteRoleDefinition(name: string): Promise<RoleDefinition | undefined>

  /** The assignment `name` made at exactly `scope`. */
  assignment(scope: string, name: string): RoleAssignment | undefined
  /** Assignments that matter at a scope: `atScope` those at it or above; `below` those at it or below. */
  assignments(filter: {
    readonly atScope?: string
    readonly below?: string
    readonly principalId?: string
  }): Iterable<RoleAssignment>
  /** Throws `AssignmentExistsError` when the same principal, role and scope are assigned under another name. */
  putAssignment(assignment: RoleAssignment): Promise<void>
  deleteAssignment(scope: string, name: string): Promise<RoleAssignment | undefined>
  /** Assignments at or below a deleted resource go with it. */
  deleteAssignmentsBelow(scope: string): Promise<void>
}

export declare function openAuthorizer(store: Store): Promise<Authorizer>
