/** The identity that a resource has of its own, read at `RESOURCE/providers/Microsoft.ManagedIdentity/identities/default`. */
import type { Directory } from '@keystead/identity'
import { resourceNotFound } from '../../arm-errors.ts'
import type { ResourceTypeDeclaration } from '../../operation.ts'
import { scopeOf } from '../../resource-id.ts'
import { managedIdentityApiVersions } from './api-versions.ts'

export function systemAssignedIdentityType(directory: Directory): ResourceTypeDeclaration {
  return {
    type: 'identities',
    apiVersions: managedIdentityApiVersions,
    anyScope: true,
    operations: [
      {
        name: 'SystemAssignedIdentities_GetByScope',
        method: 'GET',
        on: 'resource',
        action: 'Microsoft.ManagedIdentity/identities/read',
        handle: async ({ id, path, resources }) => {
          const scope = scopeOf(id)
          const identity = await directory.managedIdentity(scope)
          if (identity?.kind !== 'SystemAssigned' || id.names[0]?.toLowerCase() !== 'default')
            throw resourceNotFound(id)
          const { tenantId, principalId, clientId } = identity
          return {
            status: 200,
            body: {
              id: path,
              name: 'default',
              type: 'Microsoft.ManagedIdentity/identities',
              location: (await resources.get(scope))?.location,
              properties: { tenantId, principalId, clientId },
            },
          }
        },
      },
    ],
  }
}
