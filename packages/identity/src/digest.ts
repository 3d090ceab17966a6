/** SHA-256 digests of texts, in the forms that identity stores. */
import { hash, timingSafeEqual } from 'node:crypto'

/** Base64url of the SHA-256 of a text. */
export function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** Whether two digests of the same form are equal, in a time that does not tell where they differ. */
export function sameDigest(one: string, other: string): boolean {
  const left = Buffer.from(one)
  const right = Buffer.from(other)
  return left.length === right.length && timingSafeEqual(left, right)
}
