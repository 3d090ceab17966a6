/** A component's metadata after `secretKeyRef`, `envRef` and templates were resolved. Keys are compared case-insensitively, as Dapr does. */
export type Metadata = Readonly<Record<string, string>>

export interface ComponentContext {
  /** `metadata.name` of the component. */
  readonly name: string
  readonly metadata: Metadata
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void
  /** Aborted when `initTimeout` has passed or the sidecar stops. */
  readonly signal: AbortSignal
}
