/** A storage account as the data plane sees it. */
import { createHmac } from 'node:crypto'

export interface AccountKey {
  readonly keyName: 'key1' | 'key2'
  readonly value: Uint8Array
  /** ISO 8601. */
  readonly creationTime: string
}

/** What of an account's resource the data plane obeys. */
export interface AccountPolicy {
  readonly allowSharedKeyAccess: boolean
  readonly allowBlobPublicAccess: boolean
  readonly supportsHttpsTrafficOnly: boolean
}

export interface Account {
  readonly name: string
  readonly resourceId: string
  /** Its name inside Azurite. */
  readonly internalName: string
  readonly keys: readonly [AccountKey, AccountKey]
  /** User delegation keys are derived from it; a new one revokes them all. */
  readonly delegationSecret: Uint8Array
  readonly policy: AccountPolicy
}

/** What a user delegation key is bound to: as in the answer of Get User Delegation Key, and in the SAS made with it. */
export interface DelegationKeyFields {
  readonly objectId: string
  readonly tenantId: string
  /** `YYYY-MM-DDThh:mm:ssZ`. */
  readonly start: string
  readonly expiry: string
  readonly service: string
  readonly version: string
}

/** 32 bytes, derived and never stored: any change to a field is another key. */
export function delegationKey(account: Account, fields: DelegationKeyFields): Buffer {
  return createHmac('sha256', account.delegationSecret)
    .update(
      JSON.stringify([fields.objectId, fields.tenantId, fields.start, fields.expiry, fields.service, fields.version]),
    )
    .digest()
}
