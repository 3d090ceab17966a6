/** summarize: groups first, then what is computed of each. */
import { type AggregateContext, translateAggregate } from '../aggregates.ts'
import { type Context, translate } from '../context.ts'
import { convert } from '../conversion.ts'
import { Relation } from '../relation.ts'
import type { SyntaxNode } from '../syntax-node.ts'

export function summarize(node: SyntaxNode, input: Relation, context: Context): Relation {
  const by = node.optional('ByClause')
  if (by?.optional('BinClause')) throw by.unsupported('bin= behind by')
  const groups = by?.list('Expressions') ?? []
  const grouped = new Set(groups.flatMap((group) => (group.class === 'NameReference' ? [group.name] : [])))
  const keys = groups.map((group) => translate(group, context))
  const aggregateContext: AggregateContext = {
    ...context,
    others: () =>
      input.columns.flatMap(({ name }) => {
        const column = input.column(name)
        return column && !grouped.has(name) ? [column] : []
      }),
    order: input.ordered ? ' ORDER BY ord' : '',
  }
  const aggregates = node.list('Aggregates').flatMap((entry) => translateAggregate(entry, aggregateContext))
  const { columns } = node
  const values = [...keys, ...aggregates].map((value, index) => convert(value, columns[index]?.type ?? value.type))
  if (values.length !== columns.length) throw node.unsupported('This combination of aggregates')
  const list = values.map(({ sql }, index) => `${sql} AS c${index}`).join(', ')
  // By position: an expression would mean a column of the result where it has the same name.
  const groupBy = keys.length === 0 ? '' : ` GROUP BY ${keys.map((_, index) => index + 1).join(', ')}`
  if (columns.length === 0) throw node.semantic('summarize computes nothing here.')
  return Relation.of(columns, `SELECT ${list} FROM (${input.sql})${groupBy}`)
}
