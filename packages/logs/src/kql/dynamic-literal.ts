/** The JSON of a `dynamic(...)` literal, in which KQL takes more than JSON does. */
import { jsonText } from '../sql-functions/json.ts'
import { translateLiteral } from './literals.ts'
import type { Sql } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'
import { formatDateTime, formatTimeSpan } from './time.ts'

/** JSON text, or null for `dynamic(null)`. */
export function parseDynamic(node: SyntaxNode): string | null {
  const value = memberOf(node.node('Expression'))
  return value === null ? null : jsonText(value)
}

function memberOf(node: SyntaxNode): unknown {
  switch (node.class) {
    case 'JsonArrayExpression':
      return node.list('Values').map(memberOf)
    case 'JsonObjectExpression':
      return Object.fromEntries(node.list('Pairs').map((pair) => [pair.token('Name'), memberOf(pair.node('Value'))]))
    case 'CompoundStringLiteralExpression':
      return node.literalText
    case 'DynamicExpression':
      return memberOf(node.node('Expression'))
    case 'PrefixUnaryExpression': {
      const value = memberOf(node.node('Expression'))
      if (typeof value !== 'number' && typeof value !== 'bigint') throw node.unsupported('This value in dynamic()')
      return node.kind === 'UnaryMinusExpression' ? -value : value
    }
    case 'LiteralExpression':
      return node.kind === 'NullLiteralExpression' ? null : plain(translateLiteral(node))
    default:
      throw node.unsupported('This value in dynamic()')
  }
}

function plain({ constant, type }: Sql): unknown {
  if (typeof constant !== 'bigint') return constant
  if (type === 'datetime') return formatDateTime(constant)
  return type === 'timespan' ? formatTimeSpan(constant) : constant
}
