/** The query API over the JSON values of v1 (components-contrib common/component/postgresql/v1/postgresql_query.go). */
import { ComponentError } from '../../component-error.ts'
import { parseGoInt } from '../../go/strconv.ts'
import type { QueryStateResult } from '../../state-store.ts'
import { type Comparison, type Filter, goText, type StateQuery } from '../query.ts'
import type { Layout } from './layout.ts'
import type { Database } from './pool.ts'

export async function queryTable(
  database: Database,
  { table, etagColumn }: Layout,
  { filter, sort, limit, token }: StateQuery,
  signal: AbortSignal,
): Promise<QueryStateResult> {
  const values: string[] = []
  const where = filter === undefined ? '' : ` WHERE ${condition(filter, values)}`
  const order = sort.map(({ key, order: direction }) => `${field(key)} ${direction}`.trim()).join(', ')
  const skip = token === '' ? 0 : parseGoInt(token, 64)
  if (typeof skip !== 'number') throw new ComponentError(skip.error)
  const sql = [
    `SELECT key, value::text AS value, ${etagColumn} AS etag FROM ${table}${where}`,
    order === '' ? '' : `ORDER BY ${order}`,
    limit > 0 ? `LIMIT ${limit}` : '',
    token === '' ? '' : `OFFSET ${skip}`,
  ].join(' ')
  const { rows } = await database.query(sql, values, signal)
  return {
    items: rows.map(({ key, value, etag }) => ({
      key: String(key),
      data: Buffer.from(String(value)),
      etag: String(etag),
    })),
    token: limit > 0 ? String(skip + rows.length) : '',
  }
}

const operators: Readonly<Record<Comparison, string>> = {
  EQ: '=',
  NEQ: '!=',
  GT: '>',
  GTE: '>=',
  LT: '<',
  LTE: '<=',
}

/** Values are compared as text, as daprd does. `values` gets the parameters. */
function condition(filter: Filter, values: string[]): string {
  switch (filter.operator) {
    case 'AND':
    case 'OR':
      return `(${filter.filters.map((part) => condition(part, values)).join(` ${filter.operator} `)})`
    case 'IN': {
      if (filter.values.length === 0) throw new ComponentError(`empty IN operator for key "${filter.key}"`)
      return `(${filter.values.map((value) => compared(filter.key, '=', value, values)).join(' OR ')})`
    }
    case 'EQ':
    case 'NEQ':
      return compared(filter.key, operators[filter.operator], filter.value, values)
    default:
      if (typeof filter.value === 'string') {
        throw new ComponentError(`unsupported type of value ${filter.value}; string type not permitted`)
      }
      return compared(filter.key, operators[filter.operator], filter.value, values)
  }
}

function compared(key: string, operator: string, value: unknown, values: string[]): string {
  const position = values.push(goText(value))
  return `${field(key)}${operator}$${position}`
}

/** `a.b` is the text of the value's member `b` of its member `a`. */
function field(key: string): string {
  const parts = key.split('.').map((part) => `'${part.replaceAll("'", "''")}'`)
  const last = parts.pop()
  return `${['value', ...parts].join('->')}->>${last}`
}
