/**
 * Finds rows by a part of their text: an index of the trigrams of whole blocks of rows, so that it stays small and
 * cheap to write. What it answers are candidates; the query looks at each.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { sqlString } from '../kql/sql.ts'
import { trigramDigest } from './trigram-digest.ts'

/** Log lines repeat themselves: one entry for a trigram in so many rows. */
export const rowsPerBlock = 256n
/** Indexed together, since the index writes as much for one as for many: so many blocks' rows are looked at without it. */
export const blocksAtOnce = 32
/** More trigrams of a long text hardly narrow it down. */
const mostTrigrams = 24

/** Another size of block is another index, so the name has it: a database made before gets a new one. */
const indexName = (table: string): string => `${table}_text_${rowsPerBlock}`

interface FullBlock {
  readonly number: bigint
  readonly digest: Uint8Array
}

/** What waits to be indexed. */
export interface IndexState {
  readonly blocks: readonly FullBlock[]
  /** Of the block that is not full yet. */
  readonly texts: readonly string[]
}

/** Keeps the index of one table while rows are appended. */
export class TextIndex {
  readonly #insert: StatementSync
  #blocks: FullBlock[] = []
  #texts: string[] = []

  constructor(database: DatabaseSync, table: string, column: string) {
    const name = indexName(table)
    database.exec(
      `CREATE VIRTUAL TABLE IF NOT EXISTS "${name}" USING fts5(text, content='', contentless_delete=1, detail=none, tokenize='trigram')`,
    )
    this.#insert = database.prepare(`INSERT INTO "${name}" (rowid, text) VALUES (?, ?)`)
    const rows = database.prepare(
      `SELECT position, "${column}" AS text FROM "${table}" WHERE position >= ${nextRow(name)} ORDER BY position`,
    )
    rows.setReadBigInts(true)
    for (const { position, text } of rows.iterate() as Iterable<{ position: bigint; text: string }>) {
      this.#take(position, text)
    }
  }

  /** @param position Of the row: rows are told in the order of their positions, without a gap. */
  add(position: bigint, text: string): void {
    this.#take(position, text)
    if (this.#blocks.length < blocksAtOnce) return
    for (const { number, digest } of this.#blocks) this.#insert.run(number, digest)
    this.#blocks = []
  }

  #take(position: bigint, text: string): void {
    this.#texts.push(text)
    if (position % rowsPerBlock !== rowsPerBlock - 1n) return
    this.#blocks.push({ number: position / rowsPerBlock, digest: trigramDigest(this.#texts) })
    this.#texts = []
  }

  /** To be given to {@link reset} when a transaction is taken back. */
  get state(): IndexState {
    return { blocks: [...this.#blocks], texts: [...this.#texts] }
  }

  reset({ blocks, texts }: IndexState): void {
    this.#blocks = [...blocks]
    this.#texts = [...texts]
  }
}

/** Deletes the blocks all of whose rows are gone. */
export function forgetBlocks(database: DatabaseSync, table: string, firstRow: bigint): void {
  database.prepare(`DELETE FROM "${indexName(table)}" WHERE rowid < ?`).run(firstRow / rowsPerBlock)
}

const nextRow = (name: string): string => `(SELECT coalesce(max(id) + 1, 0) * ${rowsPerBlock} FROM "${name}_docsize")`

/** The condition that a block must meet to hold a row with all the texts; undefined when none is long enough to tell. */
function matchOf(texts: readonly string[]): string | undefined {
  const trigrams = new Set<string>()
  for (const text of texts) {
    const characters = [...text]
    for (let at = 0; at + 3 <= characters.length && trigrams.size < mostTrigrams; at += 1) {
      trigrams.add(characters.slice(at, at + 3).join(''))
    }
  }
  if (trigrams.size === 0) return undefined
  return [...trigrams].map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ')
}

/** Reads `columns` of the rows that may have all the texts: those of matching blocks, and those not indexed yet. */
export function selectCandidates(table: string, columns: string, texts: readonly string[]): string | undefined {
  const match = matchOf(texts)
  if (match === undefined || texts.some((text) => text.includes('\0'))) return undefined
  const name = indexName(table)
  const blocks = `SELECT rowid AS block FROM "${name}" WHERE "${name}" MATCH ${sqlString(match)}`
  const last = rowsPerBlock - 1n
  const indexed = `SELECT ${columns} FROM (${blocks}) AS b CROSS JOIN "${table}" AS t ON t.position BETWEEN b.block * ${rowsPerBlock} AND b.block * ${rowsPerBlock} + ${last}`
  return `${indexed} UNION ALL SELECT ${columns} FROM "${table}" AS t WHERE t.position >= ${nextRow(name)}`
}
