/** Messages to frames, bytes to messages, for the generated types. */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import { prefixLength, writePrefix } from './framing.ts'
import { StatusError } from './status.ts'

/** What the generator makes of a message. */
export interface MessageType<T> {
  encode(message: T, writer: BinaryWriter): BinaryWriter
  decode(reader: BinaryReader): T
}

class InvalidUtf8Error extends Error {
  override readonly name = 'InvalidUtf8Error'
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    throw new InvalidUtf8Error()
  }
}

/** Throws a StatusError with grpc-go's words for bytes that are no such message. */
export function decodeMessage<T>(type: MessageType<T>, bytes: Uint8Array): T {
  const reader = new BinaryReader(bytes, decodeUtf8)
  try {
    return type.decode(reader)
  } catch (error) {
    if (error instanceof InvalidUtf8Error) throw unreadable('string field contains invalid UTF-8')
    throw unreadable('proto: cannot parse invalid wire-format data')
  }
}

function unreadable(reason: string): StatusError {
  return new StatusError('Internal', `grpc: error unmarshalling request: ${reason}`)
}

const emptyPrefix = new Uint8Array(prefixLength)
// One writer serves all: encoding never waits.
const writer = new BinaryWriter()

/** The message behind its prefix, ready to be sent. */
export function encodeFrame<T>(type: MessageType<T>, message: T): Uint8Array {
  writer.raw(emptyPrefix)
  let bytes: Uint8Array
  try {
    type.encode(message, writer)
  } finally {
    bytes = writer.finish()
  }
  writePrefix(bytes, false)
  return bytes
}
