/** Role definitions and role assignments as data. */

/** One permission set of a role definition. Wildcards (`*`) match any run of characters, case-insensitively. */
export interface RolePermissions {
  readonly actions: readonly string[]
  readonly notActions: readonly string[]
  readonly dataActions: readonly string[]
  readonly notDataActions: readonly string[]
}

export interface RoleDefinition {
  /** The guid, e.g. `4633458b-17de-408a-b874-0445c86b69e6`. */
  readonly name: string
  readonly roleName: string
  readonly description: string
  readonly roleType: 'BuiltInRole' | 'CustomRole'
  readonly permissions: readonly RolePermissions[]
  readonly assignableScopes: readonly string[]
}

export interface RoleAssignment {
  /** The assignment's own guid. */
  readonly name: string
  /** The scope as the caller wrote it; compared case-insensitively. `/` is the tenant root. */
  readonly scope: string
  /** The role definition's guid. */
  readonly roleDefinitionName: string
  readonly principalId: string
  readonly principalType: 'User' | 'Group' | 'ServicePrincipal' | 'ForeignGroup' | 'Device'
  readonly description?: string
  /** Object id of who made it. */
  readonly createdBy: string
  /** Milliseconds since the epoch. */
  readonly createdOn: number
}

/** The assignment's resource id. */
export function assignmentId(assignment: RoleAssignment): string {
  const scope = assignment.scope.endsWith('/') ? assignment.scope.replace(/\/+$/, '') : assignment.scope
  return `${scope}/providers/Microsoft.Authorization/roleAssignments/${assignment.name}`
}
