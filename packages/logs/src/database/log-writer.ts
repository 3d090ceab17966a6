/** Appends rows to a workspace's database and forgets what is older than its retention. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { ticksOfUnixMs } from '../kql/time.ts'
import type { Column } from '../kql/types.ts'
import { type LogTable, logTables } from './log-tables.ts'
import { forgetBlocks, TextIndex } from './text-index.ts'

export type LogValue = string | number | boolean | null | Date | object

/** By the column's name; a column that is not named is empty. */
export type LogRow = Readonly<Record<string, LogValue>>

interface Writer {
  readonly table: LogTable
  readonly insert: StatementSync
  readonly index: TextIndex | undefined
  nextId: bigint
}

export class LogWriter {
  readonly #database: DatabaseSync
  readonly #writers = new Map<string, Writer>()

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    // A loss of power can take the last moments of a log; a crash of the process takes nothing.
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
    for (const table of logTables) this.#writers.set(table.name, this.#open(table))
  }

  #open(table: LogTable): Writer {
    const columns = table.columns.map((column) => `"${column.name}" ${affinity(column)}`).join(', ')
    this.#database.exec(`CREATE TABLE IF NOT EXISTS "${table.name}" (position INTEGER PRIMARY KEY, ${columns}) STRICT`)
    this.#database.exec(`CREATE INDEX IF NOT EXISTS "${table.name}_time" ON "${table.name}" ("TimeGenerated")`)
    const names = table.columns.map((column) => `"${column.name}"`).join(', ')
    const marks = table.columns.map(() => '?').join(', ')
    const last = this.#database.prepare(`SELECT coalesce(max(position), -1) AS id FROM "${table.name}"`)
    last.setReadBigInts(true)
    return {
      table,
      insert: this.#database.prepare(`INSERT INTO "${table.name}" (position, ${names}) VALUES (?, ${marks})`),
      index: table.text === undefined ? undefined : new TextIndex(this.#database, table.name, table.text),
      nextId: (last.get() as { id: bigint }).id + 1n,
    }
  }

  /** All rows or none. Throws RangeError for a table that there is not. */
  append(tableName: string, rows: readonly LogRow[]): void {
    const writer = this.#writers.get(tableName)
    if (!writer) throw new RangeError(`There is no table ${tableName}.`)
    const before = { nextId: writer.nextId, index: writer.index?.state }
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const row of rows) this.#insert(writer, row)
      this.#database.exec('COMMIT')
    } catch (error) {
      writer.nextId = before.nextId
      if (before.index) writer.index?.reset(before.index)
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #insert(writer: Writer, row: LogRow): void {
    const { table, insert, index } = writer
    const id = writer.nextId
    insert.run(id, ...table.columns.map((column) => stored(row[column.name], column)))
    writer.nextId = id + 1n
    if (index && table.text !== undefined) index.add(id, String(row[table.text] ?? ''))
  }

  /** @param before Milliseconds since the epoch. The newest row stays, since the next one is numbered after it. */
  forget(before: number): void {
    for (const { table } of this.#writers.values()) {
      const oldest = this.#database.prepare(
        `DELETE FROM "${table.name}" WHERE "TimeGenerated" < ? AND position < (SELECT max(position) FROM "${table.name}")`,
      )
      if (oldest.run(ticksOfUnixMs(before)).changes === 0 || table.text === undefined) continue
      const first = this.#database.prepare(`SELECT min(position) AS id FROM "${table.name}"`)
      first.setReadBigInts(true)
      forgetBlocks(this.#database, table.name, (first.get() as { id: bigint }).id)
    }
  }

  close(): void {
    this.#database.close()
  }
}

function affinity({ type }: Column): string {
  switch (type) {
    case 'string':
      return "TEXT NOT NULL DEFAULT ''"
    case 'guid':
    case 'dynamic':
      return 'TEXT'
    case 'real':
      return 'REAL'
    default:
      return 'INTEGER'
  }
}

/** Throws TypeError for a value that is not of the column's type. */
function stored(value: LogValue | undefined, { name, type }: Column): SQLInputValue {
  if (value === undefined || value === null) return type === 'string' ? '' : null
  switch (type) {
    case 'string':
    case 'guid':
      if (typeof value === 'string') return value
      break
    case 'dynamic':
      return JSON.stringify(value)
    case 'bool':
      if (typeof value === 'boolean') return value ? 1n : 0n
      break
    case 'datetime': {
      const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN
      if (!Number.isNaN(ms)) return ticksOfUnixMs(ms)
      break
    }
    case 'real':
      if (typeof value === 'number') return value
      break
    default:
      if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  }
  throw new TypeError(`${name} is not a ${type}.`)
}
