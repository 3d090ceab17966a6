/** The tables of authorization. */
import type { MigrationSet } from '@keystead/store'
import type { Kysely } from 'kysely'

export interface AuthorizationTables {
  role_assignments: {
    /** The scope in the form that scopes are compared in (scope.ts). */
    scope_key: string
    name: string
    scope: string
    role_definition_name: string
    /** In lower case. */
    principal_id: string
    principal_type: string
    description: string | null
    created_by: string
    /** Milliseconds since the epoch. */
    created_on: number
  }
  role_definitions: {
    name: string
    /** The custom role definition as JSON. */
    definition: string
  }
}

export const authorizationMigrations: MigrationSet = {
  owner: 'authorization',
  migrations: {
    '001_roles': {
      async up(db: Kysely<never>) {
        await db.schema
          .createTable('role_assignments')
          .addColumn('scope_key', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('scope', 'text', (column) => column.notNull())
          .addColumn('role_definition_name', 'text', (column) => column.notNull())
          .addColumn('principal_id', 'text', (column) => column.notNull())
          .addColumn('principal_type', 'text', (column) => column.notNull())
          .addColumn('description', 'text')
          .addColumn('created_by', 'text', (column) => column.notNull())
          .addColumn('created_on', 'bigint', (column) => column.notNull())
          .addPrimaryKeyConstraint('role_assignments_key', ['scope_key', 'name'])
          .addUniqueConstraint('role_assignments_once', ['principal_id', 'role_definition_name', 'scope_key'])
          .execute()
        await db.schema
          .createTable('role_definitions')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('definition', 'text', (column) => column.notNull())
          .execute()
      },
    },
  },
}
