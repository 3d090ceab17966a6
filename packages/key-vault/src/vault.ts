/** A vault as the data plane needs it on every request: held in memory, made from its resource. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { normalizeLocation, type Resource } from '@keystead/resource-manager'
import { type AccessPolicy, readVaultProperties, type VaultProperties } from './vault-properties.ts'

export interface Vault {
  /** Ours, 32 hex. The name of its data key and of its rows. */
  readonly id: string
  /** In the case it was created with. */
  readonly name: string
  readonly resourceId: string
  readonly subscriptionId: string
  /** e.g. `westeurope`. */
  readonly location: string
  readonly tenantId: string
  readonly properties: VaultProperties
  /** How Key Vault names it in refusals: `NAME;location=REGION`. */
  readonly label: string
  /** `name.vault.azure.net`. */
  readonly host: string
  /** `https://name.vault.azure.net`, without a slash at the end. */
  readonly url: string
  readonly dataKey: string
  /** The data key of backups: of the subscription, so that a backup outlives its vault. */
  readonly backupKey: string
  readonly policies: readonly SecretPolicy[]
  readonly recoveryLevel: string
  readonly network: Network
}

/** An access policy, as far as it speaks of secrets. */
export interface SecretPolicy {
  readonly tenantId: string
  readonly objectId: string
  readonly secrets: readonly string[]
}

/** Which client addresses may reach the data plane. */
export interface Network {
  readonly publicAccess: boolean
  /** Undefined when every address may. */
  readonly allowed: BlockList | undefined
  readonly bypassAzureServices: boolean
}

export function dataKeyOf(vaultId: string): string {
  return `vault:${vaultId}`
}

export function backupKeyOf(tenantId: string, subscriptionId: string): string {
  return `key-vault-backup:${tenantId.toLowerCase()}/${subscriptionId.toLowerCase()}`
}

/** What becomes of a deleted secret, in Key Vault's words (DeletionRecoveryLevel). */
function recoveryLevelOf(properties: VaultProperties): string {
  const level = properties.softDeleteRetentionInDays === 90 ? 'Recoverable' : 'CustomizedRecoverable'
  return properties.enablePurgeProtection === true ? level : `${level}+Purgeable`
}

/** A policy for an application on behalf of a user never matches: no token here carries both. */
function secretPolicies(policies: readonly AccessPolicy[]): readonly SecretPolicy[] {
  return policies
    .filter((policy) => policy.applicationId === undefined)
    .map((policy) => ({
      tenantId: policy.tenantId,
      objectId: policy.objectId,
      secrets: (policy.permissions.secrets ?? []).map((permission) => permission.toLowerCase()),
    }))
}

function addRule(list: BlockList, value: string): void {
  const [address = '', prefix] = value.split('/')
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
  if (family === undefined) return
  if (prefix === undefined) list.addAddress(address, family)
  else list.addSubnet(address, Number(prefix), family)
}

function networkOf(properties: VaultProperties): Network {
  const rules = properties.networkAcls
  let allowed: BlockList | undefined
  if (rules?.defaultAction?.toLowerCase() === 'deny') {
    allowed = new BlockList()
    for (const rule of rules.ipRules ?? []) addRule(allowed, rule.value)
  }
  return {
    publicAccess: properties.publicNetworkAccess.toLowerCase() !== 'disabled',
    allowed,
    bypassAzureServices: (rules?.bypass ?? 'AzureServices').toLowerCase() !== 'none',
  }
}

/** Whether `address` (of the TCP connection) may reach the vault past its firewall. */
export function addressAllowed(network: Network, address: string): boolean {
  if (network.allowed === undefined) return true
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  if (isIPv4(plain)) return network.allowed.check(plain, 'ipv4')
  return isIPv6(plain) && network.allowed.check(plain, 'ipv6')
}

/** `id` is the vault's own; the rest is read from the resource, which `readVaultProperties` checks. */
export function vaultFromResource(id: string, resource: Omit<Resource, 'etag'>): Vault {
  const properties = readVaultProperties(resource.properties)
  const location = normalizeLocation(resource.location ?? '')
  const host = `${resource.name.toLowerCase()}.vault.azure.net`
  const subscriptionId = resource.id.split('/')[2] ?? ''
  return {
    id,
    name: resource.name,
    resourceId: resource.id,
    subscriptionId,
    location,
    tenantId: properties.tenantId,
    properties,
    label: `${resource.name};location=${location}`,
    host,
    url: `https://${host}`,
    dataKey: dataKeyOf(id),
    backupKey: backupKeyOf(properties.tenantId, subscriptionId),
    policies: secretPolicies(properties.accessPolicies),
    recoveryLevel: recoveryLevelOf(properties),
    network: networkOf(properties),
  }
}
