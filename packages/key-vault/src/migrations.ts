/** The versioned schema of the key-vault tables. */
import { clustered, type MigrationSet } from '@keystead/store'
import { type Kysely, sql } from 'kysely'

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
    // A get goes down two trees and not four: what it looks for is where its key is.
    '002_secrets_by_key': {
      async up(database: Kysely<unknown>): Promise<void> {
        const secrets = database.schema
          .createTable('key_vault_secrets_by_key')
          .addColumn('vault_id', 'text', (column) =>
            column.notNull().references('key_vault_vaults.id').onDelete('cascade'),
          )
          .addColumn('name_key', 'text', (column) => column.notNull())
          .addColumn('id', 'text', (column) => column.notNull().unique())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('current_version', 'text', (column) => column.notNull())
          .addColumn('deleted_at', 'bigint')
          .addColumn('scheduled_purge_at', 'bigint')
          .addPrimaryKeyConstraint('key_vault_secrets_key', ['vault_id', 'name_key'])
        await clustered(database, secrets).execute()
        const versions = database.schema
          .createTable('key_vault_secret_versions_by_key')
          .addColumn('secret_id', 'text', (column) =>
            column.notNull().references('key_vault_secrets_by_key.id').onDelete('cascade'),
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
          .addPrimaryKeyConstraint('key_vault_secret_versions_by_key_key', ['secret_id', 'version'])
        await clustered(database, versions).execute()
        await copy(database, 'key_vault_secrets', [
          'vault_id',
          'name_key',
          'id',
          'name',
          'current_version',
          'deleted_at',
          'scheduled_purge_at',
        ])
        await copy(database, 'key_vault_secret_versions', [
          'secret_id',
          'version',
          'sealed',
          'content_type',
          'tags',
          'enabled',
          'not_before',
          'expires',
          'created',
          'updated',
        ])
        // Versions first: a table that is dropped takes what refers to it along.
        for (const table of ['key_vault_secret_versions', 'key_vault_secrets']) {
          await database.schema.dropTable(table).execute()
          await database.schema.alterTable(`${table}_by_key`).renameTo(table).execute()
        }
      },
    },
  },
}

async function copy(database: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  const list = sql.join(columns.map((column) => sql.ref(column)))
  await sql`insert into ${sql.table(`${table}_by_key`)} (${list}) select ${list} from ${sql.table(table)}`.execute(
    database,
  )
}
