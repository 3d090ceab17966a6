/** Turns a value of one KQL type into another, as the language's own conversions do. */
import { literal, type Sql } from './sql.ts'
import type { ScalarType } from './types.ts'

/** NULL where a value can not be turned; '' for a string, which is never NULL. */
export function convert(value: Sql, type: ScalarType): Sql {
  if (value.type === type) return value
  if (value.constant === null) return type === 'string' ? literal('', type) : { sql: 'NULL', type, constant: null }
  const sql = conversion(value, type)
  return { sql, type }
}

function conversion({ sql, type: from }: Sql, to: ScalarType): string {
  if (to === 'string') return `coalesce(${toText(sql, from)}, '')`
  if (to === 'dynamic') return toDynamic(sql, from)
  if (from === 'string') return `kql_text_${to}(${sql})`
  if (from === 'dynamic') return `kql_dynamic_${to}(${sql})`
  switch (to) {
    case 'real':
      // A timespan as a number counts days, as it does when a number becomes a timespan.
      return from === 'timespan' ? `(${sql} / 864000000000.0)` : `CAST(${sql} AS REAL)`
    case 'int':
      return `CASE WHEN ${sql} BETWEEN -2147483648 AND 2147483647 THEN CAST(${sql} AS INTEGER) END`
    case 'long':
      return from === 'real'
        ? `CASE WHEN ${sql} > -9223372036854775808.0 AND ${sql} < 9223372036854775808.0 THEN CAST(${sql} AS INTEGER) END`
        : sql
    case 'bool':
      return `(${sql} <> 0)`
    case 'datetime':
    case 'timespan':
      return from === 'datetime' || from === 'timespan' || from === 'long' || from === 'int' ? sql : 'NULL'
    default:
      return 'NULL'
  }
}

function toText(sql: string, from: ScalarType): string {
  switch (from) {
    case 'bool':
      return `CASE ${sql} WHEN 1 THEN 'True' WHEN 0 THEN 'False' END`
    case 'real':
      return `kql_real_text(${sql})`
    case 'datetime':
      return `kql_datetime_text(${sql})`
    case 'timespan':
      return `kql_timespan_text(${sql})`
    case 'dynamic':
      return `kql_text(${sql})`
    default:
      return `CAST(${sql} AS TEXT)`
  }
}

function toDynamic(sql: string, from: ScalarType): string {
  switch (from) {
    case 'string':
    case 'guid':
      return `json_quote(${sql})`
    case 'bool':
      return `CASE ${sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END`
    case 'real':
      return `kql_real_json(${sql})`
    case 'datetime':
      return `json_quote(kql_datetime_text(${sql}))`
    case 'timespan':
      return `json_quote(kql_timespan_text(${sql}))`
    default:
      return `CAST(${sql} AS TEXT)`
  }
}
