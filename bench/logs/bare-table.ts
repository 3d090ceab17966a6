/** What writing rows is compared with: the same table without the index of its texts, and one prepared statement. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { findLogTable, type LogRow } from '@keystead/logs'

const ticksPerMs = 10_000n
const ticksAtEpoch = 621_355_968_000_000_000n

export type BareRow = readonly SQLInputValue[]

export class BareTable implements Disposable {
  readonly #database: DatabaseSync
  readonly #columns: readonly { readonly name: string; readonly type: string }[]
  readonly #insert: StatementSync

  constructor(file: string, tableName: string) {
    this.#columns = findLogTable(tableName)?.columns ?? []
    this.#database = new DatabaseSync(file)
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    const columns = this.#columns.map(({ name, type }) => `"${name}" ${sqlType(type)}`)
    this.#database.exec(`CREATE TABLE bare (position INTEGER PRIMARY KEY, ${columns.join(', ')}) STRICT`)
    this.#database.exec('CREATE INDEX bare_time ON bare ("TimeGenerated")')
    const marks = this.#columns.map(() => ', ?').join('')
    this.#insert = this.#database.prepare(`INSERT INTO bare VALUES (NULL${marks})`)
  }

  /** A row as the statement takes it, so that only the insert is left to measure. */
  prepare(row: LogRow): BareRow {
    return this.#columns.map(({ name, type }) => {
      const value = row[name]
      if (value instanceof Date) return BigInt(value.getTime()) * ticksPerMs + ticksAtEpoch
      return value === undefined ? (type === 'string' ? '' : null) : (value as SQLInputValue)
    })
  }

  append(rows: readonly BareRow[]): void {
    this.#database.exec('BEGIN IMMEDIATE')
    for (const row of rows) this.#insert.run(...row)
    this.#database.exec('COMMIT')
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

function sqlType(type: string): string {
  if (type === 'string') return "TEXT NOT NULL DEFAULT ''"
  return type === 'real' ? 'REAL' : 'INTEGER'
}
