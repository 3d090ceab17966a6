import type { Decision } from './decision.ts'

/** One request to a data or control plane, as it was decided. Never a value, never a token. */
export interface AuditEvent {
  /** The service, e.g. `key-vault`. */
  readonly service: string
  /** Azure's operation name, e.g. `SecretGet`. */
  readonly operation: string
  readonly requestId: string
  readonly callerIp?: string
  /** appid, oid and tenant of who asked; absent when nobody was authenticated. */
  readonly caller?: { readonly appId?: string; readonly objectId: string; readonly tenantId: string }
  readonly resource: string
  /** HTTP status answered. */
  readonly status: number
  readonly decision?: Decision
  readonly durationMs?: number
}

export interface AuditTrailOptions {
  /** JSON lines are appended to this file, mode 0600. */
  readonly file: string
  readonly clock: () => number
  /** Rotated to `file.1` past this many bytes. */
  readonly maxBytes?: number
}

/**
 * An append-only trail. `append` resolves when the event has been handed to the operating system (so it survives
 * kill -9 of this process): events of one turn of the event loop share one write.
 */
export declare class AuditTrail {
  constructor(options: AuditTrailOptions)
  append(event: AuditEvent): Promise<void>
  close(): Promise<void>
}
