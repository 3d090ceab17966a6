/** parse and parse-where: columns out of a text by a pattern. */
import type { Pattern, PatternPart } from '../../sql-functions/parse-pattern.ts'
import { regexError } from '../../sql-functions/regular-expressions.ts'
import { type Context, translate } from '../context.ts'
import { convert } from '../conversion.ts'
import type { Relation } from '../relation.ts'
import { type Sql, sqlString } from '../sql.ts'
import type { SyntaxNode } from '../syntax-node.ts'
import type { ScalarType } from '../types.ts'
import { namedParameter, onlyParameters } from './parameters.ts'

export function parse(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyParameters(node, ['kind'])
  const mode = namedParameter(node, 'kind') ?? 'simple'
  if (mode !== 'simple' && mode !== 'relaxed' && mode !== 'regex') throw node.unsupported(`parse kind=${mode}`)
  const parsed = node.list('Patterns').map((part) => partOf(part, mode === 'regex'))
  const pattern: Pattern = { mode, parts: parsed.map(({ part }) => part) }
  const text = convert(translate(node.node('Expression'), context), 'string').sql
  const json = sqlString(JSON.stringify(pattern))
  const found = new Map<string, Sql>()
  for (const { part, name } of parsed) {
    if (part.kind !== 'column' || name === undefined) continue
    found.set(name, { sql: `kql_parse(${text}, ${json}, ${found.size})`, type: part.type })
  }
  const rows = node.class === 'ParseWhereOperator' ? input.filtered(`kql_parse_matches(${text}, ${json})`, []) : input
  const { columns } = node
  const values = columns.map(({ name }) => {
    const value = found.get(name) ?? rows.column(name)
    if (!value) throw node.unsupported(`The column ${name} in parse`)
    return value
  })
  return rows.projected(columns, values)
}

function partOf(node: SyntaxNode, regex: boolean): { readonly part: PatternPart; readonly name?: string } {
  switch (node.class) {
    case 'StarExpression':
      return { part: { kind: 'star' } }
    case 'NameDeclaration':
      return { part: { kind: 'column', type: 'string' }, name: node.name }
    case 'NameAndTypeDeclaration':
      return { part: { kind: 'column', type: typeOf(node) }, name: node.node('Name').name }
    case 'LiteralExpression':
    case 'CompoundStringLiteralExpression': {
      const text = node.class === 'LiteralExpression' ? node.token('Token') : node.literalText
      const problem = regex ? regexError(text) : undefined
      if (problem !== undefined) throw node.semantic(`The regular expression is not valid: ${problem}`)
      return { part: { kind: 'text', text } }
    }
    default:
      throw node.unsupported('This part of a pattern')
  }
}

const typeOf = (node: SyntaxNode): ScalarType => node.node('Name').type
