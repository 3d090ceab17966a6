/** The metadata fields of secretstores.local.env. */
import type { ComponentDeclaration } from '../../../component-declaration.ts'

export const declaration = {
  type: 'secretstores.local.env',
  versions: ['v1'],
  title: 'Local environment variables',
  fields: {
    prefix: {
      type: 'string',
      description:
        'Only variables whose names begin so are secrets, and their names are given without it. Case counts, except on Windows.',
    },
  },
} as const satisfies ComponentDeclaration
