/** A request's body, whole and bounded, for the few operations that are answered here. */
import type { IncomingMessage } from 'node:http'
import { requestBodyTooLarge } from './storage-error.ts'

export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > limit) throw requestBodyTooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
