/** The public surface of storage: accounts, the decision in front of their data, and Azurite behind it. */
export { type AzuriteOptions, azuriteCommand, createAzuriteSecret } from './azurite/command.ts'
export { storageMigrations } from './migrations.ts'
export { openStorage, type Storage, type StorageOptions } from './service.ts'
