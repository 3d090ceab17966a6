/** The tables of container apps: revisions, and the sealed secrets of apps and Dapr components. */
import type { MigrationSet } from '@keystead/store'

export interface ContainerAppsTables {
  container_apps_secrets: {
    /** Resource id of the app or component, in lower case. */
    owner_key: string
    /** All of its secrets as JSON, sealed and bound to that id. */
    sealed: Uint8Array
  }
  container_apps_revisions: {
    /** Resource id of the app, in lower case. */
    app_key: string
    name: string
    /** Of two revisions of an app, the younger has the greater one. */
    sequence: number
    created_at: number
    active: number
    /** Whether it has ever been ready. */
    ready: number
    /** Why it could not be provisioned. */
    failure: string | null
    /** JSON. */
    template: string
  }
}

export const containerAppsMigrations: MigrationSet = {
  owner: 'container-apps',
  migrations: {
    '001_apps': {
      async up(database) {
        await database.schema
          .createTable('container_apps_secrets')
          .addColumn('owner_key', 'text', (column) => column.primaryKey())
          .addColumn('sealed', 'bytea', (column) => column.notNull())
          .execute()
        await database.schema
          .createTable('container_apps_revisions')
          .addColumn('app_key', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('sequence', 'integer', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .addColumn('active', 'integer', (column) => column.notNull())
          .addColumn('ready', 'integer', (column) => column.notNull())
          .addColumn('failure', 'text')
          .addColumn('template', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('container_apps_revisions_key', ['app_key', 'name'])
          .execute()
      },
    },
  },
}
