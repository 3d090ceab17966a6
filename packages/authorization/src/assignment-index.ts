/** Role assignments in memory, found by principal and scope. */
import type { RoleAssignment } from './roles.ts'
import { scopeKey } from './scope.ts'
import { ScopeTree } from './scope-tree.ts'

export class AssignmentIndex {
  /** Principal id, then scope key: a decision looks up each parent of its scope, however many assignments there are. */
  readonly #byPrincipal = new Map<string, Map<string, readonly RoleAssignment[]>>()
  readonly #byScope = new ScopeTree<RoleAssignment>()

  add(assignment: RoleAssignment): void {
    const scope = scopeKey(assignment.scope)
    const before = this.find(assignment.scope, assignment.name)
    if (before !== undefined) this.remove(before)
    const principal = assignment.principalId.toLowerCase()
    let ofPrincipal = this.#byPrincipal.get(principal)
    if (ofPrincipal === undefined) {
      ofPrincipal = new Map()
      this.#byPrincipal.set(principal, ofPrincipal)
    }
    ofPrincipal.set(scope, [...(ofPrincipal.get(scope) ?? []), assignment])
    this.#byScope.add(scope, assignment)
  }

  remove(assignment: RoleAssignment): void {
    const scope = scopeKey(assignment.scope)
    const principal = assignment.principalId.toLowerCase()
    this.#byScope.remove(scope, assignment)
    const ofPrincipal = this.#byPrincipal.get(principal)
    const left = ofPrincipal?.get(scope)?.filter((other) => other !== assignment) ?? []
    if (left.length > 0) ofPrincipal?.set(scope, left)
    else ofPrincipal?.delete(scope)
    if (ofPrincipal?.size === 0) this.#byPrincipal.delete(principal)
  }

  /** The assignment `name` made at exactly `scope`. */
  find(scope: string, name: string): RoleAssignment | undefined {
    const wanted = name.toLowerCase()
    return this.#byScope.at(scopeKey(scope)).find((assignment) => assignment.name.toLowerCase() === wanted)
  }

  /** What is assigned to the principal, by scope key. */
  ofPrincipal(principalId: string): ReadonlyMap<string, readonly RoleAssignment[]> | undefined {
    return this.#byPrincipal.get(principalId.toLowerCase())
  }

  /** Assignments at `key` or above it. */
  atOrAbove(key: string): Iterable<RoleAssignment> {
    return this.#byScope.atOrAbove(key)
  }

  /** Assignments at `key` or under it. */
  atOrBelow(key: string): Iterable<RoleAssignment> {
    return this.#byScope.atOrBelow(key)
  }

  all(): Iterable<RoleAssignment> {
    return this.#byScope.all()
  }
}
