/** The tables of resource-manager, version by version. */
import type { MigrationSet } from '@keystead/store'
import type { Kysely } from 'kysely'

export const resourceManagerMigrations: MigrationSet = {
  owner: 'resource-manager',
  migrations: {
    '001_resources': {
      async up(db: Kysely<unknown>): Promise<void> {
        await db.schema
          .createTable('resources')
          .addColumn('id_key', 'text', (column) => column.primaryKey())
          .addColumn('type_key', 'text', (column) => column.notNull())
          .addColumn('name_key', 'text', (column) => column.notNull())
          .addColumn('id', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('type', 'text', (column) => column.notNull())
          .addColumn('location', 'text')
          .addColumn('kind', 'text')
          .addColumn('tags', 'text')
          .addColumn('sku', 'text')
          .addColumn('identity', 'text')
          .addColumn('properties', 'text', (column) => column.notNull())
          .addColumn('etag', 'text', (column) => column.notNull())
          .execute()
        await db.schema
          .createIndex('resources_by_type_and_name')
          .on('resources')
          .columns(['type_key', 'name_key'])
          .execute()
        await db.schema
          .createIndex('resources_by_type_and_id')
          .on('resources')
          .columns(['type_key', 'id_key'])
          .execute()
      },
    },
    '002_operations': {
      async up(db: Kysely<unknown>): Promise<void> {
        await db.schema
          .createTable('arm_operations')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('type', 'text', (column) => column.notNull())
          .addColumn('job', 'text', (column) => column.notNull())
          .addColumn('input', 'text', (column) => column.notNull())
          .addColumn('resource', 'text', (column) => column.notNull())
          .addColumn('started_by', 'text', (column) => column.notNull())
          .addColumn('started_at', 'bigint', (column) => column.notNull())
          .addColumn('ended_at', 'bigint')
          .addColumn('result', 'text')
          .addColumn('error', 'text')
          .execute()
        await db.schema.createIndex('arm_operations_by_status').on('arm_operations').column('status').execute()
      },
    },
  },
}
