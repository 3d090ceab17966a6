/** Pieces of SQL with the KQL type of their value, and the one place where text becomes a SQL literal. */
import type { ScalarType } from './types.ts'

export interface Sql {
  /** An expression that can stand anywhere: in parentheses where it needs them. */
  readonly sql: string
  readonly type: ScalarType
  /** The value, where the query itself says it. */
  readonly constant?: string | number | bigint | boolean | null
}

export function sqlString(text: string): string {
  // SQLite ends a literal at NUL.
  if (text.includes('\0')) return `CAST(X'${Buffer.from(text).toString('hex')}' AS TEXT)`
  return `'${text.replaceAll("'", "''")}'`
}

export function sqlReal(value: number): string {
  if (Number.isNaN(value)) return 'NULL'
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

export function sqlInteger(value: bigint): string {
  // The most negative integer can not be written as the minus of a positive one.
  return value === -(2n ** 63n) ? '(-9223372036854775807 - 1)' : String(value)
}

export function literal(value: string | number | bigint | boolean | null, type: ScalarType): Sql {
  return { sql: sqlOf(value), type, constant: value }
}

function sqlOf(value: string | number | bigint | boolean | null): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return sqlString(value)
  if (typeof value === 'number') return sqlReal(value)
  if (typeof value === 'bigint') return sqlInteger(value)
  return value ? '1' : '0'
}
