/** One generation of a storage account: its keys, sealed, under the name it has inside Azurite. */
export interface StorageAccountRow {
  /** The account's name inside Azurite: never reused, so a deleted account's data can not come back under a new one. */
  internal_name: string
  /** The name clients use. */
  name: string
  resource_id: string
  /** Base64 of the sealed {@link SealedSecrets}. */
  sealed: string
  /** ISO 8601 when the account was deleted; its data in Azurite is removed after that. */
  retired_at: string | null
}

/** The tables of this package. */
export interface StorageTables {
  storage_accounts: StorageAccountRow
}
