/** Microsoft.Authorization: role definitions, role assignments, locks, and what the caller may do. */
import type { Directory } from '@keystead/identity'
import type { ResourceProvider } from '../operation.ts'
import type { Subscriptions } from '../subscriptions.ts'
import { lockTypeDeclaration } from './authorization/locks.ts'
import { permissionsType } from './authorization/permissions.ts'
import { roleAssignmentType } from './authorization/role-assignments.ts'
import { roleDefinitionType } from './authorization/role-definitions.ts'

export function authorizationProvider(options: {
  readonly directory: Directory
  readonly subscriptions: Subscriptions
}): ResourceProvider {
  return {
    namespace: 'Microsoft.Authorization',
    types: [
      roleDefinitionType(options.subscriptions),
      roleAssignmentType(options),
      permissionsType(),
      lockTypeDeclaration(),
    ],
  }
}
