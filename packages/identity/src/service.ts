/** The identity service: its parts put together over one store. */
import type { RequestListener } from 'node:http'
import type { Store } from '@keystead/store'
import { isGuid } from './aadsts.ts'
import { ApplicationCredentials } from './application-credentials.ts'
import type { TokenVerifier } from './caller.ts'
import { ClientAuthenticator } from './client-authentication.ts'
import { DirectoryObjects } from './directory/directory-objects.ts'
import { DirectoryRoleAssignments } from './directory/directory-roles.ts'
import { Groups } from './directory/groups.ts'
import { Owners } from './directory/owners.ts'
import { Users } from './directory/users.ts'
import type { Directory } from './directory.ts'
import { ExternalIssuers } from './external-issuer.ts'
import { createMicrosoftGraph } from './graph/microsoft-graph.ts'
import { createInstanceMetadata } from './instance-metadata.ts'
import { ManagedIdentities } from './managed-identities.ts'
import { createManagedIdentityEndpoint } from './managed-identity-endpoint.ts'
import { ManagedIdentityTokens } from './managed-identity-tokens.ts'
import { Principals } from './principals.ts'
import { Replicas } from './replicas.ts'
import { AuthorizationCodes } from './sign-in/authorization-codes.ts'
import { DeviceCodes } from './sign-in/device-codes.ts'
import { RefreshTokens } from './sign-in/refresh-tokens.ts'
import { SignInSessions } from './sign-in/sign-in-sessions.ts'
import { UserGrants } from './sign-in/user-grants.ts'
import { UserPasswords } from './sign-in/user-passwords.ts'
import { SigningKeys } from './signing-keys.ts'
import { createDirectory } from './tenant-directory.ts'
import { createTokenService } from './token-service.ts'
import { createTokenVerifier } from './token-verifier.ts'
import { UsedAssertions } from './used-assertions.ts'

export interface IdentityServiceOptions {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly tenantId: string
  /** What `IDENTITY_ENDPOINT` says, e.g. `http://127.0.0.1:PORT/msi/token`. */
  readonly identityEndpoint: string
  /** Where a person's browser finds the sign-in pages without a proxy, e.g. `https://login.keystead.localhost:8443`. */
  readonly signInBase?: string
  /** Fetches another issuer's OpenID configuration and keys, for federated credentials. */
  readonly fetch?: typeof globalThis.fetch
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface IdentityService {
  readonly directory: Directory
  readonly verifier: TokenVerifier
  /** `login.microsoftonline.com`. */
  readonly tokenService: RequestListener
  /** `graph.microsoft.com`. */
  readonly microsoftGraph: RequestListener
  /** The plain-HTTP managed-identity endpoint on loopback. */
  readonly managedIdentityEndpoint: RequestListener
  /** `169.254.169.254`, reached through the gateway's proxy; the proxy credentials name the replica. */
  readonly instanceMetadata: RequestListener
  /** A new signing key signs from now on; tokens of the old one verify until they expire. */
  rotateSigningKey(): Promise<void>
  close(): Promise<void>
}

/** Opens the tenant's identity service: reads what the store has, makes the first signing key. */
export async function openIdentityService(options: IdentityServiceOptions): Promise<IdentityService> {
  const { store, clock, log, identityEndpoint } = options
  if (!isGuid(options.tenantId)) throw new TypeError('the tenant id is not a GUID')
  const tenantId = options.tenantId.toLowerCase()
  const keys = await SigningKeys.open(store, clock)
  const identities = await ManagedIdentities.open(store, tenantId, clock)
  const replicas = await Replicas.open(store)
  const principals = new Principals(store, clock)
  const credentials = new ApplicationCredentials(store, clock)
  const users = new Users(store, clock)
  const groups = await Groups.open(store, clock)
  const roles = await DirectoryRoleAssignments.open(store)
  const objects = new DirectoryObjects({
    users,
    groups,
    principals,
    credentials,
    managedIdentities: identities,
    owners: new Owners(store),
    roles,
  })
  const verifier = createTokenVerifier({ keys, tenantId, clock, groupsOf: (objectId) => groups.groupsOf(objectId) })
  const clients = new ClientAuthenticator({
    tenantId,
    clock,
    principals,
    managedIdentities: identities,
    credentials,
    issuers: new ExternalIssuers({ fetch: options.fetch ?? globalThis.fetch, clock }),
    usedAssertions: new UsedAssertions(store, clock),
    log,
  })
  const tokens = new ManagedIdentityTokens({ keys, tenantId, clock })
  const passwords = new UserPasswords(users, clock)
  const codes = new AuthorizationCodes(clock)
  const devices = new DeviceCodes(clock)
  const signIn = { tenantId, clock, keys, clients, principals, users, passwords, codes, devices }
  const tokenService = await createTokenService({
    ...signIn,
    userGrants: new UserGrants({ ...signIn, refreshTokens: new RefreshTokens(store, users, clock) }),
    sessions: new SignInSessions(clock),
    signInBase: options.signInBase,
    log,
  })
  const endpointOptions = { tenantId, replicas, identities, tokens, clock, log }
  return {
    directory: createDirectory({
      tenantId,
      identityEndpoint,
      principals,
      credentials,
      managedIdentities: identities,
      replicas,
      objects,
    }),
    verifier,
    microsoftGraph: createMicrosoftGraph({ tenantId, clock, objects, verifier, log }),
    tokenService: tokenService.listener,
    managedIdentityEndpoint: createManagedIdentityEndpoint(new URL(identityEndpoint).pathname, endpointOptions),
    instanceMetadata: createInstanceMetadata(endpointOptions),
    async rotateSigningKey() {
      await keys.rotate()
      tokens.clear()
    },
    close: () => tokenService.close(),
  }
}
