/** Splits a state request's metadata into a blob's HTTP headers and its own metadata (components-contrib common/component/azure/blobstorage/request.go). */
import type { BlobHTTPHeaders } from '@azure/storage-blob'
import { ComponentError } from '../../../component-error.ts'

type RequestMetadata = Readonly<Record<string, string>>

export interface BlobProperties {
  readonly headers: BlobHTTPHeaders
  readonly metadata: Record<string, string>
  /** The metadata's content type, where the request's own took its place. */
  readonly overridden: string | undefined
}

/** Names without regard to case; what became a header is not metadata as well. */
const headerNames: Readonly<Record<string, keyof BlobHTTPHeaders>> = {
  contenttype: 'blobContentType',
  contentmd5: 'blobContentMD5',
  contentencoding: 'blobContentEncoding',
  contentlanguage: 'blobContentLanguage',
  contentdisposition: 'blobContentDisposition',
  cachecontrol: 'blobCacheControl',
}

/**
 * @param contentType of the state request; wins over that in the metadata
 * @throws ComponentError when contentMD5 is not 16 bytes of base64
 */
export function blobProperties(request: RequestMetadata, contentType: string | undefined): BlobProperties {
  const headers: BlobHTTPHeaders = {}
  const metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(request)) {
    const header = Object.hasOwn(headerNames, name.toLowerCase()) ? headerNames[name.toLowerCase()] : undefined
    if (header === undefined || value === '') metadata[letters(name)] = printable(value)
    else if (header === 'blobContentMD5') headers.blobContentMD5 = md5(value)
    else headers[header] = value
  }
  const overridden = contentType === undefined ? undefined : headers.blobContentType
  if (contentType !== undefined) headers.blobContentType = contentType
  return { headers, metadata, overridden }
}

function md5(value: string): Uint8Array {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length === 16 && bytes.toString('base64') === value) return bytes
  throw new ComponentError(
    'the MD5 value specified in Content MD5 is invalid, MD5 value must be 128 bits and base64 encoded',
  )
}

function letters(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, '')
}

function printable(value: string): string {
  return value.replace(/[^\t\x20-\x7e]/g, '')
}
