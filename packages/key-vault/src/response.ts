/** Writes answers of the data plane with the headers that Key Vault sends. */
import type { ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Exchange } from './exchange.ts'

/** JSON, with its length in bytes of UTF-8. */
export interface AnswerBody {
  readonly text: string
  readonly byteLength: number
}

export interface Answer {
  readonly status: number
  /** Absent for 204. */
  readonly body?: AnswerBody
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

export function bodyOf(text: string): AnswerBody {
  return { text, byteLength: Buffer.byteLength(text) }
}

export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, body: bodyOf(JSON.stringify(body)) }
}

function networkInfo(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address
  return isIPv6(mapped)
    ? `conn_type=Ipv6;addr=${mapped};act_addr_fam=InterNetworkV6;`
    : `conn_type=Ipv4;addr=${mapped};act_addr_fam=InterNetwork;`
}

/** Requests come from few addresses, one after the other. */
let lastNetworkInfo = { address: '', text: networkInfo('') }

function networkInfoOf(address: string): string {
  if (lastNetworkInfo.address !== address) lastNetworkInfo = { address, text: networkInfo(address) }
  return lastNetworkInfo.text
}

export function writeAnswer(response: ServerResponse, exchange: Exchange, answer: Answer): void {
  const { request, vault, requestId } = exchange
  const headers = [
    ...fixedHeaders,
    'x-ms-request-id',
    requestId,
    'x-ms-keyvault-network-info',
    networkInfoOf(exchange.clientAddress),
  ]
  if (vault !== undefined) headers.push('x-ms-keyvault-region', vault.location)
  const clientRequestId = request.headers['x-ms-client-request-id']
  if (typeof clientRequestId === 'string' && /^[\x21-\x7e]{1,256}$/.test(clientRequestId)) {
    headers.push('x-ms-client-request-id', clientRequestId)
  }
  for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '')
  const { body } = answer
  if (body === undefined) {
    response.writeHead(answer.status, headers)
    response.end()
    return
  }
  headers.push('Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.byteLength))
  response.writeHead(answer.status, headers)
  // A text goes out in one piece with the head; one byte a character, where it has nothing wider.
  response.end(body.text, body.byteLength === body.text.length ? 'latin1' : 'utf8')
}
