/** Blob Batch: the parts of a multipart body as requests of their own, and their answers as one body. */
import { randomUUID } from 'node:crypto'
import { errorXml, invalidHeaderValue, invalidInput, type StorageError } from './storage-error.ts'
import { headerPairs, parseTarget, type WireRequest } from './wire-request.ts'

/** The service's own limits. */
export const batchBodyLimit = 4 * 1024 * 1024
const batchPartLimit = 256

export interface BatchPart {
  readonly contentId: string | undefined
  readonly request: WireRequest
}

/** Splits a batch's body. Throws InvalidInput when it is not one. */
export function parseBatch(outer: WireRequest, contentType: string | undefined, body: Buffer): readonly BatchPart[] {
  const boundary = /^multipart\/mixed\s*;\s*boundary="?([^"\s;]{1,70})"?\s*$/i.exec(contentType ?? '')?.[1]
  if (boundary === undefined) throw invalidHeaderValue('Content-Type')
  const text = body.toString('latin1').replaceAll('\r\n', '\n')
  const sections = `\n${text}`.split(`\n--${boundary}`)
  const last = sections.pop() ?? ''
  if (!last.startsWith('--') || sections.length < 2) throw invalidInput('The batch body is not closed by its boundary.')
  const parts = sections.slice(1)
  if (parts.length > batchPartLimit) throw invalidInput(`A batch has at most ${batchPartLimit} parts.`)
  return parts.map((part) => parsePart(outer, part))
}

function parsePart(outer: WireRequest, part: string): BatchPart {
  const split = part.indexOf('\n\n')
  if (split < 0) throw invalidInput('A part of the batch has no headers.')
  const envelope = readHeaders(part.slice(0, split).split('\n').slice(1))
  const inner = part.slice(split + 2)
  const end = inner.indexOf('\n\n')
  const [requestLine = '', ...headerLines] = (end < 0 ? inner : inner.slice(0, end)).trimEnd().split('\n')
  const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(requestLine)
  if (!match) throw invalidInput('A part of the batch has no request line.')
  const pairs = headerPairs(readHeaders(headerLines).flat())
  const headers: Record<string, string> = {}
  for (const [name, value] of pairs) headers[name.toLowerCase()] = value
  return {
    contentId: envelope.find(([name]) => name.toLowerCase() === 'content-id')?.[1],
    request: {
      service: 'blob',
      method: match[1] ?? '',
      ...parseTarget('blob', match[2] ?? ''),
      headers,
      rawHeaders: pairs,
      ...(outer.apiVersion === undefined ? {} : { apiVersion: outer.apiVersion }),
      secure: outer.secure,
      clientIp: outer.clientIp,
    },
  }
}

function readHeaders(lines: readonly string[]): [string, string][] {
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':')
      if (colon < 1) throw invalidInput('A header of the batch has no colon.')
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
    })
}

/** One part's answer. */
export interface BatchAnswer {
  readonly contentId: string | undefined
  readonly status: number
  readonly reason: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** A refusal as the answer of a part. */
export function refusedPart(
  contentId: string | undefined,
  error: StorageError,
  requestId: string,
  now: Date,
): BatchAnswer {
  return {
    contentId,
    status: error.status,
    reason: error.code,
    headers: [
      ['x-ms-error-code', error.code],
      ['x-ms-request-id', requestId],
      ['Content-Type', 'application/xml'],
    ],
    body: errorXml(error, requestId, now),
  }
}

/** The answers as one multipart body. */
export function formatBatch(answers: readonly BatchAnswer[]): { contentType: string; body: string } {
  const boundary = `batchresponse_${randomUUID()}`
  const parts = answers.map(({ contentId, status, reason, headers, body }) =>
    [
      `--${boundary}`,
      'Content-Type: application/http',
      ...(contentId === undefined ? [] : [`Content-ID: ${contentId}`]),
      '',
      `HTTP/1.1 ${status} ${reason}`,
      ...headers.map(([name, value]) => `${name}: ${value}`),
      ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
      '',
      body,
    ].join('\r\n'),
  )
  return {
    contentType: `multipart/mixed; boundary=${boundary}`,
    body: `${parts.join('\r\n')}\r\n--${boundary}--\r\n`,
  }
}
