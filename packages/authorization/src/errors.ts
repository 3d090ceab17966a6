/** What role definitions and assignments refuse; Resource Manager words these as its own errors. */

/** The same principal, role and scope are already assigned under another name (Azure: 409 RoleAssignmentExists). */
export class AssignmentExistsError extends Error {
  override readonly name = 'AssignmentExistsError'
  /** The name (guid) of the assignment that is there. */
  readonly existingName: string
  constructor(existingName: string) {
    super('The role assignment already exists.')
    this.existingName = existingName
  }
}

/** The assignment of this name and scope has another principal or role (Azure: 400 RoleAssignmentUpdateNotPermitted). */
export class AssignmentUpdateNotPermittedError extends Error {
  override readonly name = 'AssignmentUpdateNotPermittedError'
  constructor() {
    super('Tenant ID, application ID, principal ID, and scope are not allowed to be updated.')
  }
}

/** The role definition does not exist (Azure: 400 RoleDefinitionDoesNotExist). */
export class RoleDefinitionDoesNotExistError extends Error {
  override readonly name = 'RoleDefinitionDoesNotExistError'
  constructor(roleDefinitionName: string) {
    super(`The specified role definition with ID '${roleDefinitionName}' does not exist.`)
  }
}

/** A custom role that is still assigned is not deleted (Azure: 400 RoleDefinitionHasAssignments). */
export class RoleDefinitionHasAssignmentsError extends Error {
  override readonly name = 'RoleDefinitionHasAssignmentsError'
  constructor() {
    super('There are existing role assignments referencing role.')
  }
}

/** Built-in roles are neither changed nor deleted. */
export class BuiltInRoleError extends Error {
  override readonly name = 'BuiltInRoleError'
  constructor(roleName: string) {
    super(`The built-in role '${roleName}' cannot be changed or deleted.`)
  }
}
