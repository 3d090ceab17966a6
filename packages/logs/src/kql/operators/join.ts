/** join and lookup. */
import { type Context, translate, translateTable } from '../context.ts'
import { Relation } from '../relation.ts'
import type { Sql } from '../sql.ts'
import type { SyntaxNode } from '../syntax-node.ts'
import { namedParameter } from './parameters.ts'

interface Condition {
  readonly sql: string
  /** Of the left side, without prefix. */
  readonly leftKey: string
}

const outer: Readonly<Record<string, string>> = {
  inner: 'JOIN',
  innerunique: 'JOIN',
  leftouter: 'LEFT JOIN',
  rightouter: 'RIGHT JOIN',
  fullouter: 'FULL JOIN',
}
/** Kinds that answer with rows of one side only, and whether with those that have a partner. */
const oneSided: Readonly<Record<string, { readonly side: 'left' | 'right'; readonly matched: boolean }>> = {
  leftsemi: { side: 'left', matched: true },
  rightsemi: { side: 'right', matched: true },
  leftanti: { side: 'left', matched: false },
  leftantisemi: { side: 'left', matched: false },
  anti: { side: 'left', matched: false },
  rightanti: { side: 'right', matched: false },
  rightantisemi: { side: 'right', matched: false },
}

export function join(node: SyntaxNode, left: Relation, context: Context): Relation {
  const kind = namedParameter(node, 'kind') ?? 'innerunique'
  const clause = node.optional('ConditionClause')
  if (!clause) throw node.semantic('join needs on.')
  const right = translateTable(node.node('Expression'), context)
  const conditions = clause.list('Expressions').map((expression) => condition(expression, left, right, context))
  const on = conditions.map(({ sql }) => sql).join(' AND ')
  const half = oneSided[kind]
  if (half) return filteredSide(half, left, right, on)
  const operator = outer[kind]
  if (!operator) throw node.unsupported(`join kind=${kind}`)
  const leftSql = kind === 'innerunique' ? unique(left, conditions) : left.sql
  return combined(node, left, right, `(${leftSql}) AS l ${operator} (${right.sql}) AS r ON ${on}`)
}

/** The right side's keys do not come again. */
export function lookup(node: SyntaxNode, left: Relation, context: Context): Relation {
  const kind = namedParameter(node, 'kind') ?? 'leftouter'
  const operator = outer[kind]
  if (!operator || kind === 'innerunique') throw node.unsupported(`lookup kind=${kind}`)
  const right = translateTable(node.node('Expression'), context)
  const expressions = node.node('LookupClause').list('Expressions')
  const on = expressions.map((expression) => condition(expression, left, right, context).sql).join(' AND ')
  const keys = new Set(expressions.map(rightKey))
  const shown = right.columns.filter(({ name }) => !keys.has(name))
  return combined(node, left, right, `(${left.sql}) AS l ${operator} (${right.sql}) AS r ON ${on}`, shown)
}

/** `name`, or `$left.name == $right.name`. */
function condition(node: SyntaxNode, left: Relation, right: Relation, context: Context): Condition {
  if (node.class === 'NameReference') {
    const [one, other] = [left.column(node.name), right.column(node.name)]
    if (!one || !other) throw node.semantic(`'${node.name}' is not a column of both sides.`)
    return { sql: `l.${one.sql} = r.${other.sql}`, leftKey: one.sql }
  }
  if (node.class !== 'BinaryExpression' || node.kind !== 'EqualExpression') {
    throw node.unsupported('A condition of a join other than equality')
  }
  const side = (name: '$left' | '$right', column: string): Sql | undefined =>
    name === '$left' ? left.column(column, 'l.') : right.column(column, 'r.')
  const sides = [node.node('Left'), node.node('Right')].map((part) =>
    translate(part, { ...context, column: () => undefined, side }),
  )
  const leftKey = sides.find(({ sql }) => sql.startsWith('l.'))?.sql.slice(2)
  if (leftKey === undefined || !sides.some(({ sql }) => sql.startsWith('r.'))) {
    throw node.unsupported('A condition of a join that is not $left.column == $right.column')
  }
  return { sql: sides.map(({ sql }) => sql).join(' = '), leftKey }
}

function rightKey(node: SyntaxNode): string {
  if (node.class === 'NameReference') return node.name
  const paths = [node.node('Left'), node.node('Right')]
  const path = paths.find((part) => part.class === 'PathExpression' && part.node('Expression').name === '$right')
  return path?.node('Selector').name ?? ''
}

/** Of the left rows with one key, one. */
function unique(left: Relation, conditions: readonly Condition[]): string {
  const keys = conditions.map(({ leftKey }) => leftKey).join(', ')
  return `SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY ${keys}) AS nth FROM (${left.sql})) WHERE nth = 1`
}

function filteredSide(
  { side, matched }: { readonly side: 'left' | 'right'; readonly matched: boolean },
  left: Relation,
  right: Relation,
  on: string,
): Relation {
  const [shown, other] = side === 'left' ? [left, right] : [right, left]
  const [name, otherName] = side === 'left' ? ['l', 'r'] : ['r', 'l']
  const exists = `EXISTS (SELECT 1 FROM (${other.sql}) AS ${otherName} WHERE ${on})`
  return Relation.of(
    shown.columns,
    `SELECT ${name}.* FROM (${shown.sql}) AS ${name} WHERE ${matched ? '' : 'NOT '}${exists}`,
  )
}

function combined(
  node: SyntaxNode,
  left: Relation,
  right: Relation,
  from: string,
  shownRight: readonly { readonly name: string }[] = right.columns,
): Relation {
  const { columns } = node
  const values = [
    ...left.columns.map(({ name }) => left.column(name, 'l.')),
    ...shownRight.map(({ name }) => right.column(name, 'r.')),
  ]
  if (values.length !== columns.length) throw node.unsupported('This join')
  // A side without a partner has nulls, but a string is never null.
  const list = values.map((value, index) =>
    value?.type === 'string' ? `coalesce(${value.sql}, '') AS c${index}` : `${value?.sql} AS c${index}`,
  )
  return Relation.of(columns, `SELECT ${list.join(', ')} FROM ${from}`)
}
