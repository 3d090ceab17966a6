/** `uniqueString`: a 64-bit MurmurHash3 with constants of Resource Manager's own, in 13 characters of base 32. */

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const first = 0x239b961b
const second = 0xab0e9789

const rotate = (word: number, by: number) => (word << by) | (word >>> (32 - by))
const stirFirst = (word: number) => Math.imul(rotate(Math.imul(word, first), 15), second)
const stirSecond = (word: number) => Math.imul(rotate(Math.imul(word, second), 17), first)

function finish(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function hash(bytes: Buffer): bigint {
  const whole = bytes.length & ~7
  let low = 0
  let high = 0
  for (let at = 0; at < whole; at += 8) {
    low = (Math.imul(rotate(low ^ stirFirst(bytes.readInt32LE(at)), 19) + high, 5) + 0x561ccd1b) | 0
    high = (Math.imul(rotate(high ^ stirSecond(bytes.readInt32LE(at + 4)), 13) + low, 5) + 0x0bcaa747) | 0
  }
  const rest = Buffer.alloc(8)
  bytes.copy(rest, 0, whole)
  low ^= stirFirst(rest.readInt32LE(0))
  high ^= stirSecond(rest.readInt32LE(4))

  high ^= bytes.length
  low = ((low ^ bytes.length) + high) | 0
  high = (high + low) | 0
  low = finish(low)
  high = finish(high)
  low = (low + high) | 0
  high = (high + low) | 0
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

/** The same 13 characters as on Azure for the same texts. */
export function uniqueString(parts: readonly string[]): string {
  let bits = hash(Buffer.from(parts.join('-'), 'utf8'))
  let text = ''
  for (let i = 0; i < 13; i++) {
    text += alphabet[Number((bits >> 59n) & 31n)]
    bits = BigInt.asUintN(64, bits << 5n)
  }
  return text
}
