/** Bytes in a text: Go's strings hold any bytes, so a secret may be a PFX file; a string here holds UTF-16. */
import { isUtf8 } from 'node:buffer'

/** UTF-8 as the text that it is; any other bytes one character each, which {@link binaryBytes} turns back. */
export function binaryText(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
}

/** The bytes of a text: those that can not have been UTF-8 one for each character, else its UTF-8. */
export function binaryBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const isLatin1 = bytes.toString('latin1') === text
  return isLatin1 && !isUtf8(bytes) && looksLikeDer(bytes) ? bytes : Buffer.from(text)
}

/** A text such as `0é` would be either; a file in DER, as a PFX is, is one sequence that says its own length. */
function looksLikeDer(bytes: Buffer): boolean {
  const [tag, first = 0] = bytes
  const lengthBytes = first & 0x7f
  if (tag !== 0x30 || first < 0x81 || lengthBytes > 4 || bytes.length < 2 + lengthBytes) return false
  return bytes.readUIntBE(2, lengthBytes) === bytes.length - 2 - lengthBytes
}
