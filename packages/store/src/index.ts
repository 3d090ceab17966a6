/**
 * The public surface of the store: one database, its migrations, and encryption at rest.
 *
 * Every package owns its tables: it exports a {@link MigrationSet} and a table interface, and asks the
 * open store for `database<ItsTables>()`. Nothing reads another package's tables.
 */
export { clustered } from './clustered.ts'
export type { Keyring, MasterKey } from './keyring.ts'
export { loadMasterKey, MasterKeyError, masterKeyOf, openWithMasterKey, sealWithMasterKey } from './master-key.ts'
export { KeyringError } from './sealed-box.ts'
export { type MigrationSet, openStore, type PreparedQuery, type Store, StoreError, type StoreOptions } from './store.ts'
export { UniqueViolationError } from './store-error.ts'
