/** The JSON bodies that Microsoft Graph's directory operations take, with their refusals. */
import { z } from 'zod'
import { graphErrors } from './graph-error.ts'

const text = z.string().max(4096)
const name = z.string().min(1).max(256)
const nullable = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional()
const redirectUris = z.array(z.string().max(2048)).max(256)
const objects = z.array(z.looseObject({})).max(1200)
const instant = z.iso.datetime({ offset: true })

const keyCredential = z.looseObject({
  keyId: nullable(z.guid()),
  key: nullable(z.string().max(64 * 1024)),
  displayName: nullable(text),
  type: nullable(text),
  usage: nullable(text),
  startDateTime: nullable(text),
  endDateTime: nullable(text),
})
export type KeyCredentialInput = z.infer<typeof keyCredential>

const applicationFields = {
  displayName: name,
  description: nullable(text),
  notes: nullable(text),
  groupMembershipClaims: nullable(text),
  identifierUris: z.array(z.string().min(1).max(255)).max(50).optional(),
  isFallbackPublicClient: nullable(z.boolean()),
  isDeviceOnlyAuthSupported: nullable(z.boolean()),
  optionalClaims: nullable(z.looseObject({})),
  serviceManagementReference: nullable(text),
  signInAudience: z
    .enum(['AzureADMyOrg', 'AzureADMultipleOrgs', 'AzureADandPersonalMicrosoftAccount', 'PersonalMicrosoftAccount'])
    .optional(),
  tags: z.array(text).optional(),
  api: z.looseObject({}).optional(),
  appRoles: objects.optional(),
  info: z.looseObject({}).optional(),
  publicClient: z.looseObject({ redirectUris: redirectUris.optional() }).optional(),
  requiredResourceAccess: objects.optional(),
  spa: z.looseObject({ redirectUris: redirectUris.optional() }).optional(),
  web: z.looseObject({ redirectUris: redirectUris.optional() }).optional(),
  keyCredentials: z.array(keyCredential).max(20).optional(),
}

export const newApplication = z.strictObject(applicationFields)
export const applicationChange = z.strictObject(applicationFields).partial()

const servicePrincipalFields = {
  accountEnabled: z.literal(true).optional(),
  appRoleAssignmentRequired: z.boolean().optional(),
  description: nullable(text),
  homepage: nullable(text),
  loginUrl: nullable(text),
  notes: nullable(text),
  notificationEmailAddresses: z.array(text).optional(),
  preferredSingleSignOnMode: nullable(text),
  tags: z.array(text).optional(),
  keyCredentials: z.array(keyCredential).max(20).optional(),
}
// An SDK sends `accountEnabled: "True"` as well, for a boolean.
const enabled = z
  .preprocess((value) => (value === 'True' || value === 'true' ? true : value), z.literal(true))
  .optional()
export const newServicePrincipal = z.strictObject({
  ...servicePrincipalFields,
  accountEnabled: enabled,
  appId: z.guid(),
})
export const servicePrincipalChange = z.strictObject({ ...servicePrincipalFields, accountEnabled: enabled })

export const passwordInput = z.object({
  passwordCredential: nullable(
    z.looseObject({
      displayName: nullable(text),
      startDateTime: nullable(instant),
      endDateTime: nullable(instant),
    }),
  ),
})
export const keyIdInput = z.object({ keyId: z.guid() })

export const federatedCredentialInput = z.object({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/),
  issuer: z.string().min(1).max(600),
  subject: z.string().min(1).max(600),
  description: nullable(z.string().max(600)),
  audiences: z.array(z.string().min(1).max(600)).length(1),
})
export const federatedCredentialChange = federatedCredentialInput.partial()

const userFields = {
  displayName: name,
  userPrincipalName: z.string().max(1024),
  accountEnabled: z.boolean(),
  mailNickname: z.string().min(1).max(64),
  businessPhones: z.array(text).max(1).optional(),
  givenName: nullable(text),
  jobTitle: nullable(text),
  mail: nullable(text),
  mobilePhone: nullable(text),
  officeLocation: nullable(text),
  onPremisesImmutableId: nullable(text),
  preferredLanguage: nullable(text),
  surname: nullable(text),
}
const passwordProfile = z.object({
  password: z.string().max(1024),
  forceChangePasswordNextSignIn: nullable(z.boolean()),
})
export const newUser = z.strictObject({ ...userFields, passwordProfile })
export const userChange = z.strictObject({ ...userFields, passwordProfile: passwordProfile.partial() }).partial()

const groupFields = {
  displayName: name,
  mailNickname: z.string().regex(/^[^\s@()\\[\]";:<>,]{1,64}$/),
  mailEnabled: z.literal(false),
  securityEnabled: z.literal(true),
  description: nullable(z.string().max(1024)),
  groupTypes: z.array(z.never()).optional(),
  visibility: nullable(text),
}
export const newGroup = z.strictObject({
  ...groupFields,
  'owners@odata.bind': z.array(z.string().max(512)).max(20).optional(),
  'members@odata.bind': z.array(z.string().max(512)).max(20).optional(),
})
export const groupChange = z.strictObject(groupFields).partial()

export const reference = z.object({ '@odata.id': z.string().max(512) })
export const idsInput = z.object({
  ids: z.array(z.string().max(64)).max(1000),
  types: z.array(z.string()).nullish(),
})
export const groupIdsInput = z.object({ groupIds: z.array(z.string().max(64)).max(20) })
export const memberGroupsInput = z.object({ securityEnabledOnly: z.boolean().nullish() })
export const roleAssignmentInput = z.looseObject({
  principalId: z.guid(),
  roleDefinitionId: z.guid(),
  directoryScopeId: z.literal('/'),
})

/** Parses a body; `@odata.type` is let be. Throws {@link GraphError} 400 that names the property. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw graphErrors.malformedBody()
  const { '@odata.type': _type, ...rest } = body as Record<string, unknown>
  const result = schema.safeParse(rest)
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue?.code === 'unrecognized_keys') {
    throw graphErrors.badRequest(`Invalid property '${String(issue.keys[0]).slice(0, 128)}'.`)
  }
  const path = issue?.path.join('.') ?? ''
  if (issue?.code === 'invalid_type' && issue.input === undefined && path !== '') {
    throw graphErrors.badRequest(`A value is required for property '${path}' of resource.`)
  }
  throw graphErrors.invalidProperty(path)
}

/** The object id in `@odata.id`: `https://graph.microsoft.com/v1.0/directoryObjects/ID`, also of `users`, `groups` or `servicePrincipals`. */
export function referencedId(address: string): string {
  const id = /\/(?:directoryObjects|users|groups|servicePrincipals)\/([0-9a-f-]{36})$/i.exec(address)?.[1]
  if (!id) throw graphErrors.badRequest('Invalid URL format specified in @odata.bind for resource.')
  return id.toLowerCase()
}
