/** One request to the data plane, as far as it has been understood: what its audit event and its answer are written from. */
import type { IncomingMessage } from 'node:http'
import type { AuditEvent, Decision } from '@keystead/authorization'
import type { Caller } from '@keystead/identity'
import type { Vault } from './vault.ts'

export interface Exchange {
  readonly request: IncomingMessage
  readonly requestId: string
  /** Of the TCP connection. */
  readonly clientAddress: string
  /** Milliseconds, monotonic. */
  readonly startedAt: number
  /** The first label of the Host header. */
  readonly vaultName: string
  readonly vault: Vault | undefined
  /** What the audit trail calls it; `Authentication` until the caller is known, as Key Vault's own log has it. */
  operation: string
  resource: string
  caller: Caller | undefined
  decision: Decision | undefined
  /** The inner code of the error that it is refused with, e.g. `ForbiddenByFirewall`. */
  refusedWith: string | undefined
  /** The event has been appended already (a write's, before its commit). */
  audited: boolean
}

export function auditEvent(exchange: Exchange, status: number): AuditEvent {
  const { caller, decision } = exchange
  return {
    service: 'key-vault',
    operation: exchange.operation,
    requestId: exchange.requestId,
    callerIp: exchange.clientAddress,
    caller,
    resource: exchange.resource,
    status,
    decision,
    durationMs: Math.round((performance.now() - exchange.startedAt) * 1000) / 1000,
  }
}
