/** The public surface of key-vault: its migrations and the service, made of a resource provider and a data plane. */
export { keyVaultMigrations } from './migrations.ts'
export { type KeyVault, type KeyVaultOptions, openKeyVault } from './service.ts'
