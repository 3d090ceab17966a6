/** The aggregates of `summarize`: each as one column or more. */
import { type Context, translate } from './context.ts'
import { convert } from './conversion.ts'
import type { Sql } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'
import type { ScalarType } from './types.ts'

export interface AggregateContext extends Context {
  /** What `*` stands for: the columns that are not grouped by. */
  readonly others: () => readonly Sql[]
  /** How a list keeps the order of its rows; empty when they have none. */
  readonly order: string
}

interface Call {
  readonly node: SyntaxNode
  readonly name: string
  readonly arguments: readonly SyntaxNode[]
  readonly context: AggregateContext
  readonly type: () => ScalarType
}

type Translate = (call: Call) => readonly Sql[]

function argument(call: Call, index: number): Sql {
  const node = call.arguments[index]
  if (!node) throw call.node.semantic(`${call.name}(): an argument is missing.`)
  return translate(node, call.context)
}

/** A filter on the rows that one aggregate sees. */
const only = (call: Call, index: number): string => ` FILTER (WHERE ${convert(argument(call, index), 'bool').sql})`

const one = (sql: string, type: ScalarType): readonly Sql[] => [{ sql, type }]

/** A number, time or time span over the rows; the condition is the argument behind, when there is one. */
const over =
  (sql: string, conditional: boolean, fixed?: ScalarType): Translate =>
  (call) => {
    const value = argument(call, 0)
    const input = value.type === 'dynamic' || fixed === 'real' ? convert(value, 'real') : value
    const type = fixed ?? call.type()
    const result = `${sql}(${input.sql})${conditional ? only(call, 1) : ''}`
    // The average of times is a time again, of whole ticks.
    return one(type === 'datetime' || type === 'timespan' ? `CAST(${result} AS INTEGER)` : result, type)
  }

/** A sum of nothing is null in SQLite, zero in KQL. */
const sum =
  (conditional: boolean): Translate =>
  (call) =>
    over('sum', conditional)(call).map(({ sql, type }) => ({ sql: `coalesce(${sql}, 0)`, type }))

const average =
  (conditional: boolean): Translate =>
  (call) => {
    const { type } = argument(call, 0)
    return over('avg', conditional, type === 'datetime' || type === 'timespan' ? type : undefined)(call)
  }

const extreme =
  (sql: 'min' | 'max', conditional: boolean): Translate =>
  (call) => {
    const value = argument(call, 0)
    const text = `${sql}(${value.sql})${conditional ? only(call, 1) : ''}`
    return one(value.type === 'string' ? `coalesce(${text}, '')` : text, value.type)
  }

const distinct =
  (condition?: number): Translate =>
  (call) =>
    one(`count(DISTINCT ${argument(call, 0).sql})${condition === undefined ? '' : only(call, condition)}`, 'long')

const gather =
  (sql: 'kql_make_list' | 'kql_make_set', conditional: boolean): Translate =>
  (call) => {
    const item = convert(argument(call, 0), 'dynamic')
    const limitAt = conditional ? 2 : 1
    const limit = call.arguments[limitAt] ? argument(call, limitAt).sql : 'NULL'
    return one(`${sql}(${item.sql}, ${limit}${call.context.order})${conditional ? only(call, 1) : ''}`, 'dynamic')
  }

/** `arg_max(key, *)` or `arg_max(key, columns)`: the key's extreme, then what stands beside it. */
const beside =
  (sql: 'kql_arg_max' | 'kql_arg_min'): Translate =>
  (call) => {
    const key = argument(call, 0)
    const values = call.arguments
      .slice(1)
      .flatMap((node) =>
        node.class === 'StarExpression'
          ? call.context.others().filter((column) => column.sql !== key.sql)
          : [translate(node, call.context)],
      )
    return [
      { sql: `${sql === 'kql_arg_max' ? 'max' : 'min'}(${key.sql})`, type: key.type },
      ...values.map((value) => emptyForNull({ sql: `${sql}(${key.sql}, ${value.sql})`, type: value.type })),
    ]
  }

const emptyForNull = (value: Sql): Sql =>
  value.type === 'string' ? { ...value, sql: `coalesce(${value.sql}, '')` } : value

const any: Translate = (call) =>
  call.arguments
    .flatMap((node) => (node.class === 'StarExpression' ? call.context.others() : [translate(node, call.context)]))
    .map((value) => emptyForNull({ sql: `kql_any(${value.sql})`, type: value.type }))

const percentiles: Translate = (call) => {
  const value = argument(call, 0)
  return call.arguments.slice(1).map((_, index) => ({
    sql: `kql_percentile(${value.sql}, ${argument(call, index + 1).sql})`,
    type: value.type,
  }))
}

const aggregates: Readonly<Record<string, Translate>> = {
  count: () => one('count(*)', 'long'),
  countif: (call) => one(`count(*)${only(call, 0)}`, 'long'),
  sum: sum(false),
  sumif: sum(true),
  avg: average(false),
  avgif: average(true),
  min: extreme('min', false),
  minif: extreme('min', true),
  max: extreme('max', false),
  maxif: extreme('max', true),
  dcount: distinct(),
  dcountif: distinct(1),
  count_distinct: distinct(),
  count_distinctif: distinct(1),
  make_list: gather('kql_make_list', false),
  make_list_if: gather('kql_make_list', true),
  makelist: gather('kql_make_list', false),
  make_set: gather('kql_make_set', false),
  make_set_if: gather('kql_make_set', true),
  makeset: gather('kql_make_set', false),
  arg_max: beside('kql_arg_max'),
  arg_min: beside('kql_arg_min'),
  argmax: beside('kql_arg_max'),
  argmin: beside('kql_arg_min'),
  take_any: any,
  any,
  percentile: percentiles,
  percentiles,
  stdev: over('kql_stdev', false, 'real'),
  stdevif: over('kql_stdev', true, 'real'),
  variance: over('kql_variance', false, 'real'),
  varianceif: over('kql_variance', true, 'real'),
}

/** The columns of one entry of `summarize`: an aggregate, or an expression over aggregates. */
export function translateAggregate(node: SyntaxNode, context: AggregateContext): readonly Sql[] {
  if (node.class === 'SimpleNamedExpression') return translateAggregate(node.node('Expression'), context)
  if (node.class === 'ParenthesizedExpression') return translateAggregate(node.node('Expression'), context)
  if (node.class === 'FunctionCallExpression') {
    const name = node.node('Name').name
    const translated = aggregates[name]
    if (translated) {
      const list = node.node('ArgumentList').list('Expressions')
      return translated({ node, name, arguments: list, context, type: () => node.type })
    }
  }
  throw node.unsupported('An expression around aggregates within summarize (use extend after it)')
}
