/**
 * The public surface of authorization: who may do what, and why.
 *
 * One {@link Authorizer.decide} answers for every service. Its {@link Decision} is the record from which the 403,
 * the audit event and the log line are all written.
 */
export { type AuditEvent, AuditTrail, AuditTrailError, type AuditTrailOptions, type Recorded } from './audit-trail.ts'
export { type Authorizer, openAuthorizer } from './authorizer.ts'
export { builtInRoles } from './built-in-roles.ts'
export { commandLine } from './command-line.ts'
export {
  type AccessPolicyRequest,
  type ConsideredAssignment,
  type Decision,
  type DecisionReason,
  type DecisionRequest,
  describeDecision,
  type Principal,
  type RoleRequest,
} from './decision.ts'
export {
  AssignmentExistsError,
  AssignmentUpdateNotPermittedError,
  BuiltInRoleError,
  RoleDefinitionDoesNotExistError,
  RoleDefinitionHasAssignmentsError,
} from './errors.ts'
export { leastRole } from './least-role.ts'
export { mendingCommand, refusalHint } from './mending.ts'
export { authorizationMigrations } from './migrations.ts'
export { assignmentId, type RoleAssignment, type RoleDefinition, type RolePermissions } from './roles.ts'
