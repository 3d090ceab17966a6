/** Headers and metadata as they go from caller to app and back (pkg/messaging/v1/util.go). */

/** Values by name, the names as they came. */
export type HeaderMap = Map<string, string[]>

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'proxy-authorization',
  'proxy-authenticate',
])

// IANA's permanent headers that gRPC metadata may not be called.
const permanent = new Set([
  ...['accept', 'accept-charset', 'accept-language', 'accept-ranges', 'connection', 'keep-alive', 'proxy-connection'],
  ...['transfer-encoding', 'upgrade', 'cache-control', 'content-type', 'content-length', 'cookie', 'date', 'expect'],
  ...['from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-schedule-tag-match'],
  ...['if-unmodified-since', 'max-forwards', 'origin', 'pragma', 'referer', 'via', 'warning'],
])

const traceHeaders = new Set(['traceparent', 'tracestate', 'grpc-trace-bin'])
const reserved = new Set([':method', ':scheme', ':path', ':authority'])

/** `Content-Type` for `content-type`, as Go writes header names. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}

/** A message's raw headers, names in Go's form. `skip` has names in lower case. */
export function fromRawHeaders(raw: readonly string[], skip?: ReadonlySet<string>): HeaderMap {
  const headers: HeaderMap = new Map()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (!skip?.has(name.toLowerCase())) append(headers, canonicalName(name), raw[i + 1] ?? '')
  }
  return headers
}

export function append(headers: HeaderMap, name: string, value: string): void {
  const values = headers.get(name)
  if (values) values.push(value)
  else headers.set(name, [value])
}

/** The first value of a header, `name` in lower case, whatever the case it is there. */
export function firstValue(headers: HeaderMap, name: string): string | undefined {
  const direct = headers.get(name)
  if (direct) return direct[0]
  for (const [key, values] of headers) if (key.toLowerCase() === name) return values[0]
  return undefined
}

/** Names that the Connection header says are for this connection only. */
function nominated(headers: HeaderMap): Set<string> {
  const names = new Set<string>()
  for (const [key, values] of headers) {
    if (key.toLowerCase() !== 'connection') continue
    for (const value of values) for (const token of value.split(',')) names.add(token.trim().toLowerCase())
  }
  return names
}

/** What another hop gets over HTTP, names and values in turn; the trace, the body's type and its length left out. */
export function toHttpHeaders(headers: HeaderMap): string[] {
  const forThisHop = nominated(headers)
  const result: string[] = []
  for (const [name, values] of headers) {
    const lower = name.toLowerCase()
    if (traceHeaders.has(lower) || lower === 'destination-app-id' || hopByHop.has(lower) || forThisHop.has(lower)) {
      continue
    }
    if (lower.endsWith('-bin') || lower === 'content-type' || lower === 'content-length') continue
    if (lower === 'baggage') {
      const [first] = values
      if (first !== undefined) result.push('Baggage', first)
      continue
    }
    const shown = canonicalName(reserved.has(lower) ? `dapr-${lower.slice(1)}` : unreserved(lower))
    for (const value of values) result.push(shown, headerValue(value))
  }
  return result
}

function unreserved(name: string): string {
  return name.startsWith('grpc-') ? `dapr-${name}` : name
}

/** Without what a header cannot hold: line breaks become blanks, as in Go. */
function headerValue(text: string): string {
  return text.replace(/[\r\n]/g, ' ').replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
}

/** An app's answer without what concerned its own connection. */
export function withoutHopByHop(headers: HeaderMap): HeaderMap {
  const forThisHop = nominated(headers)
  return new Map(
    [...headers].filter(([name]) => {
      const lower = name.toLowerCase()
      return !hopByHop.has(lower) && !forThisHop.has(lower)
    }),
  )
}

/** The same as gRPC metadata, names in lower case; HTTP's own headers are told apart by a prefix. The trace is left out. */
export function toGrpcMetadata(headers: HeaderMap): Record<string, string[]> {
  const metadata: Record<string, string[]> = Object.create(null)
  for (const [name, values] of headers) {
    const lower = name.toLowerCase()
    if (traceHeaders.has(lower) || lower === 'destination-app-id' || lower.startsWith(':')) continue
    const isHttps = permanent.has(lower)
    if (!isHttps && (hopByHop.has(lower) || lower.startsWith('grpc-'))) continue
    const key = isHttps ? `dapr-${lower}` : lower
    metadata[key] = [...(metadata[key] ?? []), ...values.map(headerValue)]
  }
  return metadata
}
