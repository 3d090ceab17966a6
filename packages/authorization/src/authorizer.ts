/** Role definitions and assignments kept durable, and the one decision over them. */
import type { Store } from '@keystead/store'
import { decideByAccessPolicy } from './access-policy.ts'
import { AssignmentIndex } from './assignment-index.ts'
import { builtInRoles } from './built-in-roles.ts'
import { type CompiledRole, compileRole } from './compiled-role.ts'
import type { ConsideredAssignment, Decision, DecisionRequest, RoleRequest } from './decision.ts'
import {
  AssignmentExistsError,
  AssignmentUpdateNotPermittedError,
  BuiltInRoleError,
  RoleDefinitionDoesNotExistError,
  RoleDefinitionHasAssignmentsError,
} from './errors.ts'
import type { AuthorizationTables } from './migrations.ts'
import { RoleTables } from './role-tables.ts'
import type { RoleAssignment, RoleDefinition } from './roles.ts'
import { isAtOrBelow, scopeKey, scopesAbove } from './scope.ts'

/** Role definitions and assignments, and the decision over them. Reads are from memory; a write is durable, then seen by the next decision. */
export interface Authorizer {
  /** Synchronous: nothing but memory is read, so that it can stand on every request's path. Deny is the default. */
  decide(request: DecisionRequest): Decision
  /**
   * The assignments of the principal and of its groups that bear on a decision by roles: each one at the scope or above
   * it with what its role says, then those elsewhere whose role would grant the action there (at most 100).
   */
  consider(request: RoleRequest): readonly ConsideredAssignment[]

  roleDefinition(name: string): RoleDefinition | undefined
  /** Built-in and custom definitions. */
  roleDefinitions(): Iterable<RoleDefinition>
  /** Makes or replaces a custom role. Throws `BuiltInRoleError` for a built-in one. */
  putRoleDefinition(definition: RoleDefinition): Promise<void>
  /** Throws `RoleDefinitionHasAssignmentsError` while the role is assigned, `BuiltInRoleError` for a built-in one. */
  deleteRoleDefinition(name: string): Promise<RoleDefinition | undefined>

  /** The assignment `name` made at exactly `scope`. */
  assignment(scope: string, name: string): RoleAssignment | undefined
  /**
   * Assignments that matter at a scope: `atScope` those at it or above; `below` those at it or below; with both, either.
   * `principalId` narrows to what is assigned to that principal itself, not to its groups.
   */
  assignments(filter: {
    readonly atScope?: string
    readonly below?: string
    readonly principalId?: string
  }): Iterable<RoleAssignment>
  /**
   * Throws `AssignmentExistsError` when the same principal, role and scope are assigned under another name,
   * `AssignmentUpdateNotPermittedError` when this name at this scope has another principal or role, and
   * `RoleDefinitionDoesNotExistError`. The same assignment again is accepted; its description may change.
   */
  putAssignment(assignment: RoleAssignment): Promise<void>
  deleteAssignment(scope: string, name: string): Promise<RoleAssignment | undefined>
  /** Assignments at or below a deleted resource go with it. */
  deleteAssignmentsBelow(scope: string): Promise<void>
}

/** Reads every role and assignment into memory. `store` must have been opened with `authorizationMigrations`. */
export async function openAuthorizer(store: Store): Promise<Authorizer> {
  const tables = new RoleTables(store.database<AuthorizationTables>())
  const authorizer = new MemoryAuthorizer(tables)
  await authorizer.load()
  return authorizer
}

class MemoryAuthorizer implements Authorizer {
  readonly #tables: RoleTables
  readonly #roles = new Map<string, CompiledRole>()
  readonly #index = new AssignmentIndex()
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(tables: RoleTables) {
    this.#tables = tables
    for (const role of builtInRoles) this.#addRole(role)
  }

  async load(): Promise<void> {
    for (const role of await this.#tables.roleDefinitions()) this.#addRole(role)
    for (const assignment of await this.#tables.assignments()) this.#index.add(assignment)
  }

  decide(request: DecisionRequest): Decision {
    return request.by === 'role' ? this.#decideByRole(request) : decideByAccessPolicy(request)
  }

  #decideByRole({ principal, action, plane, scope }: RoleRequest): Decision {
    let excludedBy: Decision['excludedBy']
    const granted = this.#index.first(principal.objectId, principal.groupIds, scopeKey(scope), ({ id, role }) => {
      const compiled = this.#roles.get(role)
      if (compiled === undefined) return undefined
      const answer = plane === 'data' ? compiled.data(action) : compiled.control(action)
      if (answer === 'none') return undefined
      const basis = { assignmentId: id, roleName: compiled.definition.roleName }
      if (answer === 'granted') return basis
      excludedBy ??= basis
      return undefined
    })
    if (granted !== undefined) {
      return {
        allowed: true,
        reason: 'grantedByRoleAssignment',
        by: 'role',
        principal,
        action,
        plane,
        scope,
        assignmentId: granted.assignmentId,
        roleName: granted.roleName,
      }
    }
    return {
      allowed: false,
      reason: excludedBy === undefined ? 'noRoleAssignment' : 'excludedByNotActions',
      by: 'role',
      principal,
      action,
      plane,
      scope,
      ...(excludedBy === undefined ? {} : { excludedBy }),
    }
  }

  consider({ principal, action, plane, scope }: RoleRequest): readonly ConsideredAssignment[] {
    const above = new Set(scopesAbove(scopeKey(scope)))
    const bearing: ConsideredAssignment[] = []
    const elsewhere: ConsideredAssignment[] = []
    for (const holder of [principal.objectId, ...principal.groupIds]) {
      for (const { assignment, id, scope: at, role: name } of this.#index.allOf(holder)) {
        const role = this.#roles.get(name)
        if (role === undefined) continue
        const answer = plane === 'data' ? role.data(action) : role.control(action)
        const other = plane === 'data' ? role.control(action) : role.data(action)
        const about = {
          assignmentId: id,
          roleName: role.definition.roleName,
          scope: assignment.scope,
          heldBy: holder,
        }
        if (above.has(at)) {
          const says = answer === 'none' ? (other === 'granted' ? 'otherPlane' : 'notListed') : answer
          bearing.push({ ...about, says })
        } else if (answer === 'granted' && elsewhere.length < 100) elsewhere.push({ ...about, says: 'otherScope' })
      }
    }
    return [...bearing, ...elsewhere]
  }

  roleDefinition(name: string): RoleDefinition | undefined {
    return this.#roles.get(name.toLowerCase())?.definition
  }

  *roleDefinitions(): Generator<RoleDefinition> {
    for (const { definition } of this.#roles.values()) yield definition
  }

  putRoleDefinition(definition: RoleDefinition): Promise<void> {
    return this.#write(async () => {
      this.#refuseBuiltIn(definition.name)
      await this.#tables.putRoleDefinition(definition)
      this.#addRole(definition)
    })
  }

  deleteRoleDefinition(name: string): Promise<RoleDefinition | undefined> {
    return this.#write(async () => {
      const found = this.#refuseBuiltIn(name)
      if (found === undefined) return undefined
      const key = name.toLowerCase()
      for (const assignment of this.#index.all()) {
        if (assignment.roleDefinitionName.toLowerCase() === key) throw new RoleDefinitionHasAssignmentsError()
      }
      await this.#tables.deleteRoleDefinition(name)
      this.#roles.delete(key)
      return found
    })
  }

  assignment(scope: string, name: string): RoleAssignment | undefined {
    return this.#index.find(scope, name)
  }

  *assignments(filter: {
    readonly atScope?: string
    readonly below?: string
    readonly principalId?: string
  }): Generator<RoleAssignment> {
    const principal = filter.principalId?.toLowerCase()
    for (const assignment of this.#candidates(filter)) {
      if (principal === undefined || assignment.principalId.toLowerCase() === principal) yield assignment
    }
  }

  *#candidates(filter: { readonly atScope?: string; readonly below?: string }): Generator<RoleAssignment> {
    if (filter.atScope === undefined && filter.below === undefined) {
      yield* this.#index.all()
      return
    }
    const at = filter.atScope === undefined ? undefined : scopeKey(filter.atScope)
    if (at !== undefined) yield* this.#index.atOrAbove(at)
    if (filter.below === undefined) return
    for (const assignment of this.#index.atOrBelow(scopeKey(filter.below))) {
      if (at === undefined || !isAtOrBelow(at, scopeKey(assignment.scope))) yield assignment
    }
  }

  putAssignment(assignment: RoleAssignment): Promise<void> {
    return this.#write(async () => {
      if (!this.#roles.has(assignment.roleDefinitionName.toLowerCase())) {
        throw new RoleDefinitionDoesNotExistError(assignment.roleDefinitionName)
      }
      const key = scopeKey(assignment.scope)
      for (const { assignment: held } of this.#index.held(assignment.principalId, key)) {
        if (sameText(held.roleDefinitionName, assignment.roleDefinitionName) && !sameText(held.name, assignment.name)) {
          throw new AssignmentExistsError(held.name)
        }
      }
      const before = this.#index.find(assignment.scope, assignment.name)
      if (
        before !== undefined &&
        !(
          sameText(before.principalId, assignment.principalId) &&
          sameText(before.roleDefinitionName, assignment.roleDefinitionName)
        )
      ) {
        throw new AssignmentUpdateNotPermittedError()
      }
      await this.#tables.putAssignment(assignment)
      this.#index.add(assignment)
    })
  }

  deleteAssignment(scope: string, name: string): Promise<RoleAssignment | undefined> {
    return this.#write(async () => {
      const found = this.#index.find(scope, name)
      if (found !== undefined) await this.#remove([found])
      return found
    })
  }

  deleteAssignmentsBelow(scope: string): Promise<void> {
    return this.#write(() => this.#remove([...this.#index.atOrBelow(scopeKey(scope))]))
  }

  async #remove(assignments: readonly RoleAssignment[]): Promise<void> {
    if (assignments.length === 0) return
    await this.#tables.deleteAssignments(assignments)
    for (const assignment of assignments) this.#index.remove(assignment)
  }

  #addRole(definition: RoleDefinition): void {
    this.#roles.set(definition.name.toLowerCase(), compileRole(definition))
  }

  #refuseBuiltIn(name: string): RoleDefinition | undefined {
    const found = this.roleDefinition(name)
    if (found?.roleType === 'BuiltInRole') throw new BuiltInRoleError(found.roleName)
    return found
  }

  /** One write at a time: what a write checked in memory is still so when it reaches the database. */
  #write<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#lastWrite.then(action)
    this.#lastWrite = result.catch(() => undefined)
    return result
  }
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
