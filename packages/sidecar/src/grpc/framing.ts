/** Length-prefixed messages: a flag, four bytes of length, the message (gRPC over HTTP/2, "Length-Prefixed-Message"). */

export const prefixLength = 5

export type FrameResult =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'message'; readonly compressed: boolean; readonly payload: Buffer }
  /** A flag that is neither 0 nor 1. */
  | { readonly kind: 'bad-flag'; readonly flag: number }
  /** The length that was announced, in bytes. */
  | { readonly kind: 'too-large'; readonly length: number }

const incomplete: FrameResult = { kind: 'incomplete' }

/** Collects the chunks of a request up to its first message. */
export class FrameReader {
  readonly #limit: number
  #chunks: Buffer[] = []
  #size = 0
  #needed = prefixLength

  /** `limit`: bytes of one message. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get started(): boolean {
    return this.#size >= prefixLength
  }

  /** Takes a chunk; the first message once it is there. What follows it is not looked at. */
  push(chunk: Buffer): FrameResult {
    // Nearly always the message arrives whole.
    if (this.#size === 0 && chunk.length >= prefixLength) {
      const result = readFrame(chunk, this.#limit)
      if (result.kind !== 'incomplete') return result
      this.#needed = prefixLength + chunk.readUInt32BE(1)
    }
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) return incomplete
    const whole = Buffer.concat(this.#chunks, this.#size)
    const result = readFrame(whole, this.#limit)
    if (result.kind === 'incomplete') {
      this.#chunks = [whole]
      this.#needed = prefixLength + whole.readUInt32BE(1)
    } else this.#chunks = []
    return result
  }
}

/** The message at the start of `bytes`, without copying it. The length is judged before the message is there. */
export function readFrame(bytes: Buffer, limit: number): FrameResult {
  if (bytes.length < prefixLength) return incomplete
  const flag = bytes[0] ?? 0
  if (flag > 1) return { kind: 'bad-flag', flag }
  const length = bytes.readUInt32BE(1)
  if (length > limit) return { kind: 'too-large', length }
  const end = prefixLength + length
  if (bytes.length < end) return incomplete
  return { kind: 'message', compressed: flag === 1, payload: bytes.subarray(prefixLength, end) }
}

/** Writes the prefix into the first five bytes of a frame whose message follows them. */
export function writePrefix(frame: Uint8Array, compressed: boolean): void {
  const length = frame.length - prefixLength
  frame[0] = compressed ? 1 : 0
  frame[1] = length >>> 24
  frame[2] = (length >>> 16) & 0xff
  frame[3] = (length >>> 8) & 0xff
  frame[4] = length & 0xff
}

/** A frame of its own for a message. */
export function frame(message: Uint8Array, compressed = false): Uint8Array {
  const bytes = new Uint8Array(prefixLength + message.length)
  bytes.set(message, prefixLength)
  writePrefix(bytes, compressed)
  return bytes
}
