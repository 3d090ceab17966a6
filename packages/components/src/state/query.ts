/** The query of the state API's query call, read into a type (components-contrib state/query). */
import { ComponentError } from '../component-error.ts'
import { formatGoFloat } from '../go/strconv.ts'

export type Comparison = 'EQ' | 'NEQ' | 'GT' | 'GTE' | 'LT' | 'LTE'

export type Filter =
  | { readonly operator: Comparison; readonly key: string; readonly value: unknown }
  | { readonly operator: 'IN'; readonly key: string; readonly values: readonly unknown[] }
  | { readonly operator: 'AND' | 'OR'; readonly filters: readonly Filter[] }

export interface StateQuery {
  readonly filter?: Filter
  readonly sort: readonly { readonly key: string; readonly order: string }[]
  /** 0: no limit. */
  readonly limit: number
  /** Empty: from the start. */
  readonly token: string
}

/**
 * @param json the query's text, already known to be JSON
 * @throws ComponentError with the words of daprd
 */
export function readQuery(json: string): StateQuery {
  const { filter, sort, page } = record(JSON.parse(json), 'state.QueryRequest')
  const filters = filter === undefined || filter === null ? {} : record(filter, 'map[string]interface {}')
  const { limit, token } =
    page === undefined || page === null ? ({} as Record<string, unknown>) : record(page, 'query.Pagination')
  return {
    ...(Object.keys(filters).length > 0 && { filter: readFilter(filters) }),
    sort: list(sort, '[]query.Sorting').map((item) => {
      const { key, order } = record(item, 'query.Sorting')
      return { key: text(key, 'sort.key'), order: sortOrder(text(order, 'sort.order')) }
    }),
    limit: wholeNumber(limit),
    token: text(token, 'page.token'),
  }
}

function readFilter(value: unknown): Filter {
  if (!isRecord(value)) throw new ComponentError('filter unit must be a map')
  const [entry, ...more] = Object.entries(value)
  if (entry === undefined || more.length > 0) throw new ComponentError('filter unit must have a single element')
  const [operator, operand] = entry
  switch (operator) {
    case 'EQ':
    case 'NEQ':
    case 'GT':
    case 'GTE':
    case 'LT':
    case 'LTE': {
      const [key, wanted] = onlyPair(operator, operand)
      return { operator, key, value: wanted }
    }
    case 'IN': {
      const [key, values] = onlyPair(operator, operand)
      if (!Array.isArray(values)) throw new ComponentError('IN filter value must be an array')
      return { operator, key, values }
    }
    case 'AND':
    case 'OR': {
      if (!Array.isArray(operand)) throw new ComponentError(`${operator} filter must be an array`)
      if (operand.length < 2) throw new ComponentError(`${operator} filter must contain at least two entries`)
      return { operator, filters: operand.map(readFilter) }
    }
  }
  throw new ComponentError(`unsupported filter ${JSON.stringify(operator)}`)
}

function onlyPair(operator: string, operand: unknown): [key: string, value: unknown] {
  if (!isRecord(operand)) throw new ComponentError(`${operator} filter must be a map`)
  const [pair, ...more] = Object.entries(operand)
  if (pair === undefined || more.length > 0) {
    throw new ComponentError(`${operator} filter must contain a single key/value pair`)
  }
  return pair
}

/** Go passes it on to the database as it is, which makes it a way into the statement; here it is one of the two words. */
function sortOrder(order: string): string {
  if (!['', 'ASC', 'DESC'].includes(order.toUpperCase())) throw new ComponentError(`invalid sort order: ${order}`)
  return order.toUpperCase()
}

/** A value as Go's `%v` writes it. */
export function goText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return formatGoFloat(value)
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (isRecord(value)) {
    const pairs = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
    return `map[${pairs.map(([key, item]) => `${key}:${goText(item)}`).join(' ')}]`
  }
  return String(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function record(value: unknown, type: string): Record<string, unknown> {
  if (isRecord(value)) return value
  throw mismatch(value, type)
}

function list(value: unknown, type: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw mismatch(value, type)
}

function text(value: unknown, field: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  throw mismatch(value, 'string', field)
}

function wholeNumber(value: unknown): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw mismatch(value, 'int', 'page.limit')
}

function mismatch(value: unknown, type: string, field?: string): ComponentError {
  const kind =
    value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  const place = field === undefined ? 'value' : `struct field QueryFields.${field}`
  return new ComponentError(`json: cannot unmarshal ${kind} into Go ${place} of type ${type}`)
}
