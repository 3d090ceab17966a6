/** Where a caller has any role at all: what decides which subscriptions show, and whether a list is filtered or refused. */
import type { Authorizer, Principal } from '@keystead/authorization'

type Asker = Pick<Principal, 'objectId' | 'groupIds'>

/** An assignment of the caller, or of a group of theirs, at the scope or below it. */
export function hasAssignmentBelow(authorizer: Authorizer, asker: Asker, scope: string): boolean {
  return some(asker, (principalId) => authorizer.assignments({ below: scope, principalId }))
}

/** An assignment at the scope, above it or below it. */
export function hasAssignmentAround(authorizer: Authorizer, asker: Asker, scope: string): boolean {
  return (
    hasAssignmentBelow(authorizer, asker, scope) ||
    some(asker, (principalId) => authorizer.assignments({ atScope: scope, principalId }))
  )
}

function some(asker: Asker, assignments: (principalId: string) => Iterable<unknown>): boolean {
  for (const principalId of [asker.objectId, ...asker.groupIds]) {
    for (const _assignment of assignments(principalId)) return true
  }
  return false
}
