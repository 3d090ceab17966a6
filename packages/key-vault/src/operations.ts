/** The closed table of data-plane operations: what each needs under roles, and under access policies. */

export type OperationName =
  | 'SecretSet'
  | 'SecretUpdate'
  | 'SecretGet'
  | 'SecretDelete'
  | 'SecretList'
  | 'SecretListVersions'
  | 'SecretListDeleted'
  | 'SecretGetDeleted'
  | 'SecretRecover'
  | 'SecretPurge'
  | 'SecretBackup'
  | 'SecretRestore'

export interface SecretOperation {
  /** The name Key Vault's own audit log uses. */
  readonly name: OperationName
  /** The data action, as in Azure's list of Microsoft.KeyVault operations. */
  readonly action: string
  /** The permission of an access policy, as each operation's REST page names it. */
  readonly permission: string
}

function operation(name: OperationName, action: string, permission: string): SecretOperation {
  return { name, action: `Microsoft.KeyVault/vaults/secrets/${action}`, permission }
}

export const operations: Readonly<Record<OperationName, SecretOperation>> = {
  SecretSet: operation('SecretSet', 'setSecret/action', 'set'),
  SecretUpdate: operation('SecretUpdate', 'update/action', 'set'),
  SecretGet: operation('SecretGet', 'getSecret/action', 'get'),
  SecretDelete: operation('SecretDelete', 'delete', 'delete'),
  SecretList: operation('SecretList', 'readMetadata/action', 'list'),
  SecretListVersions: operation('SecretListVersions', 'readMetadata/action', 'list'),
  SecretListDeleted: operation('SecretListDeleted', 'readMetadata/action', 'list'),
  SecretGetDeleted: operation('SecretGetDeleted', 'readMetadata/action', 'get'),
  SecretRecover: operation('SecretRecover', 'recover/action', 'recover'),
  SecretPurge: operation('SecretPurge', 'purge/action', 'purge'),
  SecretBackup: operation('SecretBackup', 'backup/action', 'backup'),
  SecretRestore: operation('SecretRestore', 'restore/action', 'restore'),
}
