/** The versioned schema of the key-vault tables. */
import type { MigrationSet } from '@keystead/store'
import type { Kysely } from 'kysely'

export const keyVaultMigrations: MigrationSet = {
  owner: 'key-vault',
  migrations: {
    '001_vaults_and_secrets': {
      async up(database: Kysely<unknown>): Promise<void> {
        await database.schema
          .createTable('key_vault_vaults')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('name', 'text', (column) => column.notNull().unique())
          .addColumn('resource_id', 'text', (column) => column.notNull())
          .addColumn('resource', 'text', (column) => column.notNull())
          .addColumn('deleted_at', 'bigint')
          .addColumn('scheduled_purge_at', 'bigint')
          .execute()
        await database.schema
          .createTable('key_vault_secrets')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('vault_id', 'text', (column) =>
            column.notNull().references('key_vault_vaults.id').onDelete('cascade'),
          )
          .addColumn('name_key', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('current_version', 'text', (column) => column.notNull())
          .addColumn('deleted_at', 'bigint')
          .addColumn('scheduled_purge_at', 'bigint')
          .addUniqueConstraint('key_vault_secrets_by_name', ['vault_id', 'name_key'])
          .execute()
        await database.schema
          .createTable('key_vault_secret_versions')
          .addColumn('secret_id', 'text', (column) =>
            column.notNull().references('key_vault_secrets.id').onDelete('cascade'),
          )
          .addColumn('version', 'text', (column) => column.notNull())
          .addColumn('sealed', 'bytea', (column) => column.notNull())
          .addColumn('content_type', 'text')
          .addColumn('tags', 'text')
          .addColumn('enabled', 'integer', (column) => column.notNull())
          .addColumn('not_before', 'bigint')
          .addColumn('expires', 'bigint')
          .addColumn('created', 'bigint', (column) => column.notNull())
          .addColumn('updated', 'bigint', (column) => column.notNull())
          .addPrimaryKeyConstraint('key_vault_secret_versions_key', ['secret_id', 'version'])
          .execute()
      },
    },
  },
}
