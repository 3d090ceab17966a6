import type { RequestListener } from 'node:http'
import type { Store } from '@keystead/store'
import type { TokenVerifier } from './caller.ts'
import type { Directory } from './directory.ts'

export interface IdentityServiceOptions {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly tenantId: string
  /** What `IDENTITY_ENDPOINT` says, e.g. `http://127.0.0.1:PORT/msi/token`. */
  readonly identityEndpoint: string
  /** Fetches another issuer's OpenID configuration and keys, for federated credentials. */
  readonly fetch?: typeof globalThis.fetch
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface IdentityService {
  readonly directory: Directory
  readonly verifier: TokenVerifier
  /** `login.microsoftonline.com`. */
  readonly tokenService: RequestListener
  /** The plain-HTTP managed-identity endpoint on loopback. */
  readonly managedIdentityEndpoint: RequestListener
  /** `169.254.169.254`, reached through the gateway's proxy; the proxy credentials name the replica. */
  readonly instanceMetadata: RequestListener
  /** A new signing key signs from now on; tokens of the old one verify until they expire. */
  rotateSigningKey(): Promise<void>
  close(): Promise<void>
}

export declare function openIdentityService(options: IdentityServiceOptions): Promise<IdentityService>
