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
  readonly scope: string
  /** The assignment that granted it (its full resource id), when one did. */
  readonly assignmentId?: string
  /** The role that granted it, e.g. `Key Vault Secrets User`. */
  readonly roleName?: string
}
