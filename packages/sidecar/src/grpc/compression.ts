/** Message compression (gRPC over HTTP/2, "Message-Encoding"): gzip and none. */
import { StatusError } from './status.ts'

export const supportedEncodings = 'identity,gzip'

export function isSupportedEncoding(encoding: string): boolean {
  return encoding === 'identity' || encoding === 'gzip'
}

export class CompressionError extends StatusError {}

// Loaded by the first caller that compresses.
const zlib = () => process.getBuiltinModule('node:zlib')

/** Rejects with a CompressionError, with grpc-go's words, for bytes that are no gzip or more than `limit`. */
export function decompress(bytes: Uint8Array, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zlib().gunzip(bytes, { maxOutputLength: Math.max(1, limit) }, (error, message) => {
      if (error) {
        const tooLarge = 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
        reject(
          tooLarge
            ? new CompressionError(
                'ResourceExhausted',
                `grpc: received message after decompression larger than max ${limit}`,
              )
            : new CompressionError('Internal', `grpc: failed to decompress the message: ${error.message}`),
        )
      } else resolve(message)
    })
  })
}

export function compress(bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zlib().gzip(bytes, (error, compressed) => {
      if (error) reject(error)
      else resolve(compressed)
    })
  })
}
