/** KQL's operators between scalars, with its rules for case and for null. */
import { regexError } from '../sql-functions/regular-expressions.ts'
import { type Context, translate, translateTable } from './context.ts'
import { convert } from './conversion.ts'
import { literal, type Sql, sqlString } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'
import { isNumeric, type ScalarType } from './types.ts'

export function translateUnary(node: SyntaxNode, context: Context): Sql {
  const value = translate(node.node('Expression'), context)
  if (node.kind === 'UnaryPlusExpression') return value
  if (value.type === 'real' || value.type === 'timespan' || isNumeric(value.type)) {
    if (typeof value.constant === 'bigint' || typeof value.constant === 'number') {
      return literal(-value.constant, value.type)
    }
    return { sql: `(-${value.sql})`, type: value.type }
  }
  throw node.unsupported(`The minus of a ${value.type}`)
}

const comparisons: Readonly<Record<string, string>> = {
  LessThanExpression: '<',
  LessThanOrEqualExpression: '<=',
  GreaterThanExpression: '>',
  GreaterThanOrEqualExpression: '>=',
}
const arithmetic: Readonly<Record<string, '+' | '-' | '*' | '/' | '%'>> = {
  AddExpression: '+',
  SubtractExpression: '-',
  MultiplyExpression: '*',
  DivideExpression: '/',
  ModuloExpression: '%',
}

export function translateBinary(node: SyntaxNode, context: Context): Sql {
  const { kind } = node
  if (kind === 'AndExpression' || kind === 'OrExpression') {
    const [left, right] = [node.node('Left'), node.node('Right')].map((side) => asBool(translate(side, context)))
    return bool(`(${left?.sql} ${kind === 'AndExpression' ? 'AND' : 'OR'} ${right?.sql})`)
  }
  if (node.node('Left').class === 'StarExpression') throw node.unsupported('A search in all columns (*)')
  const left = translate(node.node('Left'), context)
  const right = translate(node.node('Right'), context)
  const operator = arithmetic[kind]
  if (operator) return compute(operator, left, right, node)
  if (kind === 'EqualExpression' || kind === 'NotEqualExpression') return equal(left, right, kind === 'EqualExpression')
  const comparison = comparisons[kind]
  if (comparison) {
    const [one, other] = alike(left, right)
    return bool(`(${one.sql} ${comparison} ${other.sql})`)
  }
  return textComparison(node, left, right)
}

const bool = (sql: string): Sql => ({ sql, type: 'bool' })
const asBool = (value: Sql): Sql => (value.type === 'bool' ? value : convert(value, 'bool'))

/** Both sides in one type. */
function alike(left: Sql, right: Sql): readonly [Sql, Sql] {
  if (left.type === right.type) {
    // Two dynamic values are compared as texts.
    return left.type === 'dynamic' ? [convert(left, 'string'), convert(right, 'string')] : [left, right]
  }
  if (left.type === 'dynamic') return [convert(left, right.type), right]
  if (right.type === 'dynamic') return [left, convert(right, left.type)]
  if (isNumeric(left.type) && isNumeric(right.type)) return [left, right]
  if (left.type === 'string') return [convert(left, right.type), right]
  if (right.type === 'string') return [left, convert(right, left.type)]
  return [left, right]
}

/** Two nulls are neither equal nor different; a null and a value are different. */
export function equal(left: Sql, right: Sql, wanted: boolean): Sql {
  const [one, other] = alike(left, right)
  if (one.type === 'string') return bool(`(${one.sql} ${wanted ? '=' : '<>'} ${other.sql})`)
  const operator = wanted ? 'IS' : 'IS NOT'
  const known = (value: Sql): boolean => value.constant !== undefined && value.constant !== null
  if (known(one) || known(other)) return bool(`(${one.sql} ${operator} ${other.sql})`)
  return bool(
    `CASE WHEN ${one.sql} IS NULL AND ${other.sql} IS NULL THEN NULL ELSE ${one.sql} ${operator} ${other.sql} END`,
  )
}

function compute(operator: '+' | '-' | '*' | '/' | '%', left: Sql, right: Sql, node: SyntaxNode): Sql {
  const { type } = node
  const [one, other] = [left, right].map((side) =>
    side.type === 'dynamic' ? convert(side, numberFor(type)) : side,
  ) as [Sql, Sql]
  const times = one.type === 'timespan' || one.type === 'datetime' || other.type === 'timespan'
  if (operator === '%') {
    if (one.type === 'real' || other.type === 'real') throw node.unsupported('The remainder of a real')
    return { sql: `kql_mod(${one.sql}, ${other.sql})`, type }
  }
  if (operator === '/' && (type === 'real' || one.type === 'real' || other.type === 'real')) {
    return { sql: divide(`CAST(${one.sql} AS REAL)`, other.sql, times && type === 'timespan'), type }
  }
  const sql = `(${one.sql} ${operator} ${other.sql})`
  if (!times) return { sql, type }
  // A time span times a real is a whole number of ticks.
  return { sql: one.type === 'real' || other.type === 'real' ? `CAST(${sql} AS INTEGER)` : sql, type }
}

const numberFor = (type: ScalarType): ScalarType => (isNumeric(type) ? type : 'real')

/** SQLite answers NULL for a division by zero, KQL infinity. */
function divide(left: string, right: string, whole: boolean): string {
  const infinite = `CASE WHEN ${left} > 0 THEN 9e999 WHEN ${left} < 0 THEN -9e999 END`
  const sql = `CASE WHEN ${right} = 0 THEN ${infinite} ELSE ${left} / ${right} END`
  return whole ? `CAST(${sql} AS INTEGER)` : sql
}

interface TextOperator {
  readonly name: string
  readonly negated: boolean
  readonly sensitive: boolean
}

/** `NotHasPrefixCsExpression` is the operator HasPrefix, negated, case-sensitive. */
export function textOperator(kind: string): TextOperator | undefined {
  const match = /^(Not)?(Has|HasPrefix|HasSuffix|Contains|StartsWith|EndsWith)(Cs)?Expression$/.exec(kind)
  if (!match) return undefined
  return { name: match[2] ?? '', negated: match[1] !== undefined, sensitive: match[3] !== undefined }
}

function textComparison(node: SyntaxNode, left: Sql, right: Sql): Sql {
  const { kind } = node
  const [one, other] = [convert(left, 'string'), convert(right, 'string')]
  if (kind === 'EqualTildeExpression') return bool(equalFolded(one, other))
  if (kind === 'BangTildeExpression') return bool(`NOT ${equalFolded(one, other)}`)
  if (kind === 'MatchesRegexExpression') {
    checkPattern(node.node('Right'), other)
    return bool(`kql_matches(${one.sql}, ${other.sql})`)
  }
  const operator = textOperator(kind)
  if (!operator) throw node.unsupported(`This operator (${kind.replace(/Expression$/, '')})`)
  const sql = textTest(operator, one, other)
  return bool(operator.negated ? `(NOT ${sql})` : sql)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is just what is meant.
const ascii = /^[\x01-\x7f]*$/

/** SQLite's own LIKE folds ASCII letters, as KQL does for a text of ASCII: much faster than a function of ours. */
function textTest({ name, sensitive }: TextOperator, text: Sql, part: Sql): string {
  const flag = sensitive ? 1 : 0
  if (typeof part.constant === 'string' && ascii.test(part.constant)) {
    if (name === 'Contains' && sensitive) return `(instr(${text.sql}, ${part.sql}) > 0)`
    if (!sensitive) {
      if (name === 'Contains') return like(text.sql, `%${likeText(part.constant)}%`)
      if (name === 'StartsWith') return like(text.sql, `${likeText(part.constant)}%`)
      if (name === 'EndsWith') return like(text.sql, `%${likeText(part.constant)}`)
    }
  }
  const functions: Readonly<Record<string, string>> = {
    Has: 'kql_has',
    HasPrefix: 'kql_has_prefix',
    HasSuffix: 'kql_has_suffix',
    Contains: 'kql_contains',
    StartsWith: 'kql_starts',
    EndsWith: 'kql_ends',
  }
  return `${functions[name]}(${text.sql}, ${part.sql}, ${flag})`
}

const likeText = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')
const like = (sql: string, pattern: string): string => `(${sql} LIKE ${sqlString(pattern)} ESCAPE '\\')`

function equalFolded(one: Sql, other: Sql): string {
  if (typeof other.constant === 'string' && ascii.test(other.constant)) return like(one.sql, likeText(other.constant))
  return `kql_equals_folded(${one.sql}, ${other.sql})`
}

/** A pattern that the query says is checked at once, so that the error has its position. */
export function checkPattern(node: SyntaxNode, pattern: Sql): void {
  if (typeof pattern.constant !== 'string') throw node.unsupported('A regular expression that is not a literal')
  const problem = regexError(pattern.constant)
  if (problem !== undefined) throw node.semantic(`The regular expression is not valid: ${problem}`)
}

/** `in`, `!in`, `in~`, `!in~`: a list of values, a dynamic array, or a table's first column. */
export function translateIn(node: SyntaxNode, context: Context): Sql {
  const operator = node.token('Operator')
  const negated = operator.startsWith('!')
  const folded = operator.endsWith('~')
  const left = translate(node.node('Left'), context)
  const candidates = node.node('Right').list('Expressions')
  const sets = candidates.map((candidate) => memberTest(left, candidate, folded && left.type === 'string', context))
  const sql = `(${sets.join(' OR ')})`
  return bool(negated ? `(NOT ${sql})` : sql)
}

function memberTest(left: Sql, candidate: SyntaxNode, folded: boolean, context: Context): string {
  const fold = (sql: string): string => (folded ? `kql_lower(${sql})` : sql)
  if (isTable(candidate, context)) {
    const relation = translateTable(candidate, context)
    const type = relation.columns[0]?.type ?? left.type
    const member = convert({ sql: 'c0', type }, left.type)
    return `(${fold(left.sql)} IN (SELECT ${fold(member.sql)} FROM (${relation.sql})))`
  }
  const value = translate(candidate, context)
  if (value.type === 'dynamic' && left.type !== 'dynamic') {
    const member = convert({ sql: 'kql_get(items.json, items.position)', type: 'dynamic' }, left.type)
    const positions = `SELECT ${value.sql} AS json, key AS position FROM json_each(coalesce(${value.sql}, '[]'))`
    return `(${fold(left.sql)} IN (SELECT ${fold(member.sql)} FROM (${positions}) AS items))`
  }
  return folded ? equalFolded(left, convert(value, 'string')) : equal(left, value, true).sql
}

function isTable(node: SyntaxNode, context: Context): boolean {
  if (node.isTabular) return true
  return node.class === 'NameReference' && context.environment.get(node.name)?.kind === 'table'
}

/** `has_any`, `has_all`. */
export function translateHasAny(node: SyntaxNode, context: Context): Sql {
  const left = convert(translate(node.node('Left'), context), 'string')
  const tests = node
    .node('Right')
    .list('Expressions')
    .map((candidate) => {
      const value = translate(candidate, context)
      if (value.type !== 'dynamic') return `kql_has(${left.sql}, ${convert(value, 'string').sql}, 0)`
      const quantifier = node.class === 'HasAllExpression' ? 'min' : 'max'
      return `coalesce((SELECT ${quantifier}(kql_has(${left.sql}, CAST(value AS TEXT), 0)) FROM json_each(coalesce(${value.sql}, '[]'))), 0)`
    })
  return bool(`(${tests.join(node.class === 'HasAllExpression' ? ' AND ' : ' OR ')})`)
}

export function translateBetween(node: SyntaxNode, context: Context): Sql {
  const value = translate(node.node('Left'), context)
  const couple = node.node('Right')
  const first = translate(couple.node('First'), context)
  const second = translate(couple.node('Second'), context)
  // `between (datetime .. timespan)` means that long from the first.
  const last = value.type === 'datetime' && second.type === 'timespan' ? `(${first.sql} + ${second.sql})` : second.sql
  const sql = `(${value.sql} BETWEEN ${first.sql} AND ${last})`
  return bool(node.kind === 'NotBetweenExpression' ? `(NOT ${sql})` : sql)
}
