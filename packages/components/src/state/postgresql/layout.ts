/** How a version of state.postgresql keeps an item in a row: what differs between v1 and v2. */
import type { SetStateRequest, StateItem } from '../../state-store.ts'
import type { Migration } from './migrations.ts'

export interface Layout {
  readonly table: string
  /** Keys under which the metadata table holds how far migrations went, and when expired rows were last deleted. */
  readonly migrationsKey: string
  readonly cleanupKey: string
  readonly migrations: readonly Migration[]
  /** Column with the time at which the row expires. */
  readonly expires: string
  /** Select list that {@link itemOf} reads. */
  readonly columns: string
  itemOf(row: Readonly<Record<string, unknown>>): StateItem
  /** Columns of a new or changed row and their values, in SQL; `$1` is the key. */
  write(request: SetStateRequest): {
    readonly columns: Readonly<Record<string, string>>
    readonly values: readonly unknown[]
  }
  /** Columns that only a change sets. */
  readonly changed: Readonly<Record<string, string>>
  /** An SQL expression of text that equals the etag, and the etag as it reads. Throws an EtagError for what can be none. */
  readonly etagColumn: string
  etagOf(etag: string): string
}

/** The time in a row as the API shows it. */
export function ttlMetadata(expires: unknown): Pick<StateItem, 'metadata'> {
  return expires instanceof Date ? { metadata: { ttlExpireTime: expires.toISOString().replace(/\.\d+Z$/, 'Z') } } : {}
}
