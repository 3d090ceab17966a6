/** The tables of the key-vault package, as its migrations make them. */

export interface VaultTable {
  /** Ours, 32 hex: a vault that is purged and made again under the same name is another vault. */
  id: string
  /** Lower case; unique among live and soft-deleted vaults. */
  name: string
  /** The Resource Manager id, in the case it was first written. */
  resource_id: string
  /** The resource as JSON: what a recovered vault comes back as. */
  resource: string
  /** Milliseconds since the epoch; null while the vault lives. */
  deleted_at: number | null
  scheduled_purge_at: number | null
}

export interface SecretTable {
  id: string
  vault_id: string
  /** The name in lower case: names are compared without case. */
  name_key: string
  /** The name as it was first written. */
  name: string
  /** Points at the latest version, so that a get of it never looks through versions. */
  current_version: string
  deleted_at: number | null
  scheduled_purge_at: number | null
}

export interface SecretVersionTable {
  secret_id: string
  /** 32 hex. */
  version: string
  /** The value under the vault's data key, bound to vault, name and version. */
  sealed: Uint8Array
  content_type: string | null
  /** JSON of a string-to-string map; null when none were given. */
  tags: string | null
  enabled: number
  /** Seconds since the epoch, as on the wire. */
  not_before: number | null
  expires: number | null
  created: number
  updated: number
}

export interface KeyVaultTables {
  key_vault_vaults: VaultTable
  key_vault_secrets: SecretTable
  key_vault_secret_versions: SecretVersionTable
}
