/** `grpc-message`: percent-encoded text (gRPC over HTTP/2, "Status-Message"). */

const plain = /^[\x20-\x24\x26-\x7e]*$/
const encoder = new TextEncoder()

/**
 * The text as a header value. Blanks at either end are escaped too: HTTP/2 libraries drop a header that has them.
 */
export function encodeStatusMessage(text: string): string {
  const edges = text.startsWith(' ') || text.endsWith(' ')
  if (!edges && plain.test(text)) return text
  let encoded = ''
  for (const byte of encoder.encode(text)) {
    encoded += byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : escapeByte(byte)
  }
  return edges ? encoded.replace(/^ +| +$/g, (blanks) => '%20'.repeat(blanks.length)) : encoded
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** The text of a header value; escapes that are none stay as they are. */
export function decodeStatusMessage(value: string): string {
  if (!value.includes('%')) return value
  const bytes = value.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
