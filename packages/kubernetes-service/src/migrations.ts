/** The table of attached clusters' credentials. */
import type { MigrationSet } from '@keystead/store'

export interface KubernetesServiceTables {
  kubernetes_service_credentials: {
    /** The cluster's resource id in lower case. */
    cluster_key: string
    /** The kubeconfig, sealed and bound to that id. */
    sealed: Uint8Array
  }
}

export const kubernetesServiceMigrations: MigrationSet = {
  owner: 'kubernetes-service',
  migrations: {
    '001_credentials': {
      async up(database) {
        await database.schema
          .createTable('kubernetes_service_credentials')
          .addColumn('cluster_key', 'text', (column) => column.primaryKey())
          .addColumn('sealed', 'bytea', (column) => column.notNull())
          .execute()
      },
    },
  },
}
