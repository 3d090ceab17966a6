/** The metadata fields of secretstores.azure.keyvault. */
import { authenticationFields } from '../../../azure/environment.ts'
import type { ComponentDeclaration } from '../../../component-declaration.ts'

export const declaration = {
  type: 'secretstores.azure.keyvault',
  versions: ['v1'],
  title: 'Azure Key Vault',
  fields: {
    vaultName: {
      type: 'string',
      required: true,
      description: 'Name of the vault; older files have its whole host name, which then tells the cloud too.',
    },
    ...authenticationFields,
  },
} as const satisfies ComponentDeclaration
