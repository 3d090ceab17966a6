import type { MigrationSet } from '@keystead/store'

/** The tables of storage accounts. */
export const storageMigrations: MigrationSet = {
  owner: 'storage',
  migrations: {
    '001_storage_accounts': {
      async up(database) {
        await database.schema
          .createTable('storage_accounts')
          .addColumn('internal_name', 'text', (column) => column.primaryKey())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('resource_id', 'text', (column) => column.notNull())
          .addColumn('sealed', 'text', (column) => column.notNull())
          .addColumn('retired_at', 'text')
          .execute()
        await database.schema.createIndex('storage_accounts_by_name').on('storage_accounts').column('name').execute()
      },
    },
  },
}
