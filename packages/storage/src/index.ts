/** The public surface of storage: accounts, the decision in front of their data, and Azurite behind it. */
export { type AzuriteOptions, azuriteCommand, createAzuriteSecret } from './azurite/command.ts'
export { assignableScope as assignableStorageScope } from './data-plane/authorization.ts'
export { type StorageInspector, storageDataActions } from './inspection.ts'
export { storageMigrations } from './migrations.ts'
export { openStorage, type Storage, type StorageOptions } from './service.ts'
