/** The scalar types of KQL and how SQLite holds their values. */

/**
 * In SQLite: `bool`, `int`, `long` as INTEGER; `datetime` as INTEGER, ticks of 100 ns since 0001-01-01; `timespan` as
 * INTEGER ticks; `real` as REAL; `string` as TEXT, never NULL; `guid` as TEXT in lower case; `dynamic` as JSON text.
 */
export const scalarTypes = ['bool', 'int', 'long', 'real', 'datetime', 'timespan', 'string', 'guid', 'dynamic'] as const

export type ScalarType = (typeof scalarTypes)[number]

export interface Column {
  readonly name: string
  readonly type: ScalarType
}

export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
}

export function isScalarType(name: string): name is ScalarType {
  return (scalarTypes as readonly string[]).includes(name)
}

export function isNumeric(type: ScalarType): boolean {
  return type === 'int' || type === 'long' || type === 'real'
}
