/** Role assignments in memory, found by principal and scope. */
import type { RoleAssignment } from './roles.ts'
import { isAtOrBelow, scopeKey, scopesAbove } from './scope.ts'

export class AssignmentIndex {
  /** Principal id, then scope key: a decision looks up each parent of its scope, however many assignments there are. */
  readonly #byPrincipal = new Map<string, Map<string, Set<RoleAssignment>>>()
  readonly #byScope = new Map<string, Map<string, RoleAssignment>>()

  add(assignment: RoleAssignment): void {
    const scope = scopeKey(assignment.scope)
    const name = assignment.name.toLowerCase()
    const before = this.find(assignment.scope, assignment.name)
    if (before !== undefined) this.remove(before)
    entry(this.#byScope, scope, () => new Map<string, RoleAssignment>()).set(name, assignment)
    const ofPrincipal = entry(this.#byPrincipal, assignment.principalId.toLowerCase(), () => new Map())
    entry(ofPrincipal, scope, () => new Set<RoleAssignment>()).add(assignment)
  }

  remove(assignment: RoleAssignment): void {
    const scope = scopeKey(assignment.scope)
    const principal = assignment.principalId.toLowerCase()
    const named = this.#byScope.get(scope)
    named?.delete(assignment.name.toLowerCase())
    if (named?.size === 0) this.#byScope.delete(scope)
    const ofPrincipal = this.#byPrincipal.get(principal)
    const atScope = ofPrincipal?.get(scope)
    atScope?.delete(assignment)
    if (atScope?.size === 0) ofPrincipal?.delete(scope)
    if (ofPrincipal?.size === 0) this.#byPrincipal.delete(principal)
  }

  /** The assignment `name` made at exactly `scope`. */
  find(scope: string, name: string): RoleAssignment | undefined {
    return this.#byScope.get(scopeKey(scope))?.get(name.toLowerCase())
  }

  /** What is assigned to the principal, by scope key. */
  ofPrincipal(principalId: string): ReadonlyMap<string, ReadonlySet<RoleAssignment>> | undefined {
    return this.#byPrincipal.get(principalId.toLowerCase())
  }

  /** Assignments at `key` or above it. */
  *atOrAbove(key: string): Generator<RoleAssignment> {
    for (const scope of scopesAbove(key)) yield* this.#byScope.get(scope)?.values() ?? []
  }

  /** Assignments under `key`; with `inclusive`, at it as well. */
  *below(key: string, inclusive: boolean): Generator<RoleAssignment> {
    for (const [scope, named] of this.#byScope) {
      if (isAtOrBelow(scope, key) && (inclusive || scope !== key)) yield* named.values()
    }
  }

  *all(): Generator<RoleAssignment> {
    for (const named of this.#byScope.values()) yield* named.values()
  }
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
