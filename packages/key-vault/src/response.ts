/** Writes answers of the data plane with the headers that Key Vault sends. */
import type { ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Exchange } from './exchange.ts'
import { clientAddress } from './exchange.ts'

export interface Answer {
  readonly status: number
  /** JSON; absent for 204. */
  readonly body?: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** The service version told in answers: of the Key Vault whose behaviour is followed. */
const serviceVersion = '1.9.2784.1'

const fixedHeaders = [
  'Cache-Control',
  'no-cache',
  'Pragma',
  'no-cache',
  'Expires',
  '-1',
  'x-ms-keyvault-service-version',
  serviceVersion,
  'X-Content-Type-Options',
  'nosniff',
  'Strict-Transport-Security',
  'max-age=31536000;includeSubDomains',
]

export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, body: Buffer.from(JSON.stringify(body)) }
}

function networkInfo(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address
  return isIPv6(mapped)
    ? `conn_type=Ipv6;addr=${mapped};act_addr_fam=InterNetworkV6;`
    : `conn_type=Ipv4;addr=${mapped};act_addr_fam=InterNetwork;`
}

export function writeAnswer(response: ServerResponse, exchange: Exchange, answer: Answer): void {
  const { request, vault, requestId, decision } = exchange
  const headers = [...fixedHeaders, 'x-ms-request-id', requestId]
  headers.push('x-ms-keyvault-network-info', networkInfo(clientAddress(request)))
  if (vault !== undefined) headers.push('x-ms-keyvault-region', vault.location)
  const clientRequestId = request.headers['x-ms-client-request-id']
  if (typeof clientRequestId === 'string' && /^[\x21-\x7e]{1,256}$/.test(clientRequestId)) {
    headers.push('x-ms-client-request-id', clientRequestId)
  }
  if (decision?.assignmentId !== undefined) {
    headers.push(
      'x-ms-keyvault-rbac-assignment-id',
      decision.assignmentId.slice(decision.assignmentId.lastIndexOf('/') + 1),
    )
  }
  for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '')
  if (answer.body !== undefined) {
    headers.push('Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(answer.body.byteLength))
  }
  response.writeHead(answer.status, headers)
  response.end(answer.body)
}
