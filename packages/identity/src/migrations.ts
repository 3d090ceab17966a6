/** The versions of identity's part of the database. */
import type { MigrationSet } from '@keystead/store'

export const identityMigrations: MigrationSet = {
  owner: 'identity',
  migrations: {
    '001_directory': {
      async up(database) {
        await database.schema
          .createTable('identity_signing_keys')
          .addColumn('kid', 'text', (column) => column.primaryKey())
          .addColumn('public_jwk', 'text', (column) => column.notNull())
          .addColumn('sealed_private_jwk', 'bytea', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .addColumn('retired_at', 'bigint')
          .execute()
        await database.schema
          .createTable('identity_applications')
          .addColumn('app_id', 'text', (column) => column.primaryKey())
          .addColumn('object_id', 'text', (column) => column.notNull().unique())
          .addColumn('display_name', 'text', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createTable('identity_service_principals')
          .addColumn('object_id', 'text', (column) => column.primaryKey())
          .addColumn('app_id', 'text', (column) => column.notNull().unique())
          .addColumn('display_name', 'text', (column) => column.notNull())
          .addColumn('type', 'text', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createTable('identity_passwords')
          .addColumn('key_id', 'text', (column) => column.primaryKey())
          .addColumn('app_id', 'text', (column) => column.notNull())
          .addColumn('display_name', 'text', (column) => column.notNull())
          .addColumn('hint', 'text', (column) => column.notNull())
          .addColumn('hash', 'text', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .addColumn('expires_at', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createIndex('identity_passwords_by_app')
          .on('identity_passwords')
          .column('app_id')
          .execute()
        await database.schema
          .createTable('identity_certificates')
          .addColumn('key_id', 'text', (column) => column.primaryKey())
          .addColumn('app_id', 'text', (column) => column.notNull())
          .addColumn('certificate_pem', 'text', (column) => column.notNull())
          .addColumn('thumbprint_sha1', 'text', (column) => column.notNull())
          .addColumn('thumbprint_sha256', 'text', (column) => column.notNull())
          .addColumn('not_before', 'bigint', (column) => column.notNull())
          .addColumn('not_after', 'bigint', (column) => column.notNull())
          .addUniqueConstraint('identity_certificates_once', ['app_id', 'thumbprint_sha256'])
          .execute()
        await database.schema
          .createTable('identity_federated_credentials')
          .addColumn('app_id', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('issuer', 'text', (column) => column.notNull())
          .addColumn('subject', 'text', (column) => column.notNull())
          .addColumn('audiences', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('identity_federated_credentials_key', ['app_id', 'name'])
          .execute()
        await database.schema
          .createTable('identity_managed_identities')
          .addColumn('resource_key', 'text', (column) => column.primaryKey())
          .addColumn('resource_id', 'text', (column) => column.notNull())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('principal_id', 'text', (column) => column.notNull().unique())
          .addColumn('client_id', 'text', (column) => column.notNull().unique())
          .execute()
        await database.schema
          .createTable('identity_replicas')
          .addColumn('replica_id', 'text', (column) => column.primaryKey())
          .addColumn('header_digest', 'text', (column) => column.notNull().unique())
          .addColumn('identity_resource_ids', 'text', (column) => column.notNull())
          .execute()
        await database.schema
          .createTable('identity_used_assertions')
          .addColumn('digest', 'text', (column) => column.primaryKey())
          .addColumn('first_used_at', 'bigint', (column) => column.notNull())
          .addColumn('expires_at', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createIndex('identity_used_assertions_by_expiry')
          .on('identity_used_assertions')
          .column('expires_at')
          .execute()
      },
    },
    '002_users_and_groups': {
      async up(database) {
        await database.schema
          .alterTable('identity_applications')
          .addColumn('properties', 'text', (column) => column.notNull().defaultTo('{}'))
          .execute()
        await database.schema
          .alterTable('identity_service_principals')
          .addColumn('properties', 'text', (column) => column.notNull().defaultTo('{}'))
          .execute()
        // A credential belongs to the application, or to its service principal alone; either signs in.
        for (const table of ['identity_passwords', 'identity_certificates']) {
          await database.schema
            .alterTable(table)
            .addColumn('holder', 'text', (column) => column.notNull().defaultTo('application'))
            .execute()
        }
        await database.schema
          .alterTable('identity_certificates')
          .addColumn('display_name', 'text', (column) => column.notNull().defaultTo(''))
          .execute()
        await database.schema.alterTable('identity_federated_credentials').addColumn('id', 'text').execute()
        await database.schema
          .alterTable('identity_federated_credentials')
          .addColumn('description', 'text', (column) => column.notNull().defaultTo(''))
          .execute()
        await database.schema
          .createTable('identity_users')
          .addColumn('object_id', 'text', (column) => column.primaryKey())
          .addColumn('upn_key', 'text', (column) => column.notNull().unique())
          .addColumn('user_principal_name', 'text', (column) => column.notNull())
          .addColumn('display_name', 'text', (column) => column.notNull())
          .addColumn('account_enabled', 'integer', (column) => column.notNull())
          .addColumn('password_hash', 'text', (column) => column.notNull())
          .addColumn('must_change_password', 'integer', (column) => column.notNull())
          .addColumn('properties', 'text', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .addColumn('sessions_valid_from', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createTable('identity_groups')
          .addColumn('object_id', 'text', (column) => column.primaryKey())
          .addColumn('display_name', 'text', (column) => column.notNull())
          .addColumn('properties', 'text', (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createTable('identity_group_members')
          .addColumn('group_id', 'text', (column) => column.notNull())
          .addColumn('member_id', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('identity_group_members_key', ['group_id', 'member_id'])
          .execute()
        await database.schema
          .createTable('identity_owners')
          .addColumn('object_id', 'text', (column) => column.notNull())
          .addColumn('owner_id', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('identity_owners_key', ['object_id', 'owner_id'])
          .execute()
        await database.schema
          .createTable('identity_directory_role_assignments')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('principal_id', 'text', (column) => column.notNull())
          .addColumn('role_id', 'text', (column) => column.notNull())
          .addUniqueConstraint('identity_directory_role_assignments_once', ['principal_id', 'role_id'])
          .execute()
        await database.schema
          .createTable('identity_refresh_tokens')
          .addColumn('digest', 'text', (column) => column.primaryKey())
          .addColumn('user_id', 'text', (column) => column.notNull())
          .addColumn('client_id', 'text', (column) => column.notNull())
          .addColumn('signed_in_at', 'bigint', (column) => column.notNull())
          .addColumn('issued_at', 'bigint', (column) => column.notNull())
          .addColumn('expires_at', 'bigint', (column) => column.notNull())
          .execute()
        await database.schema
          .createIndex('identity_refresh_tokens_by_user')
          .on('identity_refresh_tokens')
          .column('user_id')
          .execute()
      },
    },
  },
}
