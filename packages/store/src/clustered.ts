/** Tables whose rows stand in the order of their primary key, so that a read by the key goes down one tree. */
import { type CreateTableBuilder, type Kysely, SqliteAdapter, sql } from 'kysely'

/** For a table that is read by its key far more often than it is written. The builder has to declare a primary key. */
export function clustered<Table extends string, Columns extends string>(
  database: Kysely<unknown>,
  table: CreateTableBuilder<Table, Columns>,
): CreateTableBuilder<Table, Columns> {
  // PostgreSQL keeps rows in a heap whatever one asks for.
  return database.getExecutor().adapter instanceof SqliteAdapter ? table.modifyEnd(sql`without rowid`) : table
}
