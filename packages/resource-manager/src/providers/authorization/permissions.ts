/** What the caller may do at a scope, by all of their roles there. */
import type { OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { authorizationApiVersions } from './api-versions.ts'

export function permissionsType(): ResourceTypeDeclaration {
  return {
    type: 'permissions',
    apiVersions: authorizationApiVersions,
    anyScope: true,
    operations: [
      {
        name: 'Permissions_ListForScope',
        method: 'GET',
        on: 'collection',
        action: 'Microsoft.Authorization/permissions/read',
        access: 'signedIn',
        handle: async ({ authorizer, caller, path }: OperationContext) => {
          const roles = new Set<string>()
          for (const principalId of [caller.objectId, ...caller.groupIds]) {
            for (const assignment of authorizer.assignments({ atScope: path, principalId })) {
              roles.add(assignment.roleDefinitionName.toLowerCase())
            }
          }
          const value = [...roles].flatMap((name) => authorizer.roleDefinition(name)?.permissions ?? [])
          return { status: 200, body: { value } }
        },
      },
    ],
  }
}
