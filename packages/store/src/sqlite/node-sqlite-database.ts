/** `node:sqlite` in the shape that Kysely's SQLite dialect drives. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { toStoreError } from './sqlite-errors.ts'

/** Statements kept prepared. The services together have some hundred; the bound is for those made of lists of any length. */
const maxStatements = 256

export class NodeSqliteDatabase implements SqliteDatabase {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
  }

  prepare(sql: string): SqliteStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      // Map keeps insertion order: re-inserting makes the first key the least recently used one.
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    if (/^\s*(?:create|alter|drop)\b/i.test(sql)) {
      // What a prepared `select *` answers changes with the schema.
      this.#statements.clear()
      return this.#prepare(sql)
    }
    const statement = this.#prepare(sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > maxStatements) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest)
        break
      }
    }
    return statement
  }

  /** The first row of a query, null for none; undefined while a transaction is open: all share this one connection. */
  prepareFirst(sql: string): (parameters: readonly SQLInputValue[]) => unknown {
    const statement = this.#guard(() => this.#database.prepare(sql))
    const names = statement.columns().map(({ name }) => name)
    // A row as an array, named here, costs a fifth less than the object that the driver makes.
    statement.setReturnArrays(true)
    return (parameters) => {
      if (this.#database.isTransaction) return undefined
      try {
        const values = statement.get(...parameters) as unknown as readonly unknown[] | undefined
        return values === undefined ? null : named(names, values)
      } catch (error) {
        throw toStoreError(error, this.#path)
      }
    }
  }

  close(): void {
    this.#statements.clear()
    if (this.#database.isOpen) this.#database.close()
  }

  #prepare(sql: string): SqliteStatement {
    // SQLite itself rolls back when a write finds no space; Kysely's own rollback must then not hide that error.
    if (sql === 'rollback') return this.#rollback()
    const statement = this.#guard(() => this.#database.prepare(sql))
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => this.#guard(() => statement.all(...parameters.map(toSqlite))),
      run: (parameters) => this.#guard(() => statement.run(...parameters.map(toSqlite))),
      // A statement of its own: the shared one would be reset by the next query with the same text.
      iterate: (parameters) =>
        this.#iterate(
          this.#guard(() => this.#database.prepare(sql)),
          parameters,
        ),
    }
  }

  #rollback(): SqliteStatement {
    return {
      reader: false,
      all: () => [],
      run: () => {
        if (this.#database.isTransaction) this.#guard(() => this.#database.exec('rollback'))
        return { changes: 0, lastInsertRowid: 0 }
      },
      iterate: () => [].values(),
    }
  }

  *#iterate(statement: StatementSync, parameters: readonly unknown[]): IterableIterator<unknown> {
    const rows = this.#guard(() => statement.iterate(...parameters.map(toSqlite)))
    try {
      for (;;) {
        const next = this.#guard(() => rows.next())
        if (next.done) return
        yield next.value
      }
    } finally {
      // A stream that was left half-way would keep its read transaction, and the log could never be checkpointed.
      rows.return?.()
    }
  }

  #guard<Result>(action: () => Result): Result {
    try {
      return action()
    } catch (error) {
      throw toStoreError(error, this.#path)
    }
  }
}

/** SQLite has no boolean; `node:sqlite` refuses one, and undefined. */
function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  return value as SQLInputValue
}

function named(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (let index = 0; index < names.length; index++) row[names[index] as string] = values[index]
  return row
}
