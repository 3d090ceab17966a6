/** The metadata fields of state.in-memory: it has none. */
import type { ComponentDeclaration } from '../../component-declaration.ts'

export const declaration = {
  type: 'state.in-memory',
  versions: ['v1'],
  title: 'In-memory',
  fields: {},
} as const satisfies ComponentDeclaration
