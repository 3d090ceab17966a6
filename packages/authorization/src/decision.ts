/** The record of one decision: what was asked, the answer, and why. */

/** Who asks. Group membership counts: an assignment to a group is an assignment to its members. */
export interface Principal {
  readonly tenantId: string
  readonly objectId: string
  readonly groupIds: readonly string[]
}

/** May the principal do `action` at `scope`, by its role assignments? */
export interface RoleRequest {
  readonly by: 'role'
  readonly principal: Principal
  /** e.g. `Microsoft.KeyVault/vaults/secrets/getSecret/action`. Compared case-insensitively. */
  readonly action: string
  /** Whether `action` is a data action (the data plane) or a control-plane action. */
  readonly plane: 'control' | 'data'
  /** The resource id acted on, e.g. `/subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/V/secrets/N`. */
  readonly scope: string
}

/** May the principal do `permission` (e.g. `get`) on a vault whose model is access policies? */
export interface AccessPolicyRequest {
  readonly by: 'accessPolicy'
  readonly principal: Principal
  /** e.g. `get`, `list`, `set`; `all` in a policy grants each (but purge, as on Azure). */
  readonly permission: string
  readonly scope: string
  /** The vault's policies, for secrets. */
  readonly policies: readonly {
    readonly tenantId: string
    readonly objectId: string
    readonly secrets: readonly string[]
  }[]
}

export type DecisionRequest = RoleRequest | AccessPolicyRequest

export type DecisionReason =
  | 'grantedByRoleAssignment'
  | 'grantedByAccessPolicy'
  | 'noRoleAssignment'
  | 'excludedByNotActions'
  | 'noAccessPolicy'
  | 'permissionNotInAccessPolicy'

/** The decision and why: enough to word a refusal, an audit event and a log line without deciding again. */
export interface Decision {
  readonly allowed: boolean
  readonly reason: DecisionReason
  readonly by: DecisionRequest['by']
  readonly principal: Principal
  /** The action or permission asked for. */
  readonly action: string
  /** Of a decision by roles. */
  readonly plane?: RoleRequest['plane']
  readonly scope: string
  /** The assignment that granted it (its full resource id), when one did. */
  readonly assignmentId?: string
  /** The role that granted it, e.g. `Key Vault Secrets User`. */
  readonly roleName?: string
  /** Of a refusal `excludedByNotActions`: the assignment that would have granted it, and its role. */
  readonly excludedBy?: { readonly assignmentId: string; readonly roleName: string }
  /** Of a refusal `permissionNotInAccessPolicy`: what the principal's own policy holds, if it has one. */
  readonly held?: readonly string[]
}

/** One assignment of the principal, or of a group of its, and what it says of one action at one scope. */
export interface ConsideredAssignment {
  readonly assignmentId: string
  readonly roleName: string
  readonly scope: string
  /** The object id that it is assigned to: the principal's, or a group's. */
  readonly heldBy: string
  /**
   * `granted`; `excluded` by its notActions; `notListed` by the role; `otherPlane`: the role lists it among control-plane
   * actions, and it is a data action, or the other way round; `otherScope`: it would grant, but stands elsewhere.
   */
  readonly says: 'granted' | 'excluded' | 'notListed' | 'otherPlane' | 'otherScope'
}

/** One sentence for logs and audit: who, what, where, allowed or not, and why. No value and no token is in it. */
export function describeDecision(decision: Decision): string {
  const asked = `${decision.principal.objectId} ${decision.allowed ? 'may' : 'may not'} ${decision.action} on ${decision.scope}`
  return `${asked}: ${explain(decision)}.`
}

function explain(decision: Decision): string {
  switch (decision.reason) {
    case 'grantedByRoleAssignment':
      return `role '${decision.roleName}' is assigned (${decision.assignmentId})`
    case 'grantedByAccessPolicy':
      return "the vault's access policy grants it"
    case 'noRoleAssignment':
      return 'no role assigned at this scope or above it grants this action'
    case 'excludedByNotActions':
      return `role '${decision.excludedBy?.roleName}' excludes this action (${decision.excludedBy?.assignmentId})`
    case 'noAccessPolicy':
      return 'the vault has no access policy for this principal'
    case 'permissionNotInAccessPolicy':
      return "the vault's access policy for this principal does not hold this permission"
  }
}
