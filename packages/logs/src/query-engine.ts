/** Runs queries on a connection of SQLite and gives their rows as the query API writes them. */
import type { DatabaseSync } from 'node:sqlite'
import type { TableSource, TimeRange } from './kql/relation.ts'
import { formatDateTime, formatTimeSpan, ticksOfUnixMs } from './kql/time.ts'
import { QueryTranslator } from './kql/translation.ts'
import type { Column, ScalarType } from './kql/types.ts'
import { registerFunctions } from './sql-functions/registration.ts'

export type WireValue = string | number | boolean | null | bigint

export interface QueryResult {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly WireValue[])[]
  readonly render: string | undefined
  /** Whether rows are missing because there were more than the limit. */
  readonly truncated: boolean
}

export interface QueryOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The most that are answered. */
  readonly rows: number
  /** What of the stored tables is seen. */
  readonly range?: TimeRange | undefined
}

export class QueryEngine {
  readonly #database: DatabaseSync
  readonly #translator: QueryTranslator

  constructor(database: DatabaseSync, sources: readonly TableSource[]) {
    registerFunctions(database)
    this.#database = database
    this.#translator = new QueryTranslator(sources)
  }

  /** Throws {@link KqlError}, or SQLite's error for what fails under way. */
  run(query: string, { now, rows: most, range }: QueryOptions): QueryResult {
    const { sql, columns, render } = this.#translator.translate(query, ticksOfUnixMs(now), range)
    const statement = this.#database.prepare(sql)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    const rows: (readonly WireValue[])[] = []
    for (const row of statement.iterate() as Iterable<readonly (string | bigint | number | null)[]>) {
      if (rows.length === most) return { columns, rows, render, truncated: true }
      rows.push(columns.map(({ type }, index) => wireValue(row[index] ?? null, type)))
    }
    return { columns, rows, render, truncated: false }
  }
}

function wireValue(value: string | bigint | number | null, type: ScalarType): WireValue {
  if (value === null) return type === 'string' ? '' : null
  switch (type) {
    case 'bool':
      return value !== 0n
    case 'int':
    case 'long':
      return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
    case 'real':
      return Number.isFinite(Number(value)) ? Number(value) : Number(value) > 0 ? 'Infinity' : '-Infinity'
    case 'datetime':
      return formatDateTime(BigInt(value), 0)
    case 'timespan':
      return formatTimeSpan(BigInt(value))
    case 'dynamic':
      return dynamicText(String(value))
    default:
      return String(value)
  }
}

/** A text within a dynamic stands for itself; the rest as JSON. */
function dynamicText(json: string): string {
  return json.startsWith('"') ? String(JSON.parse(json)) : json
}
