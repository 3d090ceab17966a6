/** Operators that choose or order rows: where, sort, top, take, count. */
import { type Context, translate } from '../context.ts'
import { convert } from '../conversion.ts'
import { type Needle, Relation } from '../relation.ts'
import { textOperator } from '../scalar-operators.ts'
import type { SyntaxNode } from '../syntax-node.ts'

export function where(node: SyntaxNode, input: Relation, context: Context): Relation {
  const condition = node.node('Condition')
  return input.filtered(convert(translate(condition, context), 'bool').sql, needlesOf(condition))
}

/** What every row has that the condition is true for, as far as an index of texts can use it. */
function needlesOf(node: SyntaxNode): readonly Needle[] {
  if (node.class === 'ParenthesizedExpression') return needlesOf(node.node('Expression'))
  if (node.class !== 'BinaryExpression') return []
  const [left, right] = [node.node('Left'), node.node('Right')]
  if (node.kind === 'AndExpression') return [...needlesOf(left), ...needlesOf(right)]
  const positive = node.kind === 'EqualExpression' || textOperator(node.kind)?.negated === false
  if (!positive || left.class !== 'NameReference' || left.symbol?.class !== 'ColumnSymbol') return []
  if (right.class !== 'LiteralExpression' || right.type !== 'string') return []
  return [{ column: left.name, text: right.token('Token') }]
}

/** Descending unless it says otherwise; nulls are the smallest of all, unless it says otherwise. */
function orderTerm(node: SyntaxNode, context: Context): string {
  const ordered = node.class === 'OrderedExpression'
  const { sql } = translate(ordered ? node.node('Expression') : node, context)
  const ordering = ordered ? node.optional('Ordering') : undefined
  const ascending = ordering?.token('AscOrDescKeyword') === 'asc'
  const nulls = ordering?.optional('NullsClause')?.token('FirstOrLastKeyword') || (ascending ? 'first' : 'last')
  return `${sql} ${ascending ? 'ASC' : 'DESC'} NULLS ${nulls}`
}

export function sort(node: SyntaxNode, input: Relation, context: Context): Relation {
  return input.sorted(node.list('Expressions').map((expression) => orderTerm(expression, context)))
}

export function top(node: SyntaxNode, input: Relation, context: Context): Relation {
  return input.top([orderTerm(node.node('ByExpression'), context)], countOf(node.node('Expression'), context))
}

export function take(node: SyntaxNode, input: Relation, context: Context): Relation {
  return input.limited(countOf(node.node('Expression'), context))
}

function countOf(node: SyntaxNode, context: Context): string {
  const value = translate(node, { ...context, column: () => undefined })
  // A negative LIMIT would mean no limit.
  return `max(0, ${convert(value, 'long').sql})`
}

export function count(node: SyntaxNode, input: Relation): Relation {
  return Relation.of(node.columns, `SELECT count(*) AS c0 FROM (${input.sql})`)
}
