/** The rows that the durability tests write, with contents that tell which row they belong to. */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { MigrationSet } from '../index.ts'

export interface RowTables {
  rows: { n: number; body: Uint8Array }
}

export const dataKey = 'rows'

export const rowMigrations: MigrationSet = {
  owner: 'rows',
  migrations: {
    '001_rows': {
      async up(db: Kysely<never>) {
        await db.schema
          .createTable('rows')
          .addColumn('n', 'integer', (column) => column.primaryKey())
          .addColumn('body', 'bytea', (column) => column.notNull())
          .execute()
      },
    },
  },
}

/** Up to 12 KB, so that some rows take one page of the database and some take several. */
export function numberedBody(n: number): Uint8Array {
  const digest = createHash('sha256').update(String(n)).digest()
  return Buffer.concat(Array.from({ length: 1 + ((n * 37) % 380) }, () => digest))
}
