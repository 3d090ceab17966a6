/** Reads a request's JSON body, within a bound. */
import type { IncomingMessage } from 'node:http'
import { badParameter, bodyTooLarge } from './key-vault-error.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What is too large is read to its end and thrown away, so that the connection can carry the answer and go on. */
function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (request.readableEnded) return Promise.resolve(Buffer.alloc(0))
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(bodyTooLarge(limit))
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.byteLength
    if (size <= limit) chunks.push(chunk)
    else reject(bodyTooLarge(limit))
  })
  request.on('end', () => resolve(Buffer.concat(chunks)))
  request.on('error', () => reject(badParameter('The request body ended before it was complete.')))
  request.on('close', () => reject(badParameter('The request body ended before it was complete.')))
  return promise
}

/** `limit` in bytes. Throws BadParameter for what is not JSON in UTF-8, and 413 for what is too large. */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  const bytes = await readBytes(request, limit)
  if (bytes.byteLength === 0) throw badParameter('The request body must not be empty.')
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw badParameter('The request body is not valid UTF-8.')
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw badParameter('The request body is not valid JSON.')
  }
}
