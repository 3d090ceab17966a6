/** Microsoft.ManagedIdentity: user-assigned identities, their federated credentials, and what a resource's own identity is. */
import type { Directory } from '@keystead/identity'
import type { ResourceProvider } from '../operation.ts'
import { federatedCredentialType } from './managed-identity/federated-credentials.ts'
import { systemAssignedIdentityType } from './managed-identity/system-assigned.ts'
import { userAssignedIdentityType } from './managed-identity/user-assigned.ts'

export function managedIdentityProvider({ directory }: { readonly directory: Directory }): ResourceProvider {
  return {
    namespace: 'Microsoft.ManagedIdentity',
    types: [
      userAssignedIdentityType(directory),
      federatedCredentialType(directory),
      systemAssignedIdentityType(directory),
    ],
  }
}
