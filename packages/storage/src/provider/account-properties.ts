/** The bodies that clients send for storage accounts, and the properties that are kept of them. */
import { ArmError } from '@keystead/resource-manager'
import { z } from 'zod'

/** Clients send explicit nulls for what they do not set; none is kept. */
function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined)
}

const settings = z.looseObject({
  accessTier: optional(z.enum(['Hot', 'Cool', 'Cold', 'Premium'])),
  allowBlobPublicAccess: optional(z.boolean()),
  allowSharedKeyAccess: optional(z.boolean()),
  allowCrossTenantReplication: optional(z.boolean()),
  defaultToOAuthAuthentication: optional(z.boolean()),
  minimumTlsVersion: optional(z.enum(['TLS1_0', 'TLS1_1', 'TLS1_2', 'TLS1_3'])),
  supportsHttpsTrafficOnly: optional(z.boolean()),
  publicNetworkAccess: optional(z.enum(['Enabled', 'Disabled', 'SecuredByPerimeter'])),
  isHnsEnabled: optional(z.boolean()),
  isSftpEnabled: optional(z.boolean()),
  isNfsV3Enabled: optional(z.boolean()),
  isLocalUserEnabled: optional(z.boolean()),
  networkAcls: optional(z.looseObject({ defaultAction: optional(z.enum(['Allow', 'Deny'])) })),
  encryption: optional(z.looseObject({ keySource: optional(z.string()) })),
  customDomain: optional(z.looseObject({ name: z.string() })),
})

export type AccountSettings = z.infer<typeof settings>

const skuNames = [
  'Standard_LRS',
  'Standard_GRS',
  'Standard_RAGRS',
  'Standard_ZRS',
  'Standard_GZRS',
  'Standard_RAGZRS',
  'Premium_LRS',
  'Premium_ZRS',
] as const
const sku = z.looseObject({ name: z.enum(skuNames) })
const kind = z.enum(['Storage', 'StorageV2', 'BlobStorage', 'BlockBlobStorage'])
const tags = optional(z.record(z.string(), z.string()))
const identity = optional(
  z.looseObject({ type: optional(z.literal('None', 'Identities of storage accounts are not supported')) }),
)

/** `PUT`. */
export const accountBody = z.looseObject({
  location: z.string(),
  sku,
  kind: optional(kind),
  tags,
  identity,
  properties: optional(settings),
})
export type AccountBody = z.infer<typeof accountBody>

/** `PATCH`. */
export const accountPatchBody = z.looseObject({
  sku: optional(sku),
  kind: optional(kind),
  tags,
  identity,
  properties: optional(settings),
})
export type AccountPatchBody = z.infer<typeof accountPatchBody>

export const checkNameBody = z.looseObject({ name: z.string().max(1024), type: z.string().max(256) })
export type CheckNameBody = z.infer<typeof checkNameBody>

export const regenerateKeyBody = z.looseObject({ keyName: z.enum(['key1', 'key2']) })
export type RegenerateKeyBody = z.infer<typeof regenerateKeyBody>

const time = z.string().max(64)
const signedProtocol = optional(z.enum(['https', 'https,http']))
const keyToSign = optional(z.enum(['key1', 'key2']))

export const accountSasBody = z.looseObject({
  signedServices: z.string().regex(/^[bqtf]{1,4}$/),
  signedResourceTypes: z.string().regex(/^[sco]{1,3}$/),
  signedPermission: z.string().regex(/^[a-z]{1,16}$/),
  signedIp: optional(z.string().max(64)),
  signedProtocol,
  signedStart: optional(time),
  signedExpiry: time,
  keyToSign,
})
export type AccountSasBody = z.infer<typeof accountSasBody>

export const serviceSasBody = z.looseObject({
  canonicalizedResource: z.string().max(2048),
  signedResource: optional(z.enum(['b', 'c'])),
  signedPermission: optional(z.string().regex(/^[a-z]{1,16}$/)),
  signedIp: optional(z.string().max(64)),
  signedProtocol,
  signedStart: optional(time),
  signedExpiry: optional(time),
  signedIdentifier: optional(z.string().max(64)),
  keyToSign,
  rscc: optional(z.string().max(1024)),
  rscd: optional(z.string().max(1024)),
  rsce: optional(z.string().max(1024)),
  rscl: optional(z.string().max(1024)),
  rsct: optional(z.string().max(1024)),
})
export type ServiceSasBody = z.infer<typeof serviceSasBody>

const nameForm = /^[a-z0-9]{3,24}$/

export function isValidAccountName(name: string): boolean {
  return nameForm.test(name)
}

export function invalidNameMessage(name: string): string {
  return `${name.slice(0, 64)} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.`
}

/** What is asked for and not served here is refused, so that nobody relies on a protection that is not there. */
function refuseUnsupported(properties: AccountSettings): void {
  const refuse = (what: string) => {
    throw new ArmError(400, 'FeatureNotSupportedForAccount', `${what} is not supported for the account.`)
  }
  if (properties.isHnsEnabled) refuse('Hierarchical namespace')
  if (properties.isSftpEnabled) refuse('SFTP')
  if (properties.isNfsV3Enabled) refuse('NFS v3')
  if (properties.encryption?.keySource?.toLowerCase() === 'microsoft.keyvault') refuse('A customer-managed key')
  if (properties.customDomain?.name) refuse('A custom domain')
  if (properties.networkAcls?.defaultAction === 'Deny') refuse('A network rule that denies by default')
  if (properties.publicNetworkAccess !== undefined && properties.publicNetworkAccess !== 'Enabled') {
    refuse('Disabled public network access')
  }
}

/** What of the settings is kept; a key that is absent stays as it was. */
function known(properties: AccountSettings | undefined): Record<string, unknown> {
  if (properties === undefined) return {}
  refuseUnsupported(properties)
  const names = [
    'accessTier',
    'allowBlobPublicAccess',
    'allowSharedKeyAccess',
    'allowCrossTenantReplication',
    'defaultToOAuthAuthentication',
    'minimumTlsVersion',
    'supportsHttpsTrafficOnly',
    'publicNetworkAccess',
  ] as const
  const kept: Record<string, unknown> = {}
  for (const name of names) if (properties[name] !== undefined) kept[name] = properties[name]
  return kept
}

/** Properties of a new account, with Azure's defaults. */
export function createdProperties(name: string, body: AccountBody, now: number): Record<string, unknown> {
  const creationTime = new Date(now).toISOString()
  return {
    accessTier: 'Hot',
    allowBlobPublicAccess: false,
    minimumTlsVersion: 'TLS1_2',
    supportsHttpsTrafficOnly: true,
    networkAcls: { bypass: 'AzureServices', virtualNetworkRules: [], ipRules: [], defaultAction: 'Allow' },
    ...known(body.properties),
    creationTime,
    keyCreationTime: { key1: creationTime, key2: creationTime },
    primaryEndpoints: {
      blob: `https://${name}.blob.core.windows.net/`,
      queue: `https://${name}.queue.core.windows.net/`,
    },
    primaryLocation: body.location,
    statusOfPrimary: 'available',
    provisioningState: 'Succeeded',
  }
}

/** Properties of an account after a PUT or PATCH over it. */
export function updatedProperties(
  before: Readonly<Record<string, unknown>>,
  settingsGiven: AccountSettings | undefined,
): Record<string, unknown> {
  return { ...before, ...known(settingsGiven) }
}
