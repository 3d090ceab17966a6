/** Operators that change the columns: project and its kin, extend, distinct. */
import { type Context, translate } from '../context.ts'
import { convert } from '../conversion.ts'
import { Relation } from '../relation.ts'
import type { Sql } from '../sql.ts'
import type { SyntaxNode } from '../syntax-node.ts'
import type { Column } from '../types.ts'

/** Each expression in order is one column. */
export function project(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { columns } = node
  const expressions = node.list('Expressions')
  if (columns.length !== expressions.length) throw node.unsupported('An expression that makes several columns')
  return input.projected(
    columns,
    typed(
      columns,
      expressions.map((expression) => translate(expression, context)),
    ),
  )
}

function typed(columns: readonly Column[], values: readonly Sql[]): readonly Sql[] {
  return values.map((value, index) => convert(value, columns[index]?.type ?? value.type))
}

export function extend(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { columns } = node
  const expressions = node.list('Expressions')
  const named = expressions.map(nameOf)
  // The language names the others; they are those that were not there, in their order.
  const invented = columns.map(({ name }) => name).filter((name) => !input.column(name) && !named.includes(name))
  const values = new Map<string, Sql>()
  for (const [index, expression] of expressions.entries()) {
    const name = named[index] ?? invented.shift()
    if (name === undefined) throw expression.unsupported('An expression that makes several columns')
    values.set(name, translate(expression, context))
  }
  return input.projected(
    columns,
    typed(
      columns,
      columns.map(({ name }) => values.get(name) ?? kept(node, input, name)),
    ),
  )
}

function nameOf(node: SyntaxNode): string | undefined {
  if (node.class === 'SimpleNamedExpression') return node.node('Name').name
  return node.class === 'NameReference' ? node.name : undefined
}

function kept(node: SyntaxNode, input: Relation, name: string): Sql {
  const column = input.column(name)
  if (!column) throw node.unsupported(`The column ${name} in this operator`)
  return column
}

/** project-away, project-keep, project-reorder: what is left, and in which order, is what the language says. */
export function selectColumns(node: SyntaxNode, input: Relation): Relation {
  const { columns } = node
  return input.projected(
    columns,
    columns.map(({ name }) => kept(node, input, name)),
  )
}

/** The columns keep their places. */
export function rename(node: SyntaxNode, input: Relation): Relation {
  return input.renamed(node.columns)
}

export function distinct(node: SyntaxNode, input: Relation, context: Context): Relation {
  const expressions = node.list('Expressions')
  const { columns } = node
  const values =
    expressions[0]?.class === 'StarExpression'
      ? columns.map(({ name }) => kept(node, input, name))
      : expressions.map((expression) => translate(expression, context))
  const list = values.map(({ sql }, index) => `${sql} AS c${index}`)
  return Relation.of(columns, `SELECT DISTINCT ${list.join(', ')} FROM (${input.sql})`)
}
