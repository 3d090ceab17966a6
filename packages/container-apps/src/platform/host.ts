/** What replicas share: the machine they run on and the services that the core gives them. */
import type { IdentityRegistry } from './identity-tokens.ts'
import type { Logs } from './logs.ts'
import type { Ports } from './ports.ts'
import type { ProcessRecord } from './process-record.ts'
import type { Runner } from './runner.ts'
import type { KeyVaultReader } from './secret-values.ts'
import type { PlatformSettings } from './settings.ts'

export interface Host {
  readonly settings: PlatformSettings
  readonly runner: Runner
  readonly record: ProcessRecord
  readonly ports: Ports
  readonly logs: Logs
  readonly identities: IdentityRegistry
  readonly vault: KeyVaultReader
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}
