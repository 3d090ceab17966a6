/** The literals of a query as SQL. */
import { literal, type Sql } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'
import { parseDateTime, parseTimeSpan } from './time.ts'

const longLimit = 2n ** 63n

/** A `LiteralExpression`. Throws {@link KqlError} for a value that its type does not hold. */
export function translateLiteral(node: SyntaxNode): Sql {
  const { type } = node
  const text = node.token('Token')
  if (type === 'string') return literal(text, type)
  if (text === 'null') return literal(null, type)
  const value = parse(type, text)
  if (value === undefined) throw node.semantic(`'${text}' is not a ${type} that can be read.`)
  return literal(value, type)
}

function parse(type: Sql['type'], text: string): string | number | bigint | boolean | undefined {
  switch (type) {
    case 'bool':
      return /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : undefined
    case 'int':
    case 'long':
      return parseInteger(text, type === 'int' ? 2n ** 31n : longLimit)
    case 'real':
      return parseReal(text)
    case 'datetime':
      return parseDateTime(text)
    case 'timespan':
      return parseTimeSpan(text)
    case 'guid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined
    default:
      return undefined
  }
}

export function parseInteger(text: string, limit: bigint): bigint | undefined {
  const match = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text.trim())
  if (!match) return undefined
  const value = match[1] === '-' ? -BigInt(match[2] ?? '') : BigInt(match[2] ?? '')
  return value >= -limit && value < limit ? value : undefined
}

function parseReal(text: string): number | undefined {
  if (/^\+?inf$/i.test(text)) return Number.POSITIVE_INFINITY
  if (/^-inf$/i.test(text)) return Number.NEGATIVE_INFINITY
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined
}
