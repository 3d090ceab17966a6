/** Role assignments in memory, found by principal and scope. */
import { assignmentId, type RoleAssignment } from './roles.ts'
import { isAtOrBelow, scopeKey, scopesAbove } from './scope.ts'
import { ScopeTree } from './scope-tree.ts'

/** An assignment with what a decision asks of it, worked out once. */
export interface IndexedAssignment {
  readonly assignment: RoleAssignment
  /** Its resource id. */
  readonly id: string
  /** Of its scope. */
  readonly scope: string
  /** The role definition's guid in lower case. */
  readonly role: string
}

/** Up to so many scopes it costs less to compare each than to look up every parent of the scope that is asked about. */
const fewScopes = 8

/** Up to so many groups each is looked up by itself. */
const fewGroups = 16

/** What one principal was assigned. */
class Holdings {
  readonly #byScope = new Map<string, readonly IndexedAssignment[]>()
  /** From the top down; undefined after a change. */
  #sorted: readonly string[] | undefined

  get empty(): boolean {
    return this.#byScope.size === 0
  }

  at(scope: string): readonly IndexedAssignment[] {
    return this.#byScope.get(scope) ?? none
  }

  set(scope: string, assignments: readonly IndexedAssignment[]): void {
    if (assignments.length > 0) this.#byScope.set(scope, assignments)
    else this.#byScope.delete(scope)
    this.#sorted = undefined
  }

  *all(): Generator<IndexedAssignment> {
    for (const assignments of this.#byScope.values()) yield* assignments
  }

  /** The first answer that `visit` gives to an assignment at `key` or above it, from the top. */
  first<Answer>(key: string, visit: (assignment: IndexedAssignment) => Answer | undefined): Answer | undefined {
    const few = this.#byScope.size <= fewScopes
    if (few) this.#sorted ??= [...this.#byScope.keys()].sort((a, b) => a.length - b.length)
    for (const scope of few ? (this.#sorted ?? []) : scopesAbove(key)) {
      if (few && !isAtOrBelow(key, scope)) continue
      for (const assignment of this.at(scope)) {
        const answer = visit(assignment)
        if (answer !== undefined) return answer
      }
    }
    return undefined
  }
}

const none: readonly IndexedAssignment[] = []

/** At one scope a role says the same whichever group holds it: the first that does stands for all. */
function onePerRole(assignments: readonly IndexedAssignment[]): readonly IndexedAssignment[] {
  const byRole = new Map<string, IndexedAssignment>()
  for (const assignment of assignments) if (!byRole.has(assignment.role)) byRole.set(assignment.role, assignment)
  return [...byRole.values()]
}

/** What is assigned at one scope. */
interface ScopeEntry {
  readonly byName: Map<string, RoleAssignment>
  readonly byPrincipal: Map<string, readonly IndexedAssignment[]>
  /** By the list of groups of somebody who asked before; dropped by each change at this scope. */
  ofGroups: WeakMap<readonly string[], readonly IndexedAssignment[]> | undefined
}

export class AssignmentIndex {
  readonly #byPrincipal = new Map<string, Holdings>()
  readonly #byScope = new Map<string, ScopeEntry>()
  readonly #tree = new ScopeTree<RoleAssignment>()

  add(assignment: RoleAssignment): void {
    const before = this.find(assignment.scope, assignment.name)
    if (before !== undefined) this.remove(before)
    const scope = scopeKey(assignment.scope)
    const entry = this.#byScope.get(scope) ?? { byName: new Map(), byPrincipal: new Map(), ofGroups: undefined }
    entry.byName.set(assignment.name.toLowerCase(), assignment)
    this.#byScope.set(scope, entry)
    const role = assignment.roleDefinitionName.toLowerCase()
    this.#hold(assignment, scope, entry, (held) => [...held, { assignment, id: assignmentId(assignment), scope, role }])
    this.#tree.add(scope, assignment)
  }

  remove(assignment: RoleAssignment): void {
    const scope = scopeKey(assignment.scope)
    const entry = this.#byScope.get(scope)
    if (entry === undefined) return
    entry.byName.delete(assignment.name.toLowerCase())
    if (entry.byName.size === 0) this.#byScope.delete(scope)
    this.#hold(assignment, scope, entry, (held) => held.filter((other) => other.assignment !== assignment))
    this.#tree.remove(scope, assignment)
  }

  /** Changes what the assignment's principal holds at its scope. */
  #hold(
    { principalId }: RoleAssignment,
    scope: string,
    entry: ScopeEntry,
    change: (held: readonly IndexedAssignment[]) => readonly IndexedAssignment[],
  ): void {
    const principal = principalId.toLowerCase()
    const holdings = this.#byPrincipal.get(principal) ?? new Holdings()
    const held = change(holdings.at(scope))
    holdings.set(scope, held)
    if (holdings.empty) this.#byPrincipal.delete(principal)
    else this.#byPrincipal.set(principal, holdings)
    if (held.length > 0) entry.byPrincipal.set(principal, held)
    else entry.byPrincipal.delete(principal)
    entry.ofGroups = undefined
  }

  /** The assignment `name` made at exactly `scope`. */
  find(scope: string, name: string): RoleAssignment | undefined {
    return this.#byScope.get(scopeKey(scope))?.byName.get(name.toLowerCase())
  }

  /** What is assigned to the principal itself at exactly the scope of this key. */
  held(principalId: string, key: string): readonly IndexedAssignment[] {
    return this.#byPrincipal.get(principalId.toLowerCase())?.at(key) ?? none
  }

  /** Whatever is assigned to the principal itself. */
  allOf(principalId: string): Iterable<IndexedAssignment> {
    return this.#byPrincipal.get(principalId.toLowerCase())?.all() ?? none
  }

  /**
   * The first answer that `visit` gives to an assignment that reaches `key`, of the principal's own and then of its
   * groups'. Takes as long with 100,000 assignments as with a hundred, and with a thousand groups as with ten:
   * `groupIds` has to be the same array for as long as the groups are the same.
   */
  first<Answer>(
    objectId: string,
    groupIds: readonly string[],
    key: string,
    visit: (assignment: IndexedAssignment) => Answer | undefined,
  ): Answer | undefined {
    // What is no absolute path is under nothing, the root included: deny is the default.
    if (key !== '' && !key.startsWith('/')) return undefined
    const own = this.#byPrincipal.get(objectId.toLowerCase())?.first(key, visit)
    if (own !== undefined || groupIds.length === 0) return own
    return groupIds.length <= fewGroups
      ? this.#firstOfFew(groupIds, key, visit)
      : this.#firstOfMany(groupIds, key, visit)
  }

  #firstOfFew<Answer>(
    groupIds: readonly string[],
    key: string,
    visit: (assignment: IndexedAssignment) => Answer | undefined,
  ): Answer | undefined {
    for (const group of groupIds) {
      const answer = this.#byPrincipal.get(group.toLowerCase())?.first(key, visit)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  #firstOfMany<Answer>(
    groupIds: readonly string[],
    key: string,
    visit: (assignment: IndexedAssignment) => Answer | undefined,
  ): Answer | undefined {
    for (const scope of scopesAbove(key)) {
      const entry = this.#byScope.get(scope)
      if (entry === undefined) continue
      entry.ofGroups ??= new WeakMap()
      let assignments = entry.ofGroups.get(groupIds)
      if (assignments === undefined) {
        assignments = onePerRole(groupIds.flatMap((group) => entry.byPrincipal.get(group.toLowerCase()) ?? none))
        entry.ofGroups.set(groupIds, assignments)
      }
      for (const assignment of assignments) {
        const answer = visit(assignment)
        if (answer !== undefined) return answer
      }
    }
    return undefined
  }

  /** Assignments at `key` or above it. */
  atOrAbove(key: string): Iterable<RoleAssignment> {
    return this.#tree.atOrAbove(key)
  }

  /** Assignments at `key` or under it. */
  atOrBelow(key: string): Iterable<RoleAssignment> {
    return this.#tree.atOrBelow(key)
  }

  all(): Iterable<RoleAssignment> {
    return this.#tree.all()
  }
}
