/** The tables of deployments, version by version. */
import type { MigrationSet } from '@keystead/store'
import type { Kysely } from 'kysely'

export const deploymentsMigrations: MigrationSet = {
  owner: 'deployments',
  migrations: {
    '001_deployments': {
      async up(db: Kysely<unknown>): Promise<void> {
        await db.schema
          .createTable('deployment_runs')
          .addColumn('id_key', 'text', (column) => column.primaryKey())
          .addColumn('id', 'text', (column) => column.notNull())
          .addColumn('run_id', 'text', (column) => column.notNull())
          .addColumn('state', 'text', (column) => column.notNull())
          .addColumn('sealed', 'bytea', (column) => column.notNull())
          .execute()
        await db.schema.createIndex('deployment_runs_by_state').on('deployment_runs').column('state').execute()
        await db.schema
          .createTable('deployment_operations')
          .addColumn('id_key', 'text', (column) => column.notNull())
          .addColumn('operation_id', 'text', (column) => column.notNull())
          .addColumn('target_key', 'text', (column) => column.notNull())
          .addColumn('document', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('deployment_operations_key', ['id_key', 'operation_id'])
          .execute()
      },
    },
  },
}
