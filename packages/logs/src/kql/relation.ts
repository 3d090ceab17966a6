/** A table on its way through a query: SQL whose columns are c0, c1, ... in the order of `columns`. */
import type { Sql } from './sql.ts'
import type { Column, Table } from './types.ts'

/** A text that every wanted row has in a column, in any case of letters: an index can find candidates by it. */
export interface Needle {
  readonly column: string
  readonly text: string
}

/** Ticks, the start included and the end not. */
export interface TimeRange {
  readonly from: bigint
  readonly to: bigint
}

/** A stored table: gives the SQL that reads its rows, with c0, c1, ... as `columns` has them. */
export interface TableSource extends Table {
  /** All rows of the time range that can satisfy the needles; more of them may come, as the query looks at each. */
  select(needles: readonly Needle[], range: TimeRange | undefined): string
}

interface Scan {
  readonly source: TableSource
  readonly range: TimeRange | undefined
  readonly conditions: readonly string[]
  readonly needles: readonly Needle[]
}

export class Relation {
  readonly columns: readonly Column[]
  /** Whether the rows have an order, which stands in the column `ord`. */
  readonly ordered: boolean
  readonly #sql: () => string
  readonly #scan: Scan | undefined

  private constructor(columns: readonly Column[], ordered: boolean, sql: () => string, scan?: Scan) {
    this.columns = columns
    this.ordered = ordered
    this.#sql = sql
    this.#scan = scan
  }

  static of(columns: readonly Column[], sql: string, options: { readonly ordered?: boolean } = {}): Relation {
    return new Relation(columns, options.ordered ?? false, () => sql)
  }

  static scan(source: TableSource, range?: TimeRange): Relation {
    return Relation.#scanOf({ source, range, conditions: [], needles: [] })
  }

  static #scanOf(scan: Scan): Relation {
    const { source, range, conditions, needles } = scan
    const sql = () => {
      const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
      return `SELECT * FROM (${source.select(needles, range)})${where}`
    }
    return new Relation(source.columns, false, sql, scan)
  }

  get sql(): string {
    return this.#sql()
  }

  column(name: string, prefix = ''): Sql | undefined {
    const index = this.columns.findIndex((column) => column.name === name)
    const column = this.columns[index]
    return column && { sql: `${prefix}c${index}`, type: column.type }
  }

  /** The rows for which `condition` is true; `needles` is what a text index can know of it. */
  filtered(condition: string, needles: readonly Needle[]): Relation {
    if (this.#scan) {
      const { conditions, needles: earlier } = this.#scan
      return Relation.#scanOf({
        ...this.#scan,
        conditions: [...conditions, condition],
        needles: [...earlier, ...needles],
      })
    }
    return this.#wrapped(this.columns, `SELECT * FROM (${this.sql}) WHERE ${condition}`)
  }

  /** Other columns over the same rows in the same order. */
  projected(columns: readonly Column[], values: readonly Sql[]): Relation {
    const list = values.map(({ sql }, index) => `${sql} AS c${index}`)
    if (this.ordered) list.push('ord')
    return this.#wrapped(columns, `SELECT ${list.join(', ')} FROM (${this.sql})`)
  }

  /** The same rows, in the order of SQL terms. */
  sorted(terms: readonly string[]): Relation {
    const sql = `SELECT ${this.#list()}, row_number() OVER (ORDER BY ${terms.join(', ')}) AS ord FROM (${this.sql})`
    return Relation.of(this.columns, sql, { ordered: true })
  }

  /** The first rows by SQL terms, in that order. */
  top(terms: readonly string[], count: string): Relation {
    const first = `SELECT ${this.#list()} FROM (${this.sql}) ORDER BY ${terms.join(', ')} LIMIT ${count}`
    return Relation.of(this.columns, first).sorted(terms)
  }

  limited(count: string): Relation {
    return this.#wrapped(
      this.columns,
      `SELECT * FROM (${this.sql})${this.ordered ? ' ORDER BY ord' : ''} LIMIT ${count}`,
    )
  }

  /** The same columns under other names. */
  renamed(columns: readonly Column[]): Relation {
    return new Relation(columns, this.ordered, this.#sql)
  }

  /** As the last step: the rows in their order, without the column that keeps it. */
  get finished(): string {
    return this.ordered ? `SELECT ${this.#list()} FROM (${this.sql}) ORDER BY ord` : this.sql
  }

  #list(): string {
    return this.columns.map((_, index) => `c${index}`).join(', ')
  }

  #wrapped(columns: readonly Column[], sql: string): Relation {
    return Relation.of(columns, sql, { ordered: this.ordered })
  }
}
