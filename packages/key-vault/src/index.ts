/** The public surface of key-vault: its migrations and the service, made of a resource provider and a data plane. */
export type { Inspector, Obstacle, SecretState, VaultInspection } from './inspection.ts'
export { keyVaultMigrations } from './migrations.ts'
export { operations as secretOperations, type SecretOperation } from './operations.ts'
export { type KeyVault, type KeyVaultOptions, openKeyVault } from './service.ts'
