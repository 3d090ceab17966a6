/** Reads a request's JSON body, within a bound. */
import type { IncomingMessage } from 'node:http'
import { badParameter, bodyTooLarge } from './key-vault-error.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limit) throw bodyTooLarge(limit)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.byteLength
      if (size > limit) break
      chunks.push(chunk)
    }
  } catch {
    throw badParameter('The request body ended before it was complete.')
  }
  if (size > limit) throw bodyTooLarge(limit)
  return Buffer.concat(chunks)
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
