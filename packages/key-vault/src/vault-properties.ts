/** The properties of a vault as Resource Manager's clients write them: their shape, defaults, and what may change. */
import { isIP } from 'node:net'
import { ArmError } from '@keystead/resource-manager'
import { z } from 'zod'

const guid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, 'expected a GUID')

/** Clients send explicit nulls for what they do not set; none is kept. */
function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined)
}

const permissionList = optional(z.array(z.string().max(32)).max(64))

const accessPolicy = z
  .object({
    tenantId: guid,
    objectId: guid,
    applicationId: optional(guid),
    permissions: z.object({
      keys: permissionList,
      secrets: permissionList,
      certificates: permissionList,
      storage: permissionList,
    }),
  })
  .transform(withoutUndefined)

const accessPolicies = z.array(accessPolicy).max(1024)

const ipRule = z.object({
  value: z.string().refine((value) => {
    const [address = '', prefix, ...more] = value.split('/')
    if (more.length > 0 || isIP(address) === 0) return false
    return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIP(address) === 4 ? 32 : 128))
  }, 'expected an address or a range in CIDR notation'),
})

const networkAcls = z
  .object({
    bypass: optional(z.enum(['AzureServices', 'None'])),
    defaultAction: optional(z.enum(['Allow', 'Deny'])),
    ipRules: optional(z.array(ipRule).max(1000)),
    virtualNetworkRules: optional(
      z.array(
        z
          .object({ id: z.string().max(2048), ignoreMissingVnetServiceEndpoint: optional(z.boolean()) })
          .transform(withoutUndefined),
      ),
    ),
  })
  .transform(withoutUndefined)

const sku = z.object({
  family: z
    .string()
    .regex(/^a$/i, "expected 'A'")
    .transform(() => 'A'),
  name: z
    .string()
    .regex(/^(standard|premium)$/i, "expected 'standard' or 'premium'")
    .transform((name) => name.toLowerCase()),
})

const settings = {
  enabledForDeployment: optional(z.boolean()),
  enabledForDiskEncryption: optional(z.boolean()),
  enabledForTemplateDeployment: optional(z.boolean()),
  enableSoftDelete: optional(z.boolean()),
  softDeleteRetentionInDays: optional(z.number().int()),
  enableRbacAuthorization: optional(z.boolean()),
  enablePurgeProtection: optional(z.boolean()),
  createMode: optional(z.string().regex(/^(default|recover)$/i, "expected 'default' or 'recover'")),
  publicNetworkAccess: optional(z.string().regex(/^(enabled|disabled)$/i, "expected 'Enabled' or 'Disabled'")),
  networkAcls: optional(networkAcls),
}

const tags = optional(
  z
    .record(z.string().max(512), z.string().max(256))
    .refine((value) => Object.keys(value).length <= 50, 'expected at most 50 tags'),
)

/** `PUT vaults/V`. */
export const vaultBody = z.object({
  location: z.string().min(1).max(64),
  tags,
  properties: z.object({
    tenantId: guid,
    sku: optional(sku),
    accessPolicies: optional(accessPolicies),
    ...settings,
  }),
})
export type VaultBody = z.infer<typeof vaultBody>

/** `PATCH vaults/V`. */
export const vaultPatchBody = z.object({
  tags,
  properties: optional(
    z.object({
      tenantId: optional(guid),
      sku: optional(sku),
      accessPolicies: optional(accessPolicies),
      ...settings,
    }),
  ),
})
export type VaultPatchBody = z.infer<typeof vaultPatchBody>

/** `PUT vaults/V/accessPolicies/{add|replace|remove}`. */
export const accessPoliciesBody = z.object({ properties: z.object({ accessPolicies }) })
export type AccessPoliciesBody = z.infer<typeof accessPoliciesBody>

/** `POST checkNameAvailability`. */
export const checkNameBody = z.object({ name: z.string().max(1024), type: z.string().max(256) })
export type CheckNameBody = z.infer<typeof checkNameBody>

/** `POST checkMhsmNameAvailability`. */
export const checkHsmNameBody = checkNameBody.pick({ name: true })
export type CheckHsmNameBody = z.infer<typeof checkHsmNameBody>

/** A vault's properties as they are kept, with every default filled in. */
const storedProperties = z.object({
  tenantId: z.string(),
  sku: z.object({ family: z.string(), name: z.string() }),
  accessPolicies: z.array(accessPolicy),
  enabledForDeployment: z.boolean().optional(),
  enabledForDiskEncryption: z.boolean().optional(),
  enabledForTemplateDeployment: z.boolean().optional(),
  enableSoftDelete: z.literal(true),
  softDeleteRetentionInDays: z.number(),
  enableRbacAuthorization: z.boolean(),
  enablePurgeProtection: z.literal(true).optional(),
  networkAcls: networkAcls.optional(),
  publicNetworkAccess: z.string(),
  vaultUri: z.string(),
  provisioningState: z.string(),
})
export type VaultProperties = z.infer<typeof storedProperties>
export type AccessPolicy = VaultProperties['accessPolicies'][number]

/** Kept properties from the database. Throws when they are not what {@link createdProperties} made. */
export function readVaultProperties(properties: unknown): VaultProperties {
  return withoutUndefined(storedProperties.parse(properties))
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T
}

function badRequest(message: string): ArmError {
  return new ArmError(400, 'BadRequest', message)
}

type Settings = NonNullable<VaultPatchBody['properties']>

function checkedPolicies(policies: readonly AccessPolicy[], tenantId: string): AccessPolicy[] {
  const seen = new Set<string>()
  for (const policy of policies) {
    const key = policyKey(policy)
    if (policy.tenantId.toLowerCase() !== tenantId.toLowerCase() || seen.has(key)) {
      throw badRequest("An invalid value was provided for 'accessPolicies'.")
    }
    seen.add(key)
  }
  return [...policies]
}

function policyKey(policy: AccessPolicy): string {
  return `${policy.objectId}/${policy.applicationId ?? ''}`.toLowerCase()
}

function checkSettings(wanted: Settings, existing: VaultProperties | undefined): void {
  if (wanted.enablePurgeProtection === false) {
    throw badRequest(
      'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.',
    )
  }
  if (existing !== undefined && wanted.enableSoftDelete === false) {
    throw badRequest(
      'The property "enableSoftDelete" can be set to false only for creating new vault. Enabling the \'soft delete\' functionality is an irreversible action.',
    )
  }
  const days = wanted.softDeleteRetentionInDays
  if (days === undefined) return
  if (existing !== undefined && days !== existing.softDeleteRetentionInDays) {
    throw badRequest('The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.')
  }
  if (days < 7 || days > 90) {
    throw badRequest('The property "softDeleteRetentionInDays" must be between 7 and 90.')
  }
}

function kept(value: Settings): Partial<VaultProperties> {
  const { enablePurgeProtection, enableSoftDelete: _always, createMode: _once, ...rest } = value
  return withoutUndefined({
    ...rest,
    enablePurgeProtection: enablePurgeProtection === true ? (true as const) : undefined,
  })
}

/** The properties of a new vault. Throws {@link ArmError} 400. Access policies are the model when none is asked for. */
export function createdProperties(name: string, wanted: VaultBody['properties']): VaultProperties {
  checkSettings(wanted, undefined)
  if (wanted.sku === undefined) throw badRequest("The value of parameter 'sku' is required.")
  return {
    ...kept(wanted),
    tenantId: wanted.tenantId,
    sku: wanted.sku,
    accessPolicies: checkedPolicies(wanted.accessPolicies ?? [], wanted.tenantId),
    enableSoftDelete: true,
    softDeleteRetentionInDays: wanted.softDeleteRetentionInDays ?? 90,
    enableRbacAuthorization: wanted.enableRbacAuthorization ?? false,
    publicNetworkAccess: wanted.publicNetworkAccess ?? 'Enabled',
    vaultUri: `https://${name.toLowerCase()}.vault.azure.net/`,
    provisioningState: 'Succeeded',
  }
}

/** The properties after a `PUT` on an existing vault: what it does not name goes back to its default, but for what can not be undone. */
export function replacedProperties(
  name: string,
  existing: VaultProperties,
  wanted: VaultBody['properties'],
): VaultProperties {
  checkSettings(wanted, existing)
  return {
    ...createdProperties(name, {
      ...wanted,
      sku: wanted.sku ?? existing.sku,
      softDeleteRetentionInDays: existing.softDeleteRetentionInDays,
      enableRbacAuthorization: wanted.enableRbacAuthorization ?? existing.enableRbacAuthorization,
      enableSoftDelete: true,
    }),
    ...(existing.enablePurgeProtection === true ? { enablePurgeProtection: true as const } : {}),
  }
}

/** The properties after a `PATCH`: only what it names changes. */
export function patchedProperties(existing: VaultProperties, wanted: Settings | undefined): VaultProperties {
  if (wanted === undefined) return existing
  checkSettings(wanted, existing)
  const merged = { ...existing, ...kept(wanted) }
  return { ...merged, accessPolicies: checkedPolicies(merged.accessPolicies, merged.tenantId) }
}

export type AccessPolicyUpdateKind = 'add' | 'replace' | 'remove'

const permissionKinds = ['keys', 'secrets', 'certificates', 'storage'] as const

function union(existing: AccessPolicy, added: AccessPolicy): AccessPolicy {
  const permissions: AccessPolicy['permissions'] = { ...existing.permissions }
  for (const kind of permissionKinds) {
    const more = added.permissions[kind]
    if (more === undefined) continue
    const have = permissions[kind] ?? []
    const known = new Set(have.map((permission) => permission.toLowerCase()))
    permissions[kind] = [...have, ...more.filter((permission) => !known.has(permission.toLowerCase()))]
  }
  return { ...existing, permissions }
}

/** The policy without the permissions named in `removed`; undefined when none is left, or when it names none. */
function difference(existing: AccessPolicy, removed: AccessPolicy): AccessPolicy | undefined {
  const permissions: AccessPolicy['permissions'] = { ...existing.permissions }
  let named = 0
  let left = 0
  for (const kind of permissionKinds) {
    const less = new Set((removed.permissions[kind] ?? []).map((permission) => permission.toLowerCase()))
    named += less.size
    const rest = (permissions[kind] ?? []).filter((permission) => !less.has(permission.toLowerCase()))
    left += rest.length
    if (permissions[kind] !== undefined) permissions[kind] = rest
  }
  return named === 0 || left === 0 ? undefined : { ...existing, permissions }
}

/** The vault's properties after `PUT accessPolicies/KIND`. Throws {@link ArmError} 400. */
export function updatedPolicies(
  existing: VaultProperties,
  kind: AccessPolicyUpdateKind,
  wanted: readonly AccessPolicy[],
): VaultProperties {
  const checked = checkedPolicies(wanted, existing.tenantId)
  if (kind === 'replace') return { ...existing, accessPolicies: checked }
  const policies = new Map(existing.accessPolicies.map((policy) => [policyKey(policy), policy]))
  for (const policy of checked) {
    const key = policyKey(policy)
    const before = policies.get(key)
    if (kind === 'add') policies.set(key, before === undefined ? policy : union(before, policy))
    else if (before !== undefined) {
      const after = difference(before, policy)
      if (after === undefined) policies.delete(key)
      else policies.set(key, after)
    }
  }
  const accessPolicies = [...policies.values()]
  if (accessPolicies.length > 1024) throw badRequest("An invalid value was provided for 'accessPolicies'.")
  return { ...existing, accessPolicies }
}
