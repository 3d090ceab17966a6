/** The shape of identity's rows, as its migrations make them. Times are milliseconds since the epoch. */
import type { Generated, Selectable } from 'kysely'

export interface IdentityTables {
  identity_signing_keys: SigningKeyRow
  identity_applications: ApplicationTable
  identity_service_principals: ServicePrincipalTable
  identity_passwords: PasswordTable
  identity_certificates: CertificateTable
  identity_federated_credentials: FederatedCredentialTable
  identity_managed_identities: ManagedIdentityRow
  identity_replicas: ReplicaRow
  identity_used_assertions: UsedAssertionRow
  identity_users: UserRow
  identity_groups: GroupRow
  identity_group_members: GroupMemberRow
  identity_owners: OwnerRow
  identity_directory_role_assignments: DirectoryRoleAssignmentRow
  identity_refresh_tokens: RefreshTokenRow
}

export interface SigningKeyRow {
  kid: string
  /** JSON of the public JWK. */
  public_jwk: string
  /** The private JWK's JSON, sealed by the keyring with the kid as context. */
  sealed_private_jwk: Uint8Array
  created_at: number
  /** When a newer key took over; null while this one signs. */
  retired_at: number | null
}

export type ApplicationRow = Selectable<ApplicationTable>

export interface ApplicationTable {
  app_id: string
  object_id: string
  display_name: string
  created_at: number
  /** JSON of what else Microsoft Graph was told of it. */
  properties: Generated<string>
}

export type ServicePrincipalRow = Selectable<ServicePrincipalTable>

export interface ServicePrincipalTable {
  object_id: string
  app_id: string
  display_name: string
  type: 'Application' | 'ManagedIdentity'
  created_at: number
  /** JSON of what else Microsoft Graph was told of it. */
  properties: Generated<string>
}

/** Whose credential it is: the application's, or its service principal's own. */
export type CredentialHolder = 'application' | 'servicePrincipal'

export type PasswordRow = Selectable<PasswordTable>

export interface PasswordTable {
  key_id: string
  app_id: string
  display_name: string
  /** The secret's first three characters, as Microsoft Graph shows them: which row a secret may belong to. */
  hint: string
  /** `scrypt$N$r$p$salt$hash`, base64url parts. */
  hash: string
  created_at: number
  expires_at: number
  holder: Generated<CredentialHolder>
}

export type CertificateRow = Selectable<CertificateTable>

export interface CertificateTable {
  key_id: string
  app_id: string
  certificate_pem: string
  /** Base64url of the DER's SHA-1, as `x5t` carries it. */
  thumbprint_sha1: string
  /** Base64url of the DER's SHA-256, as `x5t#S256` carries it. */
  thumbprint_sha256: string
  not_before: number
  not_after: number
  holder: Generated<CredentialHolder>
  display_name: Generated<string>
}

export type FederatedCredentialRow = Selectable<FederatedCredentialTable>

export interface FederatedCredentialTable {
  app_id: string
  name: string
  issuer: string
  subject: string
  /** JSON array of strings. */
  audiences: string
  /** Microsoft Graph's; null until it is asked for one that was made without it. */
  id: Generated<string | null>
  description: Generated<string>
}

export interface ManagedIdentityRow {
  /** The resource id in lower case: resource ids are compared case-insensitively. */
  resource_key: string
  resource_id: string
  kind: 'UserAssigned' | 'SystemAssigned'
  principal_id: string
  client_id: string
}

export interface ReplicaRow {
  replica_id: string
  /** Base64url of the header's SHA-256. */
  header_digest: string
  /** JSON array of resource ids. */
  identity_resource_ids: string
}

export interface UsedAssertionRow {
  /** Base64url digest of application, assertion id, resource. */
  digest: string
  first_used_at: number
  expires_at: number
}

export interface UserRow {
  object_id: string
  /** The user principal name in lower case: names are compared case-insensitively. */
  upn_key: string
  user_principal_name: string
  display_name: string
  /** 0 or 1. */
  account_enabled: number
  /** `scrypt$N$r$p$salt$hash`, base64url parts. */
  password_hash: string
  /** 0 or 1. */
  must_change_password: number
  /** JSON of what else Microsoft Graph was told of it. */
  properties: string
  created_at: number
  /** Refresh tokens of sign-ins before this are void. */
  sessions_valid_from: number
}

export interface GroupRow {
  object_id: string
  display_name: string
  /** JSON of what else Microsoft Graph was told of it. */
  properties: string
  created_at: number
}

export interface GroupMemberRow {
  group_id: string
  member_id: string
}

export interface OwnerRow {
  /** An application's, service principal's or group's. */
  object_id: string
  owner_id: string
}

export interface DirectoryRoleAssignmentRow {
  id: string
  principal_id: string
  /** The role's template id. */
  role_id: string
}

export interface RefreshTokenRow {
  /** Base64url of the token's SHA-256. */
  digest: string
  user_id: string
  client_id: string
  /** When the password was given. */
  signed_in_at: number
  issued_at: number
  expires_at: number
}
