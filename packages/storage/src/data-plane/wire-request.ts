/** A data-plane request read strictly, so that what is decided and what Azurite is sent can not differ. */
import type { IncomingHttpHeaders } from 'node:http'
import { invalidHeaderValue, invalidQueryParameter, invalidUri } from './storage-error.ts'

export type Service = 'blob' | 'queue'

export interface WireRequest {
  readonly service: Service
  /** Upper case. */
  readonly method: string
  /** As the client sent it, without the query: what a shared key signs. */
  readonly rawPath: string
  /** The decoded path's segments: `[]` for the account, `[container]`, `[container, blob]`; `[queue, 'messages', id]`. */
  readonly segments: readonly string[]
  /** By lower-case name, decoded. A name appears once. */
  readonly query: ReadonlyMap<string, string>
  /** By lower-case name; Node has joined repeated ones. */
  readonly headers: IncomingHttpHeaders
  /** Name and value as sent: metadata names keep their case. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
  /** `x-ms-version`; of the batch, for a part of one. */
  readonly apiVersion?: string
  /** Whether the client came by HTTPS. */
  readonly secure: boolean
  readonly clientIp: string
}

/** One header's value; undefined when absent. */
export function header(request: Pick<WireRequest, 'headers'>, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalidUri()
  }
}

/**
 * Splits a request target. The whole path is decoded before it is split at `/`, and `\` counts as `/` in a blob's
 * name, as Azurite reads it. Throws InvalidUri, or InvalidQueryParameterValue for a name that appears twice.
 */
export function parseTarget(service: Service, target: string): Pick<WireRequest, 'rawPath' | 'segments' | 'query'> {
  const origin = /^https?:\/\/[^/?#]*/i.exec(target)
  const relative = origin ? target.slice(origin[0].length) : target
  const mark = relative.indexOf('?')
  const rawPath = (mark < 0 ? relative : relative.slice(0, mark)) || '/'
  if (!rawPath.startsWith('/') || rawPath.includes('#')) throw invalidUri()

  const query = new Map<string, string>()
  for (const part of mark < 0 ? [] : relative.slice(mark + 1).split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decode(equals < 0 ? part : part.slice(0, equals)).toLowerCase()
    const value = equals < 0 ? '' : decode(part.slice(equals + 1).replaceAll('+', ' '))
    if (query.has(name)) throw invalidQueryParameter(name, 'The parameter was specified more than once.')
    query.set(name, value)
  }

  const decoded = decode(rawPath).slice(1)
  if (decoded.includes('\0')) throw invalidUri()
  return { rawPath, segments: service === 'blob' ? blobSegments(decoded) : queueSegments(decoded), query }
}

function blobSegments(decoded: string): string[] {
  if (decoded === '') return []
  const slash = decoded.indexOf('/')
  if (slash < 0) return [decoded]
  const blob = decoded.slice(slash + 1).replaceAll('\\', '/')
  return blob === '' ? [decoded.slice(0, slash)] : [decoded.slice(0, slash), blob]
}

function queueSegments(decoded: string): string[] {
  const segments = decoded.split('/')
  while (segments.at(-1) === '') segments.pop()
  return segments
}

/** The path Azurite is sent: encoded afresh from the decoded segments. */
export function encodePath(segments: readonly string[]): string {
  return `/${segments
    .flatMap((segment) => segment.split('/'))
    .map(encodeURIComponent)
    .join('/')}`
}

/** The query Azurite is sent. */
export function encodeQuery(query: Iterable<readonly [string, string]>): string {
  const parts = [...query].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

/** Node's flat list of raw headers as pairs. Throws for a header that decides what is done and is sent twice. */
export function headerPairs(rawHeaders: readonly string[]): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = []
  const seen = new Set<string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const lower = name.toLowerCase()
    if (lower.startsWith('x-ms-') && !lower.startsWith('x-ms-meta-') && seen.has(lower)) throw invalidHeaderValue(lower)
    seen.add(lower)
    pairs.push([name, rawHeaders[i + 1] ?? ''])
  }
  return pairs
}
