/** The directory's objects in Microsoft Graph's words ("application", "servicePrincipal", "user", "group" resource types). */
import { X509Certificate } from 'node:crypto'
import type { FederatedCredential } from '../application-credentials.ts'
import type {
  ApplicationRow,
  CertificateRow,
  CredentialHolder,
  GroupRow,
  PasswordRow,
  ServicePrincipalRow,
  UserRow,
} from '../tables.ts'
import type { GraphObject } from './filter.ts'

export interface Credentials {
  readonly passwords: readonly PasswordRow[]
  readonly certificates: readonly CertificateRow[]
}

export const noCredentials: Credentials = { passwords: [], certificates: [] }

/** An instant of the database as Graph writes it. */
export function instant(milliseconds: number | bigint): string {
  return new Date(Number(milliseconds)).toISOString().replace(/\.000Z$/, 'Z')
}

export function propertiesOf(row: { readonly properties: string }): Record<string, unknown> {
  return JSON.parse(row.properties) as Record<string, unknown>
}

export function passwordCredential(row: PasswordRow): GraphObject {
  return {
    customKeyIdentifier: null,
    displayName: row.display_name === '' ? null : row.display_name,
    endDateTime: instant(row.expires_at),
    hint: row.hint,
    keyId: row.key_id,
    secretText: null,
    startDateTime: instant(row.created_at),
  }
}

/** `withKey`: Graph shows the certificate itself only when it is asked for by `$select`. */
export function keyCredential(row: CertificateRow, withKey: boolean): GraphObject {
  return {
    customKeyIdentifier: Buffer.from(row.thumbprint_sha1, 'base64url').toString('hex').toUpperCase(),
    displayName: row.display_name,
    endDateTime: instant(row.not_after),
    key: withKey ? new X509Certificate(row.certificate_pem).raw.toString('base64') : null,
    keyId: row.key_id,
    startDateTime: instant(row.not_before),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  }
}

function credentialsOf(holder: CredentialHolder, appId: string, credentials: Credentials, withKey: boolean) {
  const mine = (row: { app_id: string; holder: CredentialHolder }) => row.app_id === appId && row.holder === holder
  return {
    keyCredentials: credentials.certificates.filter(mine).map((row) => keyCredential(row, withKey)),
    passwordCredentials: credentials.passwords.filter(mine).map(passwordCredential),
  }
}

export function application(row: ApplicationRow, credentials: Credentials, withKey = false): GraphObject {
  return {
    id: row.object_id,
    deletedDateTime: null,
    appId: row.app_id,
    applicationTemplateId: null,
    createdDateTime: instant(row.created_at),
    displayName: row.display_name,
    description: null,
    groupMembershipClaims: null,
    identifierUris: [],
    isDeviceOnlyAuthSupported: null,
    isFallbackPublicClient: null,
    notes: null,
    optionalClaims: null,
    publisherDomain: null,
    serviceManagementReference: null,
    signInAudience: 'AzureADMyOrg',
    tags: [],
    tokenEncryptionKeyId: null,
    addIns: [],
    api: {
      acceptMappedClaims: null,
      knownClientApplications: [],
      requestedAccessTokenVersion: null,
      oauth2PermissionScopes: [],
      preAuthorizedApplications: [],
    },
    appRoles: [],
    info: { logoUrl: null, marketingUrl: null, privacyStatementUrl: null, supportUrl: null, termsOfServiceUrl: null },
    publicClient: { redirectUris: [] },
    requiredResourceAccess: [],
    spa: { redirectUris: [] },
    web: {
      homePageUrl: null,
      logoutUrl: null,
      redirectUris: [],
      implicitGrantSettings: { enableAccessTokenIssuance: false, enableIdTokenIssuance: false },
    },
    ...propertiesOf(row),
    ...credentialsOf('application', row.app_id, credentials, withKey),
  }
}

export interface ServicePrincipalContext {
  readonly tenantId: string
  /** Of the application, if it is here. */
  readonly identifierUris: readonly string[]
  /** Of a managed identity. */
  readonly resourceId?: string
  readonly userAssigned?: boolean
}

export function servicePrincipal(
  row: ServicePrincipalRow,
  context: ServicePrincipalContext,
  credentials: Credentials,
  withKey = false,
): GraphObject {
  const { resourceId } = context
  return {
    id: row.object_id,
    deletedDateTime: null,
    accountEnabled: true,
    alternativeNames: resourceId ? [`isExplicit=${context.userAssigned === true ? 'True' : 'False'}`, resourceId] : [],
    appDisplayName: row.type === 'Application' ? row.display_name : null,
    appDescription: null,
    appId: row.app_id,
    applicationTemplateId: null,
    appOwnerOrganizationId: row.type === 'Application' ? context.tenantId : null,
    appRoleAssignmentRequired: false,
    createdDateTime: instant(row.created_at),
    description: null,
    disabledByMicrosoftStatus: null,
    displayName: row.display_name,
    homepage: null,
    loginUrl: null,
    logoutUrl: null,
    notes: null,
    notificationEmailAddresses: [],
    preferredSingleSignOnMode: null,
    replyUrls: [],
    servicePrincipalNames: [row.app_id, ...context.identifierUris],
    servicePrincipalType: row.type,
    signInAudience: row.type === 'Application' ? 'AzureADMyOrg' : null,
    tags: [],
    tokenEncryptionKeyId: null,
    addIns: [],
    appRoles: [],
    info: { logoUrl: null, marketingUrl: null, privacyStatementUrl: null, supportUrl: null, termsOfServiceUrl: null },
    oauth2PermissionScopes: [],
    resourceSpecificApplicationPermissions: [],
    verifiedPublisher: { displayName: null, verifiedPublisherId: null, addedDateTime: null },
    ...propertiesOf(row),
    ...credentialsOf('servicePrincipal', row.app_id, credentials, withKey),
  }
}

/** What Graph shows of a user when nothing is selected. */
const userDefaults = [
  'businessPhones',
  'displayName',
  'givenName',
  'jobTitle',
  'mail',
  'mobilePhone',
  'officeLocation',
  'preferredLanguage',
  'surname',
  'userPrincipalName',
  'id',
] as const

/** Everything of a user that can be selected or filtered on. */
export function user(row: UserRow): GraphObject {
  return {
    businessPhones: [],
    displayName: row.display_name,
    givenName: null,
    jobTitle: null,
    mail: null,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: null,
    userPrincipalName: row.user_principal_name,
    id: row.object_id,
    accountEnabled: row.account_enabled !== 0,
    createdDateTime: instant(row.created_at),
    deletedDateTime: null,
    mailNickname: null,
    onPremisesImmutableId: null,
    userType: 'Member',
    ...propertiesOf(row),
  }
}

export function userByDefault(object: GraphObject): GraphObject {
  return Object.fromEntries(userDefaults.map((name) => [name, object[name]]))
}

export function group(row: GroupRow): GraphObject {
  return {
    id: row.object_id,
    deletedDateTime: null,
    classification: null,
    createdDateTime: instant(row.created_at),
    creationOptions: [],
    description: null,
    displayName: row.display_name,
    expirationDateTime: null,
    groupTypes: [],
    isAssignableToRole: null,
    mail: null,
    mailEnabled: false,
    mailNickname: null,
    membershipRule: null,
    membershipRuleProcessingState: null,
    onPremisesSyncEnabled: null,
    proxyAddresses: [],
    renewedDateTime: instant(row.created_at),
    resourceBehaviorOptions: [],
    resourceProvisioningOptions: [],
    securityEnabled: true,
    visibility: null,
    ...propertiesOf(row),
  }
}

export function federatedCredential(credential: FederatedCredential): GraphObject {
  return {
    id: credential.id ?? null,
    name: credential.name,
    issuer: credential.issuer,
    subject: credential.subject,
    description: credential.description ? credential.description : null,
    audiences: credential.audiences,
  }
}
