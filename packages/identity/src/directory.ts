export interface Application {
  readonly appId: string
  readonly objectId: string
  readonly displayName: string
}

export interface ServicePrincipal {
  readonly objectId: string
  readonly appId: string
  readonly displayName: string
  readonly type: 'Application' | 'ManagedIdentity'
}

/** Anything that a role can be assigned to. */
export interface DirectoryPrincipal {
  readonly objectId: string
  readonly type: 'User' | 'Group' | 'ServicePrincipal'
  readonly displayName: string
}

/** A principal with what decides whether and as whom it is known. */
export interface FoundPrincipal extends DirectoryPrincipal {
  /** Of a user that may not sign in: false. */
  readonly enabled: boolean
  /** Direct and indirect. */
  readonly groups: readonly { readonly objectId: string; readonly displayName: string }[]
  readonly appId?: string
  readonly userPrincipalName?: string
  readonly managedIdentityResourceId?: string
}

export interface ManagedIdentity {
  /** The user-assigned identity's own resource id, or the resource that owns a system-assigned one. */
  readonly resourceId: string
  readonly kind: 'UserAssigned' | 'SystemAssigned'
  readonly tenantId: string
  readonly principalId: string
  readonly clientId: string
}

/** One replica of an app: it holds a header secret and can get tokens for these identities only. */
export interface ReplicaRegistration {
  readonly replicaId: string
  /** `IDENTITY_ENDPOINT`. */
  readonly endpoint: string
  /** `IDENTITY_HEADER`: told once, kept only as a digest. */
  readonly header: string
}

/**
 * Principals of the tenant, and the managed identities of resources. A write is durable when it resolves, and the
 * next token request sees it. Rejects with `DirectoryError`.
 */
export interface Directory {
  readonly tenantId: string
  createApplication(input: {
    readonly displayName: string
  }): Promise<{ application: Application; servicePrincipal: ServicePrincipal }>
  /** A new client secret for the application; returned once, stored only as a slow hash. Lifetime in seconds. */
  addPassword(
    appId: string,
    options: { readonly displayName: string; readonly lifetimeSeconds: number },
  ): Promise<{ keyId: string; secretText: string }>
  /** False when there is none. Tokens that were issued for it stay valid until they expire. */
  removePassword(appId: string, keyId: string): Promise<boolean>
  /** An RSA certificate of at least 2048 bits, with which client assertions are signed. */
  addCertificate(appId: string, options: { readonly certificatePem: string }): Promise<{ keyId: string }>
  removeCertificate(appId: string, keyId: string): Promise<boolean>
  /** `appId` of an application, or the client id of a user-assigned identity. `issuer` is an https URL. */
  addFederatedCredential(
    appId: string,
    credential: {
      readonly name: string
      readonly issuer: string
      readonly subject: string
      readonly audiences: readonly string[]
    },
  ): Promise<void>
  removeFederatedCredential(appId: string, name: string): Promise<boolean>
  servicePrincipal(
    by: { readonly objectId: string } | { readonly appId: string },
  ): Promise<ServicePrincipal | undefined>
  /** A user, a group, or a service principal. */
  principal(objectId: string): Promise<DirectoryPrincipal | undefined>
  /**
   * Those that a person's word means: by object id, application id, user principal name, display name (which several
   * may share), or the resource id of a managed identity.
   */
  findPrincipals(reference: string): Promise<readonly FoundPrincipal[]>
  /** The application of that id or display name that has no service principal, so that no role can be assigned to it. */
  applicationWithoutPrincipal(reference: string): Promise<string | undefined>
  /** Makes the principal Global Administrator of the directory, unless somebody is. */
  ensureGlobalAdministrator(objectId: string): Promise<void>
  /** Of an application: it gets no more tokens. False for no such principal, or a managed identity's. */
  deleteServicePrincipal(objectId: string): Promise<boolean>

  /** Makes the identity of a resource (idempotent: the same resource keeps its principal). */
  createManagedIdentity(input: {
    readonly resourceId: string
    readonly kind: ManagedIdentity['kind']
  }): Promise<ManagedIdentity>
  managedIdentity(resourceId: string): Promise<ManagedIdentity | undefined>
  deleteManagedIdentity(resourceId: string): Promise<boolean>

  /**
   * Makes the replica's header secret; a replica registered before gets a new one. It can get tokens for these
   * identities for as long as they exist.
   */
  registerReplica(input: {
    readonly replicaId: string
    readonly identityResourceIds: readonly string[]
  }): Promise<ReplicaRegistration>
  removeReplica(replicaId: string): Promise<boolean>
  /** Resource ids of the identities that the replica was registered for; undefined when there is no such replica. */
  replicaIdentities(replicaId: string): readonly string[] | undefined
}
