import type { RequestListener } from 'node:http'
import type { CertificateAuthority } from './certificate-authority.ts'
import type { HostTable } from './host-table.ts'

export interface GatewayOptions {
  /** Loopback only. 0 picks a free port. */
  readonly port: number
  readonly hosts: HostTable
  readonly authority: CertificateAuthority
  /** Answers plain-HTTP requests for 169.254.169.254 that come through the proxy. */
  readonly instanceMetadata: RequestListener
  /** A proxy for foreign hosts, e.g. `http://proxy.example:3128`. */
  readonly upstreamProxy?: string
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface Gateway {
  readonly port: number
  close(): Promise<void>
}

/** Starts the CONNECT proxy and TLS server on one loopback port. Rejects with code EADDRINUSE when it is taken. */
export declare function startGateway(options: GatewayOptions): Promise<Gateway>
