/** KQL's scalar functions: each as what it makes of its arguments. */
import { convert } from './conversion.ts'
import { checkPattern } from './scalar-operators.ts'
import { literal, type Sql, sqlString } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'
import type { ScalarType } from './types.ts'

export interface Call {
  readonly name: string
  readonly arguments: readonly Sql[]
  readonly argumentNodes: readonly SyntaxNode[]
  readonly node: SyntaxNode
  /** The type that the language gives the call. */
  readonly type: () => ScalarType
  /** Ticks. */
  readonly now: bigint
}

type Translate = (call: Call) => Sql

const at = (call: Call, index: number): Sql => {
  const value = call.arguments[index]
  if (!value) throw call.node.semantic(`${call.name}(): an argument is missing.`)
  return value
}
const as = (call: Call, index: number, type: ScalarType): string => convert(at(call, index), type).sql
const optional = (call: Call, index: number, type: ScalarType, otherwise: string): string =>
  call.arguments[index] ? as(call, index, type) : otherwise

/** A function whose arguments have fixed types and whose SQL is a call of the same form. */
function plain(sql: string, types: readonly ScalarType[], result: ScalarType): Translate {
  return (call) => ({ sql: `${sql}(${types.map((type, index) => as(call, index, type)).join(', ')})`, type: result })
}

const to =
  (type: ScalarType): Translate =>
  (call) =>
    convert(at(call, 0), type)

/** A constant that shapes the translation. */
function constantText(call: Call, index: number): string {
  const value = at(call, index).constant
  if (typeof value === 'string') return value
  throw (call.argumentNodes[index] ?? call.node).unsupported('A value that is not a literal')
}

/** The same type for all results, as the language says it. */
function choice(call: Call, values: readonly Sql[]): readonly string[] {
  const type = call.type()
  return values.map((value) => convert(value, type).sql)
}

const conditional: Translate = (call) => {
  const [yes, no] = choice(call, [at(call, 1), at(call, 2)])
  return { sql: `CASE WHEN ${as(call, 0, 'bool')} THEN ${yes} ELSE ${no} END`, type: call.type() }
}

const caseOf: Translate = (call) => {
  const type = call.type()
  const branches: string[] = []
  for (let index = 0; index + 1 < call.arguments.length; index += 2) {
    branches.push(`WHEN ${as(call, index, 'bool')} THEN ${as(call, index + 1, type)}`)
  }
  return { sql: `CASE ${branches.join(' ')} ELSE ${as(call, call.arguments.length - 1, type)} END`, type }
}

/** An empty string counts as nothing, as a null does. */
const coalesce: Translate = (call) => {
  const type = call.type()
  const values = choice(call, call.arguments)
  if (type !== 'string') return { sql: `coalesce(${values.join(', ')}, NULL)`, type }
  return { sql: `coalesce(${values.map((value) => `nullif(${value}, '')`).join(', ')}, '')`, type }
}

const isNull =
  (wanted: boolean): Translate =>
  (call) => {
    const value = at(call, 0)
    // A string is never null.
    const sql = value.type === 'string' ? (wanted ? '0' : '1') : `(${value.sql} IS ${wanted ? '' : 'NOT '}NULL)`
    return { sql, type: 'bool' }
  }

const isEmpty =
  (wanted: boolean): Translate =>
  (call) => ({ sql: `(${as(call, 0, 'string')} ${wanted ? '=' : '<>'} '')`, type: 'bool' })

const bin: Translate = (call) => {
  const [value, size] = [at(call, 0), at(call, 1)]
  const type = call.type()
  if (value.type === 'real' || size.type === 'real') {
    const [number, step] = [convert(value, 'real').sql, convert(size, 'real').sql]
    return { sql: `(floor(${number} / ${step}) * ${step})`, type }
  }
  return { sql: `(${value.sql} - kql_mod(${value.sql}, ${size.sql}))`, type }
}

const binAt: Translate = (call) => {
  const [value, size, fixed] = [at(call, 0), at(call, 1), at(call, 2)]
  const type = call.type()
  if (type === 'real') {
    const [number, step, start] = [value, size, fixed].map((one) => convert(one, 'real').sql)
    return { sql: `(${start} + floor((${number} - ${start}) / ${step}) * ${step})`, type }
  }
  return { sql: `(${value.sql} - kql_mod(${value.sql} - ${fixed.sql}, ${size.sql}))`, type }
}

const extreme =
  (sql: 'min' | 'max'): Translate =>
  (call) => {
    const values = choice(call, call.arguments)
    // A null is passed over, while SQLite's function of several arguments would answer NULL.
    const rows = values.map((value) => `SELECT ${value} AS v`).join(' UNION ALL ')
    return { sql: `(SELECT ${sql}(v) FROM (${rows}))`, type: call.type() }
  }

const numeric =
  (sql: string): Translate =>
  (call) => ({ sql: `${sql}(${as(call, 0, 'real')})`, type: 'real' })

/** The type of the argument is kept. */
const sameType =
  (sql: string): Translate =>
  (call) => ({ sql: `${sql}(${at(call, 0).sql})`, type: at(call, 0).type })

const period =
  (sql: 'kql_start_of' | 'kql_end_of', name: string): Translate =>
  (call) => ({
    sql: `${sql}(${as(call, 0, 'datetime')}, '${name}', ${optional(call, 1, 'long', '0')})`,
    type: 'datetime',
  })

const datePart =
  (name: string): Translate =>
  (call) => ({ sql: `kql_part(${as(call, 0, 'datetime')}, '${name}')`, type: call.type() })

const fromUnix =
  (ticks: string): Translate =>
  (call) => ({
    sql: `(621355968000000000 + CAST(${as(call, 0, 'real')} * ${ticks} AS INTEGER))`,
    type: 'datetime',
  })

const concatenate =
  (delimiter: (call: Call) => string | undefined, skip: number): Translate =>
  (call) => {
    const between = delimiter(call)
    const texts = call.arguments.slice(skip).map((value) => convert(value, 'string').sql)
    return { sql: `(${texts.join(between === undefined ? ' || ' : ` || ${between} || `)})`, type: 'string' }
  }

const pattern =
  (index: number, build: (call: Call) => Sql): Translate =>
  (call) => {
    checkPattern(call.argumentNodes[index] ?? call.node, at(call, index))
    return build(call)
  }

const trim = (where: 'both' | 'start' | 'end'): Translate =>
  pattern(0, (call) => ({
    sql: `kql_trim(${as(call, 0, 'string')}, ${as(call, 1, 'string')}, '${where}')`,
    type: 'string',
  }))

const extract: Translate = pattern(0, (call) => {
  const text: Sql = {
    sql: `kql_extract(${as(call, 0, 'string')}, ${as(call, 1, 'long')}, ${as(call, 2, 'string')})`,
    type: 'string',
  }
  return convert(text, call.type())
})

const countOf: Translate = (call) => {
  if (call.arguments.length > 2 && constantText(call, 2) === 'regex') {
    checkPattern(call.argumentNodes[1] ?? call.node, at(call, 1))
    return { sql: `kql_count_regex(${as(call, 0, 'string')}, ${as(call, 1, 'string')})`, type: 'long' }
  }
  return { sql: `kql_count_of(${as(call, 0, 'string')}, ${as(call, 1, 'string')})`, type: 'long' }
}

const split: Translate = (call) => {
  const parts: Sql = { sql: `kql_split(${as(call, 0, 'string')}, ${as(call, 1, 'string')})`, type: 'dynamic' }
  if (call.arguments.length < 3) return parts
  return { sql: `kql_array_slice(${parts.sql}, ${as(call, 2, 'long')}, ${as(call, 2, 'long')})`, type: 'dynamic' }
}

const pack: Translate = (call) => {
  const words = call.arguments.map((value, index) => convert(value, index % 2 === 0 ? 'string' : 'dynamic').sql)
  return { sql: `kql_bag(${words.join(', ')})`, type: 'dynamic' }
}

const packArray: Translate = (call) => ({
  sql: `kql_array(${call.arguments.map((value) => convert(value, 'dynamic').sql).join(', ')})`,
  type: 'dynamic',
})

/** A dynamic is what it is; a text is read as JSON. */
const parseJson: Translate = (call) =>
  at(call, 0).type === 'dynamic' ? at(call, 0) : plain('kql_parse_json', ['string'], 'dynamic')(call)

const typeName: Translate = (call) => {
  const { type, sql } = at(call, 0)
  return { sql: type === 'dynamic' ? `coalesce(kql_json_type(${sql}), 'null')` : sqlString(type), type: 'string' }
}

const round: Translate = (call) => ({
  sql: `round(${as(call, 0, 'real')}, ${optional(call, 1, 'long', '0')})`,
  type: call.type(),
})

const log: Translate = (call) => ({ sql: `ln(${as(call, 0, 'real')})`, type: 'real' })

const bits =
  (operator: string): Translate =>
  (call) => ({ sql: `(${as(call, 0, 'long')} ${operator} ${as(call, 1, 'long')})`, type: 'long' })

const xor: Translate = (call) => {
  const [one, other] = [as(call, 0, 'long'), as(call, 1, 'long')]
  return { sql: `((${one} | ${other}) - (${one} & ${other}))`, type: 'long' }
}

export const scalarFunctions: Readonly<Record<string, Translate>> = {
  // Conversions
  tostring: to('string'),
  tolong: to('long'),
  toint: to('int'),
  toreal: to('real'),
  todouble: to('real'),
  tobool: to('bool'),
  toboolean: to('bool'),
  todatetime: to('datetime'),
  totimespan: to('timespan'),
  toguid: to('guid'),
  gettype: typeName,

  // Conditions
  iff: conditional,
  iif: conditional,
  case: caseOf,
  coalesce,
  isnull: isNull(true),
  isnotnull: isNull(false),
  isempty: isEmpty(true),
  isnotempty: isEmpty(false),
  notempty: isEmpty(false),
  not: (call) => ({ sql: `(NOT ${as(call, 0, 'bool')})`, type: 'bool' }),
  min_of: extreme('min'),
  max_of: extreme('max'),

  // Numbers
  bin,
  bin_at: binAt,
  floor: (call) => (call.arguments.length > 1 ? bin(call) : numeric('floor')(call)),
  ceiling: numeric('ceil'),
  abs: sameType('abs'),
  sign: (call) => ({ sql: `sign(${at(call, 0).sql})`, type: call.type() }),
  round,
  sqrt: numeric('sqrt'),
  exp: numeric('exp'),
  exp2: (call) => ({ sql: `power(2.0, ${as(call, 0, 'real')})`, type: 'real' }),
  exp10: (call) => ({ sql: `power(10.0, ${as(call, 0, 'real')})`, type: 'real' }),
  log,
  log10: numeric('log10'),
  log2: numeric('log2'),
  pow: plain('power', ['real', 'real'], 'real'),
  pi: () => literal(Math.PI, 'real'),
  isinf: (call) => ({ sql: `coalesce(abs(${as(call, 0, 'real')}) = 9e999, 0)`, type: 'bool' }),
  isfinite: (call) => ({ sql: `coalesce(abs(${as(call, 0, 'real')}) < 9e999, 0)`, type: 'bool' }),
  binary_and: bits('&'),
  binary_or: bits('|'),
  binary_xor: xor,
  binary_shift_left: bits('<<'),
  binary_shift_right: bits('>>'),
  binary_not: (call) => ({ sql: `(~${as(call, 0, 'long')})`, type: 'long' }),

  // Strings
  strlen: (call) => ({ sql: `length(${as(call, 0, 'string')})`, type: 'long' }),
  string_size: (call) => ({ sql: `length(CAST(${as(call, 0, 'string')} AS BLOB))`, type: 'long' }),
  strcat: concatenate(() => undefined, 0),
  strcat_delim: concatenate((call) => as(call, 0, 'string'), 1),
  strrep: (call) => ({
    sql: `kql_repeat(${as(call, 0, 'string')}, ${as(call, 1, 'long')}, ${optional(call, 2, 'string', "''")})`,
    type: 'string',
  }),
  strcmp: (call) => {
    const [one, other] = [as(call, 0, 'string'), as(call, 1, 'string')]
    return { sql: `CASE WHEN ${one} < ${other} THEN -1 WHEN ${one} > ${other} THEN 1 ELSE 0 END`, type: call.type() }
  },
  tolower: plain('kql_lower', ['string'], 'string'),
  toupper: plain('kql_upper', ['string'], 'string'),
  substring: (call) => ({
    sql: `kql_substring(${as(call, 0, 'string')}, ${as(call, 1, 'long')}, ${optional(call, 2, 'long', 'NULL')})`,
    type: 'string',
  }),
  indexof: (call) => ({
    sql: `kql_index_of(${as(call, 0, 'string')}, ${as(call, 1, 'string')}, ${optional(call, 2, 'long', '0')}, ${optional(call, 3, 'long', '-1')}, ${optional(call, 4, 'long', '1')})`,
    type: call.type(),
  }),
  countof: countOf,
  split,
  trim: trim('both'),
  trim_start: trim('start'),
  trim_end: trim('end'),
  replace_string: plain('kql_replace', ['string', 'string', 'string'], 'string'),
  replace_regex: pattern(1, plain('kql_replace_regex', ['string', 'string', 'string'], 'string')),
  replace: pattern(0, (call) => ({
    sql: `kql_replace_regex(${as(call, 2, 'string')}, ${as(call, 0, 'string')}, ${as(call, 1, 'string')})`,
    type: 'string',
  })),
  extract,
  reverse: plain('kql_reverse', ['string'], 'string'),
  base64_encode_tostring: plain('kql_base64_encode', ['string'], 'string'),
  base64_decode_tostring: (call) => ({
    sql: `coalesce(kql_base64_decode(${as(call, 0, 'string')}), '')`,
    type: 'string',
  }),
  url_encode: plain('kql_url_encode', ['string'], 'string'),
  url_decode: plain('kql_url_decode', ['string'], 'string'),
  hash_sha256: plain('kql_sha256', ['string'], 'string'),
  hash_md5: plain('kql_md5', ['string'], 'string'),

  // Times
  now: (call) => {
    const now = literal(call.now, 'datetime')
    return call.arguments[0] ? { sql: `(${now.sql} + ${as(call, 0, 'timespan')})`, type: 'datetime' } : now
  },
  ago: (call) => ({ sql: `(${call.now} - ${as(call, 0, 'timespan')})`, type: 'datetime' }),
  startofday: period('kql_start_of', 'day'),
  startofweek: period('kql_start_of', 'week'),
  startofmonth: period('kql_start_of', 'month'),
  startofyear: period('kql_start_of', 'year'),
  endofday: period('kql_end_of', 'day'),
  endofweek: period('kql_end_of', 'week'),
  endofmonth: period('kql_end_of', 'month'),
  endofyear: period('kql_end_of', 'year'),
  dayofweek: plain('kql_day_of_week', ['datetime'], 'timespan'),
  dayofmonth: datePart('day'),
  dayofyear: datePart('dayofyear'),
  hourofday: datePart('hour'),
  monthofyear: datePart('month'),
  getmonth: datePart('month'),
  getyear: datePart('year'),
  week_of_year: datePart('week_of_year'),
  weekofyear: datePart('week_of_year'),
  datetime_part: (call) => ({
    sql: `kql_part(${as(call, 1, 'datetime')}, ${as(call, 0, 'string')})`,
    type: call.type(),
  }),
  datetime_add: plain('kql_datetime_add', ['string', 'long', 'datetime'], 'datetime'),
  datetime_diff: plain('kql_datetime_diff', ['string', 'datetime', 'datetime'], 'long'),
  make_datetime: (call) => ({
    sql: `kql_make_datetime(${call.arguments.map((value) => value.sql).join(', ')})`,
    type: 'datetime',
  }),
  make_timespan: (call) => {
    const values = call.arguments.map((value) => value.sql)
    const units = [864_000_000_000n, 36_000_000_000n, 600_000_000n, 10_000_000n]
    // Hours and minutes, then seconds; days come first when there are four.
    const used = values.length === 4 ? units : units.slice(1, values.length + 1)
    const terms = values.map((value, index) => `CAST(${value} * ${used[index]} AS INTEGER)`)
    return { sql: `(${terms.join(' + ')})`, type: 'timespan' }
  },
  format_datetime: plain('kql_format_datetime', ['datetime', 'string'], 'string'),
  format_timespan: plain('kql_format_timespan', ['timespan', 'string'], 'string'),
  datetime_utc_to_local: plain('kql_utc_to_local', ['datetime', 'string'], 'datetime'),
  datetime_local_to_utc: plain('kql_local_to_utc', ['datetime', 'string'], 'datetime'),
  unixtime_seconds_todatetime: fromUnix('10000000'),
  unixtime_milliseconds_todatetime: fromUnix('10000'),
  unixtime_microseconds_todatetime: fromUnix('10'),

  // Dynamic values
  parse_json: parseJson,
  parsejson: parseJson,
  todynamic: parseJson,
  toobject: parseJson,
  bag_pack: pack,
  pack,
  pack_array: packArray,
  array_length: plain('kql_array_length', ['dynamic'], 'long'),
  arraylength: plain('kql_array_length', ['dynamic'], 'long'),
  array_concat: (call) => ({
    sql: `kql_array_concat(${call.arguments.map((value) => value.sql).join(', ')})`,
    type: 'dynamic',
  }),
  array_slice: plain('kql_array_slice', ['dynamic', 'long', 'long'], 'dynamic'),
  array_index_of: plain('kql_array_index_of', ['dynamic', 'dynamic'], 'long'),
  array_sort_asc: (call) => ({ sql: `kql_array_sort(${as(call, 0, 'dynamic')}, 0)`, type: 'dynamic' }),
  array_sort_desc: (call) => ({ sql: `kql_array_sort(${as(call, 0, 'dynamic')}, 1)`, type: 'dynamic' }),
  set_has_element: plain('kql_set_has', ['dynamic', 'dynamic'], 'bool'),
  bag_keys: plain('kql_bag_keys', ['dynamic'], 'dynamic'),
  bag_has_key: plain('kql_bag_has_key', ['dynamic', 'string'], 'bool'),
  bag_merge: (call) => ({
    sql: `kql_bag_merge(${call.arguments.map((value) => value.sql).join(', ')})`,
    type: 'dynamic',
  }),
}
