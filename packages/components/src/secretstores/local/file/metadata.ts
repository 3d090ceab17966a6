/** The metadata fields of secretstores.local.file. */
import type { ComponentDeclaration } from '../../../component-declaration.ts'

export const declaration = {
  type: 'secretstores.local.file',
  versions: ['v1'],
  title: 'Local file',
  fields: {
    secretsFile: {
      type: 'string',
      required: true,
      description: 'Path of the JSON file that holds the secrets, relative to the working directory.',
    },
    nestedSeparator: {
      type: 'string',
      default: ':',
      description: 'Joins the names of nested keys into the name of one secret.',
    },
    multiValued: {
      type: 'bool',
      default: 'false',
      description: 'Each key of the first level is one secret with several values, instead of one secret per leaf.',
    },
  },
} as const satisfies ComponentDeclaration
