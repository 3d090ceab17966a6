/** union: the rows of several tables, their columns matched by name and type. */
import { Relation } from '../relation.ts'
import { sqlString } from '../sql.ts'
import type { SyntaxNode } from '../syntax-node.ts'
import type { Column } from '../types.ts'
import { namedParameter, onlyParameters } from './parameters.ts'

export interface UnionPart {
  readonly relation: Relation
  /** What withsource= shows. */
  readonly name: string
}

export function union(node: SyntaxNode, parts: readonly UnionPart[]): Relation {
  onlyParameters(node, ['kind', 'withsource', 'isfuzzy'])
  const source = namedParameter(node, 'withsource')
  const { columns } = node
  const selects = parts.map(({ relation, name }) => {
    const values = columns.map((column, index) => {
      const value = column.name === source ? sqlString(name) : columnValue(column, relation)
      return `${value} AS c${index}`
    })
    return `SELECT ${values.join(', ')} FROM (${relation.sql})`
  })
  return Relation.of(columns, selects.join(' UNION ALL '))
}

/** A name that stands for several types gets the type behind it. */
function columnValue({ name, type }: Column, relation: Relation): string {
  const found = relation.column(name)
  if (found?.type === type) return found.sql
  const suffixed = name.endsWith(`_${type}`) ? relation.column(name.slice(0, -type.length - 1)) : undefined
  if (suffixed?.type === type) return suffixed.sql
  return type === 'string' ? "''" : 'NULL'
}
