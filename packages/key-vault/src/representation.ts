/** Secrets as the wire shows them (Key Vault REST API: SecretBundle, SecretItem, DeletedSecretBundle). */
import type { DeletedSecret, OpenedSecret, SecretVersion } from './secret.ts'
import type { Vault } from './vault.ts'

export interface SecretAttributesBody {
  readonly enabled: boolean
  readonly nbf: number | undefined
  readonly exp: number | undefined
  readonly created: number
  readonly updated: number
  readonly recoveryLevel: string
  readonly recoverableDays: number
}

export interface SecretItemBody {
  readonly contentType: string | undefined
  readonly id: string
  readonly attributes: SecretAttributesBody
  readonly tags: Readonly<Record<string, string>> | undefined
}

/** What is undefined is left out of the JSON. */
function attributes(vault: Vault, secret: SecretVersion): SecretAttributesBody {
  return {
    enabled: secret.enabled,
    nbf: secret.notBefore ?? undefined,
    exp: secret.expires ?? undefined,
    created: secret.created,
    updated: secret.updated,
    recoveryLevel: vault.recoveryLevel,
    recoverableDays: vault.properties.softDeleteRetentionInDays,
  }
}

function item(vault: Vault, id: string, secret: SecretVersion): SecretItemBody {
  return {
    contentType: secret.contentType ?? undefined,
    id,
    attributes: attributes(vault, secret),
    tags: secret.tags ?? undefined,
  }
}

/** With its value: what a get and a set answer. `base` is the vault's URL as the caller reached it. */
export function secretBundle(vault: Vault, base: string, secret: OpenedSecret) {
  return {
    value: secret.value,
    contentType: secret.contentType ?? undefined,
    id: `${base}/secrets/${secret.name}/${secret.version}`,
    attributes: attributes(vault, secret),
    tags: secret.tags ?? undefined,
  }
}

/** Without a value, named with its version. */
export function versionItem(vault: Vault, base: string, secret: SecretVersion): SecretItemBody {
  return item(vault, `${base}/secrets/${secret.name}/${secret.version}`, secret)
}

/** Without a value, named without its version. */
export function secretItem(vault: Vault, base: string, secret: SecretVersion): SecretItemBody {
  return item(vault, `${base}/secrets/${secret.name}`, secret)
}

function deletionBody(base: string, secret: DeletedSecret) {
  return {
    recoveryId: `${base}/deletedsecrets/${secret.name}`,
    deletedDate: Math.floor(secret.deletion.deletedAt / 1000),
    scheduledPurgeDate: Math.floor(secret.deletion.scheduledPurgeAt / 1000),
  }
}

export function deletedBundle(vault: Vault, base: string, secret: DeletedSecret) {
  return { ...deletionBody(base, secret), ...versionItem(vault, base, secret) }
}

export function deletedItem(vault: Vault, base: string, secret: DeletedSecret) {
  return { ...deletionBody(base, secret), ...secretItem(vault, base, secret) }
}
