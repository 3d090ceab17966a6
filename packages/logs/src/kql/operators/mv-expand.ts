/** mv-expand: a row for each element of an array. */
import { type Context, translate } from '../context.ts'
import { convert } from '../conversion.ts'
import { Relation } from '../relation.ts'
import type { Sql } from '../sql.ts'
import type { SyntaxNode } from '../syntax-node.ts'
import { namedParameter, onlyParameters } from './parameters.ts'

const mostRows = 2_147_483_647

export function mvExpand(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyParameters(node, ['kind', 'bagexpansion', 'with_itemindex'])
  const kind = namedParameter(node, 'kind') ?? namedParameter(node, 'bagexpansion') ?? 'bag'
  if (kind !== 'bag') throw node.unsupported(`mv-expand kind=${kind}`)
  const index = namedParameter(node, 'with_itemindex')
  const limitNode = node.optional('RowLimitClause')
  const limit = limitNode ? translate(limitNode.node('RowLimit'), context).sql : String(mostRows)
  const expanded = node.list('Expressions').map((entry) => expansion(entry, context))
  const values = new Map<string, Sql>()
  for (const [position, { name, typed }] of expanded.entries()) {
    values.set(name, element(position, typed))
  }
  const zipped = `kql_zip(${[limit, ...expanded.map(({ value }) => value.sql)].join(', ')})`
  const { columns } = node
  const list = columns.map(({ name, type }, position) => {
    const value = name === index ? { sql: 'item.key', type: 'long' as const } : (values.get(name) ?? input.column(name))
    if (!value) throw node.unsupported(`The column ${name} in mv-expand`)
    return `${convert(value, type).sql} AS c${position}`
  })
  if (input.ordered) {
    // The elements of one row stay in their order, and rows in theirs.
    const order = 'row_number() OVER (ORDER BY ord, item.key) AS ord'
    return Relation.of(
      columns,
      `SELECT ${list.join(', ')}, ${order} FROM (${input.sql}), json_each(${zipped}) AS item`,
      {
        ordered: true,
      },
    )
  }
  return Relation.of(columns, `SELECT ${list.join(', ')} FROM (${input.sql}), json_each(${zipped}) AS item`)
}

interface Expansion {
  readonly name: string
  readonly value: Sql
  /** Of `to typeof(...)`. */
  readonly typed: SyntaxNode | undefined
}

function expansion(node: SyntaxNode, context: Context): Expansion {
  const inner = node.class === 'MvExpandExpression' ? node.node('Expression') : node
  const value = translate(inner, context)
  if (value.type !== 'dynamic') throw inner.unsupported(`mv-expand of a ${value.type}`)
  const name = inner.class === 'SimpleNamedExpression' ? inner.node('Name').name : inner.name
  return { name, value, typed: node.class === 'MvExpandExpression' ? node.optional('ToTypeOf') : undefined }
}

/** An element has its type or is null: a cast, not a conversion. */
function element(position: number, typed: SyntaxNode | undefined): Sql {
  const sql = `json_extract(item.value, '$[${position}]')`
  const value: Sql = { sql, type: 'dynamic' }
  const type = typed?.node('TypeOf').list('Types')[0]?.namedType
  return type === undefined ? value : convert(value, type)
}
