/**
 * A shorter text with the same trigrams. Log lines repeat themselves, and an index that tells only whether a block has a
 * trigram takes as long for one that comes again as for a new one.
 */

const newline = 10
/** Of a character that takes one byte. */
const bits = 7
const trigrams = 1 << (3 * bits)

/** In which texts each trigram was last met, by their number. */
const met = new Uint8Array(trigrams)
let number = 0

/** So many known trigrams between new ones are taken along: to leave them out would make the digest no shorter. */
const shortGap = 3

/** Blocks of usual length need no memory of their own. */
const usualBytes = 256 * 1024
const usual = { bytes: Buffer.allocUnsafeSlow(usualBytes), digest: Buffer.allocUnsafeSlow(usualBytes) }

/**
 * In UTF-8, what has every trigram of the texts at least once, and besides those only ones with a line break in them. They
 * are told apart by case, so that whoever ignores it finds no less.
 */
export function trigramDigest(texts: readonly string[]): Uint8Array {
  const text = texts.join('\n')
  const mostBytes = text.length * 3
  const { bytes, digest } =
    mostBytes <= usualBytes
      ? usual
      : { bytes: Buffer.allocUnsafeSlow(mostBytes), digest: Buffer.allocUnsafeSlow(mostBytes) }
  return Uint8Array.prototype.slice.call(digest, 0, digestOf(bytes, bytes.write(text), digest))
}

/** Answers the length of the digest, which is at most that of what it is of. */
function digestOf(bytes: Uint8Array, length: number, digest: Uint8Array): number {
  number += 1
  if (number > 255) {
    met.fill(0)
    number = 1
  }
  let written = 0
  let trigram = 0
  let last = -1
  // Up to here trigrams are not looked at: at the begin, and those of a character of several bytes.
  let taken = 1
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at] as number
    if (byte >= 1 << bits) taken = at + 2
    trigram = ((trigram << bits) | byte) & (trigrams - 1)
    if (at > taken) {
      if (met[trigram] === number) continue
      met[trigram] = number
    }
    let from = last + 1
    if (at - last > shortGap + 1) {
      digest[written++] = newline
      from = at - 2
    }
    while (from <= at) digest[written++] = bytes[from++] as number
    last = at
  }
  return written
}
