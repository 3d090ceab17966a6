/** Streams one decided request to Azurite and its answer back. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Account } from '../accounts/account.ts'
import type { AzuriteAnswer, AzuriteClient, AzuriteRequest } from '../azurite/azurite-client.ts'
import type { CopySource } from './copy-source.ts'
import { externalNames } from './external-names.ts'
import { forwardedHeaders, forwardedQuery, returnedHeaders } from './forwarded-headers.ts'
import { type DataOperation, sasParameters } from './operation.ts'
import {
  cannotVerifyCopySource,
  invalidHeaderValue,
  missingContentLength,
  StorageError,
  unauthorizedBlobOverwrite,
} from './storage-error.ts'
import { encodePath, encodeQuery, header, type WireRequest } from './wire-request.ts'

export interface ForwardedRequest {
  readonly request: WireRequest
  readonly operation: DataOperation
  readonly account: Account
  /** Allowed only if nothing is overwritten. */
  readonly createOnly: boolean
  /** Not for an anonymous caller: Azurite then gives what a public container gives anybody. */
  readonly signed: boolean
  readonly source?: CopySource
}

type Header = readonly [name: string, value: string]

/** What Azurite is asked, without a body. */
export function azuriteRequest(forwarded: ForwardedRequest): AzuriteRequest {
  const { request, operation, account, createOnly, signed, source } = forwarded
  let headers: Header[] = forwardedHeaders(request)
  if (createOnly) {
    headers = [...headers.filter(([name]) => name.toLowerCase() !== 'if-none-match'), ['If-None-Match', '*']]
  }
  if (operation.source === 'copy' && source) {
    const host = `${source.account.internalName}.blob.core.windows.net`
    headers.push(['x-ms-copy-source', `https://${host}${encodePath(source.segments)}${encodeQuery(source.query)}`])
  }
  return {
    service: request.service,
    account: account.internalName,
    method: request.method,
    segments: request.segments,
    query: forwardedQuery(request, sasParameters),
    headers,
    signed,
    repeatable: !operation.write && !hasBody(request),
  }
}

function hasBody(request: WireRequest): boolean {
  return Number(header(request, 'content-length') ?? 0) > 0
}

/**
 * Sends the request with the client's body as it comes (no more is read than Azurite takes). The answer's head is
 * there when it resolves; its body has not been read. Aborting `signal` (the client hung up) ends the exchange.
 */
export async function forward(
  forwarded: ForwardedRequest,
  incoming: IncomingMessage,
  azurite: AzuriteClient,
  signal: AbortSignal,
): Promise<AzuriteAnswer> {
  const { request, operation, createOnly } = forwarded
  if (header(request, 'transfer-encoding') !== undefined) throw missingContentLength()
  const answer =
    operation.source === 'fromUrl'
      ? await putFromUrl(forwarded, azurite, signal)
      : hasBody(request)
        ? await sendBody(azuriteRequest(forwarded), incoming, azurite, signal)
        : await azurite.send(azuriteRequest(forwarded), undefined, signal)
  if (createOnly && answer.statusCode === 409 && answer.headers['x-ms-error-code'] === 'BlobAlreadyExists') {
    answer.resume()
    throw unauthorizedBlobOverwrite()
  }
  return answer
}

async function sendBody(
  request: AzuriteRequest,
  body: IncomingMessage,
  azurite: AzuriteClient,
  signal: AbortSignal,
): Promise<AzuriteAnswer> {
  const exchange = azurite.open(request)
  signal.addEventListener('abort', exchange.abort, { once: true })
  // A body that breaks off ends the exchange; an exchange that ends early does not break the client's connection.
  body.on('error', exchange.abort)
  body.pipe(exchange.body)
  return exchange.answer
}

/** Azurite's own put-from-URL is partial: the source is read here and written as the plain operation of that name. */
async function putFromUrl(
  forwarded: ForwardedRequest,
  azurite: AzuriteClient,
  signal: AbortSignal,
): Promise<AzuriteAnswer> {
  const { request, operation, source } = forwarded
  if (source === undefined) throw invalidHeaderValue('x-ms-copy-source')
  if (hasBody(request)) throw invalidHeaderValue('Content-Length')
  const conditions: Header[] = []
  for (const [from, to] of [
    ['x-ms-source-range', 'Range'],
    ['x-ms-source-if-match', 'If-Match'],
    ['x-ms-source-if-none-match', 'If-None-Match'],
    ['x-ms-source-if-modified-since', 'If-Modified-Since'],
    ['x-ms-source-if-unmodified-since', 'If-Unmodified-Since'],
  ] as const) {
    const value = header(request, from)
    if (value === undefined) continue
    if (to === 'Range' && !/^bytes=\d+-\d*$/.test(value)) throw invalidHeaderValue(from)
    conditions.push([to, value])
  }
  const answer = await azurite.send(
    {
      service: 'blob',
      account: source.account.internalName,
      method: 'GET',
      segments: source.segments,
      query: source.query,
      headers: conditions,
      signed: true,
      repeatable: true,
    },
    undefined,
    signal,
  )
  const { statusCode = 500 } = answer
  const length = answer.headers['content-length']
  if ((statusCode !== 200 && statusCode !== 206) || length === undefined) {
    answer.resume()
    if (statusCode === 304 || statusCode === 412) {
      throw new StorageError(
        412,
        'SourceConditionNotMet',
        'The source condition specified using HTTP conditional header(s) is not met.',
      )
    }
    throw cannotVerifyCopySource(
      statusCode === 404 ? 404 : 400,
      'Could not verify the copy source within the specified time.',
    )
  }
  const plain = azuriteRequest(forwarded)
  const headers: Header[] = plain.headers.filter(([name]) => {
    const lower = name.toLowerCase()
    return lower !== 'content-length' && !lower.startsWith('x-ms-source-') && !lower.startsWith('x-ms-copy-source')
  })
  headers.push(['Content-Length', length])
  const md5 = header(request, 'x-ms-source-content-md5')
  if (md5 !== undefined) headers.push(['Content-MD5', md5])
  const crc64 = header(request, 'x-ms-source-content-crc64')
  if (crc64 !== undefined) headers.push(['x-ms-content-crc64', crc64])
  if (operation.name === 'PutBlobFromURL') headers.push(...sourceProperties(request, answer))
  try {
    return await sendBody({ ...plain, headers }, answer, azurite, signal)
  } finally {
    // An early answer, e.g. a refusal: the rest of the source is of no interest.
    if (!answer.readableEnded) answer.destroy()
  }
}

/** Put Blob From URL takes the source's properties and metadata where the request gives none of its own. */
function sourceProperties(request: WireRequest, source: AzuriteAnswer): Header[] {
  if (header(request, 'x-ms-copy-source-blob-properties') === 'false') return []
  const headers: Header[] = []
  for (const name of ['content-type', 'content-encoding', 'content-language', 'content-disposition', 'cache-control']) {
    const value = source.headers[name]
    const target = `x-ms-blob-${name}`
    if (typeof value === 'string' && header(request, target) === undefined) headers.push([target, value])
  }
  if (request.rawHeaders.some(([name]) => name.toLowerCase().startsWith('x-ms-meta-'))) return headers
  for (let i = 0; i + 1 < source.rawHeaders.length; i += 2) {
    const name = source.rawHeaders[i] ?? ''
    if (name.toLowerCase().startsWith('x-ms-meta-')) headers.push([name, source.rawHeaders[i + 1] ?? ''])
  }
  return headers
}

/** Writes Azurite's answer to the client. Rejects, with the client's connection broken, when Azurite breaks off. */
export async function returnAnswer(
  answer: AzuriteAnswer,
  response: ServerResponse,
  operation: DataOperation,
  extra: Readonly<Record<string, string>>,
): Promise<void> {
  const status = answer.statusCode ?? 500
  const names =
    (operation.listing || status >= 400) && `${answer.headers['content-type']}`.startsWith('application/xml')
  const headers = new Map<string, [name: string, values: string[]]>()
  for (const [name, value] of [...returnedHeaders(answer), ...Object.entries(extra)]) {
    const lower = name.toLowerCase()
    if (names && lower === 'content-length') continue
    const before = lower in extra ? undefined : headers.get(lower)
    headers.set(lower, [before?.[0] ?? name, [...(before?.[1] ?? []), value]])
  }
  for (const [name, values] of headers.values())
    response.setHeader(name, values.length === 1 ? (values[0] ?? '') : values)
  response.writeHead(status)
  response.flushHeaders()
  if (names) await pipeline(answer, externalNames(), response)
  else await pipeline(answer, response)
}
