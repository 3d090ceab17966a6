/** Which header fields go on to the other side (RFC 9110 section 7.6.1), and which say where a request came from. */
import type { IncomingHttpHeaders } from 'node:http'

/** Concern one connection; none of them goes on. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What the ingress says itself; the client's own word is not taken for it. */
const SAID_BY_INGRESS = new Set(['host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-request-id'])

/** A request as it came in, in either version of HTTP. */
export interface Received {
  readonly headers: IncomingHttpHeaders
  /** Name, value, name, value, ... */
  readonly rawHeaders: readonly string[]
}

export interface Origin {
  /** The app's name as clients know it, with what they gave as port. */
  readonly host: string
  /** What the client asked for, where that is another. */
  readonly askedHost: string
  readonly peer: string
  readonly secure: boolean
  /** For a request that brings none. */
  readonly requestId: () => string
}

/** Name, value, name, value, ... of the request that goes to the app. */
export function headersForApp({ headers, rawHeaders }: Received, origin: Origin): string[] {
  const kept = ['host', origin.host]
  const named = namedByConnection(headers)
  let cookies: string | undefined
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    if (HOP_BY_HOP.has(name) || SAID_BY_INGRESS.has(name) || name.startsWith(':') || named?.includes(name)) continue
    // HTTP/2 may split the cookies, HTTP/1.1 must not (RFC 9113 section 8.2.3).
    if (name === 'cookie') cookies = cookies === undefined ? value : `${cookies}; ${value}`
    else kept.push(name, value)
  }
  if (cookies !== undefined) kept.push('cookie', cookies)
  const through = headers['x-forwarded-for']
  kept.push(
    'x-forwarded-for',
    through === undefined ? origin.peer : `${through},${origin.peer}`,
    'x-forwarded-proto',
    origin.secure ? 'https' : 'http',
    'x-forwarded-host',
    origin.askedHost,
    'x-request-id',
    String(headers['x-request-id'] ?? origin.requestId()),
  )
  return kept
}

/** Name, value, name, value, ... of an app's answer, without what concerned its connection, nor `overruled` names. */
export function headersForClient(raw: readonly string[], overruled?: ReadonlySet<string>): string[] {
  const kept: string[] = []
  let named: readonly string[] | undefined
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    if (name === 'connection') named = namedByConnection({ connection: value })
    if (!HOP_BY_HOP.has(name) && !overruled?.has(name) && !name.startsWith(':')) kept.push(name, value)
  }
  return named ? kept.filter((_, index) => !named.includes(kept[index - (index % 2)] ?? '')) : kept
}

function namedByConnection({ connection }: IncomingHttpHeaders): readonly string[] | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
}
