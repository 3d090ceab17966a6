/** Shared Key signatures (Microsoft Learn: Authorize with Shared Key). */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { header, type WireRequest } from './wire-request.ts'

/** What of a request is signed. */
export type SignedRequest = Pick<WireRequest, 'method' | 'rawPath' | 'query' | 'headers'>

/** Order of header names: `culture` ignores hyphens, as the service's own comparison does; some clients sort by code point. */
export type HeaderOrder = 'culture' | 'ordinal'

function cultureKey(name: string): string {
  return name.replaceAll('-', '').replaceAll('_', '!')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function canonicalizedHeaders(request: SignedRequest, order: HeaderOrder): string {
  const names = Object.keys(request.headers).filter((name) => name.startsWith('x-ms-'))
  if (order === 'ordinal') names.sort(compare)
  else names.sort((a, b) => compare(cultureKey(a), cultureKey(b)) || compare(a, b))
  return names.map((name) => `${name}:${(header(request, name) ?? '').trim()}\n`).join('')
}

function canonicalizedResource(request: SignedRequest, account: string): string {
  const parameters = [...request.query].sort(([a], [b]) => compare(a, b)).map(([name, value]) => `\n${name}:${value}`)
  return `/${account}${request.rawPath}${parameters.join('')}`
}

function contentLength(request: SignedRequest): string {
  const value = header(request, 'content-length') ?? ''
  if (value !== '0') return value
  // Versions before 2015-02-21 signed the zero.
  const version = header(request, 'x-ms-version')
  return version !== undefined && version < '2015-02-21' ? '0' : ''
}

/** The string a `SharedKey` signature is over. */
export function sharedKeyStringToSign(request: SignedRequest, account: string, order: HeaderOrder): string {
  const date = header(request, 'x-ms-date') === undefined ? (header(request, 'date') ?? '') : ''
  return [
    request.method,
    header(request, 'content-encoding') ?? '',
    header(request, 'content-language') ?? '',
    contentLength(request),
    header(request, 'content-md5') ?? '',
    header(request, 'content-type') ?? '',
    date,
    header(request, 'if-modified-since') ?? '',
    header(request, 'if-match') ?? '',
    header(request, 'if-none-match') ?? '',
    header(request, 'if-unmodified-since') ?? '',
    header(request, 'range') ?? '',
    canonicalizedHeaders(request, order) + canonicalizedResource(request, account),
  ].join('\n')
}

/** The string a `SharedKeyLite` signature is over. */
export function sharedKeyLiteStringToSign(request: SignedRequest, account: string, order: HeaderOrder): string {
  const comp = request.query.get('comp')
  return [
    request.method,
    header(request, 'content-md5') ?? '',
    header(request, 'content-type') ?? '',
    header(request, 'x-ms-date') === undefined ? (header(request, 'date') ?? '') : '',
    `${canonicalizedHeaders(request, order)}/${account}${request.rawPath}${comp === undefined ? '' : `?comp=${comp}`}`,
  ].join('\n')
}

/** HMAC-SHA256 in base64. */
export function sign(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('base64')
}

/** Compares two signatures in constant time. */
export function sameSignature(expected: string, given: string): boolean {
  const a = createHmac('sha256', 'length').update(expected).digest()
  const b = createHmac('sha256', 'length').update(given).digest()
  return timingSafeEqual(a, b)
}

/** Which of the keys made the signature; undefined for none. */
export function verifySharedKey(
  request: SignedRequest,
  account: string,
  scheme: 'SharedKey' | 'SharedKeyLite',
  signature: string,
  keys: readonly Uint8Array[],
): number | undefined {
  const stringToSign = scheme === 'SharedKey' ? sharedKeyStringToSign : sharedKeyLiteStringToSign
  let found: number | undefined
  for (const order of ['culture', 'ordinal'] as const) {
    const text = stringToSign(request, account, order)
    keys.forEach((key, index) => {
      if (sameSignature(sign(key, text), signature)) found ??= index
    })
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Headers for Azurite, signed with its internal key. Azurite sorts names with `localeCompare` and joins nothing:
 * the string is made its way, so `ordinal` and `culture` above do not apply.
 */
export function signForAzurite(
  request: SignedRequest & { readonly query: ReadonlyMap<string, string> },
  account: string,
  key: Uint8Array,
): string {
  const names = Object.keys(request.headers).filter((name) => name.startsWith('x-ms-'))
  names.sort((a, b) => a.localeCompare(b))
  const length = header(request, 'content-length') ?? ''
  const text = [
    request.method,
    header(request, 'content-encoding') ?? '',
    header(request, 'content-language') ?? '',
    length === '0' ? '' : length,
    header(request, 'content-md5') ?? '',
    header(request, 'content-type') ?? '',
    '',
    header(request, 'if-modified-since') ?? '',
    header(request, 'if-match') ?? '',
    header(request, 'if-none-match') ?? '',
    header(request, 'if-unmodified-since') ?? '',
    header(request, 'range') ?? '',
    names.map((name) => `${name}:${(header(request, name) ?? '').trimStart()}\n`).join('') +
      canonicalizedResource(request, account),
  ].join('\n')
  return `SharedKey ${account}:${sign(key, text)}`
}
