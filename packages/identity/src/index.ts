/** The public surface of identity: principals, tokens, and who a token says is asking. */
export { type Caller, TokenError, type TokenVerifier } from './caller.ts'
export type {
  Application,
  Directory,
  DirectoryPrincipal,
  FoundPrincipal,
  ManagedIdentity,
  ReplicaRegistration,
  ServicePrincipal,
} from './directory.ts'
export { DirectoryError } from './directory-error.ts'
export { takeEndedBodies } from './ended-bodies.ts'
export { identityMigrations } from './migrations.ts'
export { type IdentityService, type IdentityServiceOptions, openIdentityService } from './service.ts'
