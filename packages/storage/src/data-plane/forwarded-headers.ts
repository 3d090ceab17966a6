/** Which headers pass between a client and Azurite. */
import type { IncomingMessage } from 'node:http'
import { toExternal } from '../accounts/internal-name.ts'
import type { WireRequest } from './wire-request.ts'

/** For this hop, for the gateway alone, or made afresh. */
const notForwarded = new Set([
  'authorization',
  'connection',
  'cookie',
  'date',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-http-method',
  'x-http-method-override',
  'x-ms-copy-source',
  'x-ms-copy-source-authorization',
  'x-ms-date',
])

/** A client's headers for Azurite, with the case of names kept. */
export function forwardedHeaders(request: WireRequest): (readonly [string, string])[] {
  return request.rawHeaders.filter(([name]) => {
    const lower = name.toLowerCase()
    return !notForwarded.has(lower) && !lower.startsWith('x-forwarded-')
  })
}

/** A client's query for Azurite: without a SAS, and without a timeout of zero length. */
export function forwardedQuery(request: WireRequest, sasParameters: ReadonlySet<string>): Map<string, string> {
  return new Map([...request.query].filter(([name]) => !sasParameters.has(name)))
}

const notReturned = new Set(['connection', 'keep-alive', 'transfer-encoding', 'x-ms-request-id'])

/** Azurite's headers for the client: name by name, the URLs as clients know them. */
export function returnedHeaders(answer: IncomingMessage): [name: string, value: string][] {
  const headers: [string, string][] = []
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i] ?? ''
    const value = answer.rawHeaders[i + 1] ?? ''
    const lower = name.toLowerCase()
    if (!notReturned.has(lower)) headers.push([name, lower === 'x-ms-copy-source' ? toExternal(value) : value])
  }
  return headers
}
