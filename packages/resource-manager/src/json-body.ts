/** A request's body, read within its limit and parsed as strict JSON. */
import type { IncomingMessage } from 'node:http'
import { invalidRequestContent, requestContentTooLarge, unsupportedMediaType } from './arm-errors.ts'
import { nestsWithin } from './json.ts'

/** ARM's limit for a request's content, in bytes. */
export const maxBodyBytes = 4 * 1024 * 1024
const maxDepth = 64

/** The client went away before its request was whole: there is nobody to answer. */
export class RequestAbortedError extends Error {
  override readonly name = 'RequestAbortedError'
}

/** The body as a value; undefined when it is empty. Throws ArmError 400, 413 or 415. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const text = await readTextBody(request)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalidRequestContent(describe(error))
  }
  if (!nestsWithin(value, maxDepth)) throw invalidRequestContent(`The content nests deeper than ${maxDepth} levels.`)
  return value
}

/** The body as it was written; undefined when it is blank. Throws ArmError 400, 413 or 415. */
export async function readTextBody(request: IncomingMessage): Promise<string | undefined> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return undefined
  const mediaType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== undefined && mediaType !== 'application/json' && mediaType !== 'text/json') {
    throw unsupportedMediaType(mediaType)
  }
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw unsupportedMediaType(encoding)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalidRequestContent('The content is not valid UTF-8.')
  }
  return text.trim() === '' ? undefined : text
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  if (request.readableEnded) return Promise.resolve(Buffer.alloc(0))
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > maxBodyBytes) return Promise.reject(requestContentTooLarge(maxBodyBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBodyBytes) {
        request.off('data', onData)
        reject(requestContentTooLarge(maxBodyBytes))
        return
      }
      chunks.push(chunk)
    }
    request.on('data', onData)
    request.once('end', () => resolve(Buffer.concat(chunks, size)))
    request.once('error', () => reject(new RequestAbortedError('The client closed the connection')))
    request.once('close', () => {
      if (!request.complete) reject(new RequestAbortedError('The client closed the connection'))
    })
  })
}

/** Where the text stops being JSON. The parser's own message quotes the text, which may be a secret. */
function describe(error: unknown): string {
  const at = error instanceof Error ? /line (\d+) column (\d+)/.exec(error.message) : null
  return at === null
    ? 'Unexpected character or end of content.'
    : `Unexpected character encountered while parsing value. Path '', line ${at[1]}, position ${at[2]}.`
}
