/** The shape of identity's rows, as its migrations make them. Times are milliseconds since the epoch. */
export interface IdentityTables {
  identity_signing_keys: SigningKeyRow
  identity_applications: ApplicationRow
  identity_service_principals: ServicePrincipalRow
  identity_passwords: PasswordRow
  identity_certificates: CertificateRow
  identity_federated_credentials: FederatedCredentialRow
  identity_managed_identities: ManagedIdentityRow
  identity_replicas: ReplicaRow
  identity_used_assertions: UsedAssertionRow
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

export interface ApplicationRow {
  app_id: string
  object_id: string
  display_name: string
  created_at: number
}

export interface ServicePrincipalRow {
  object_id: string
  app_id: string
  display_name: string
  type: 'Application' | 'ManagedIdentity'
  created_at: number
}

export interface PasswordRow {
  key_id: string
  app_id: string
  display_name: string
  /** The secret's first three characters, as Microsoft Graph shows them: which row a secret may belong to. */
  hint: string
  /** `scrypt$N$r$p$salt$hash`, base64url parts. */
  hash: string
  created_at: number
  expires_at: number
}

export interface CertificateRow {
  key_id: string
  app_id: string
  certificate_pem: string
  /** Base64url of the DER's SHA-1, as `x5t` carries it. */
  thumbprint_sha1: string
  /** Base64url of the DER's SHA-256, as `x5t#S256` carries it. */
  thumbprint_sha256: string
  not_before: number
  not_after: number
}

export interface FederatedCredentialRow {
  app_id: string
  name: string
  issuer: string
  subject: string
  /** JSON array of strings. */
  audiences: string
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
