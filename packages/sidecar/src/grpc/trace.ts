/** The trace context of a call: OpenCensus' binary form in and out, W3C's accepted. */
import { validTraceparent } from '../http/trace-context.ts'

/** Version 0, then field 0 with the trace's id, 1 with the span's, 2 with the flags (OpenCensus BinaryEncoding). */
const binaryLength = 29
const context = Buffer.alloc(binaryLength)
context[1] = 0
context[18] = 1
context[27] = 2

const pool = Buffer.allocUnsafe(24 * 256)
let used = pool.length

/**
 * `grpc-trace-bin` for an answer: a new span in the caller's trace, or in one of its own that is not sampled, since
 * nothing exports spans. `binary` and `traceparent` are the caller's metadata.
 */
export function answerTraceContext(binary: string | undefined, traceparent: string | undefined): string {
  if (used >= pool.length) {
    process.getBuiltinModule('node:crypto').randomFillSync(pool)
    used = 0
  }
  pool.copy(context, 19, used, used + 8)
  if (!takeBinary(binary) && !takeTraceparent(traceparent)) {
    pool.copy(context, 2, used + 8, used + 24)
    context[28] = 0
  }
  used += 24
  // 29 bytes leave one character of padding, which binary metadata goes without.
  return context.toString('base64').slice(0, -1)
}

function takeBinary(text: string | undefined): boolean {
  if (text === undefined) return false
  const given = Buffer.from(text, 'base64')
  if (given.length !== binaryLength || given[0] !== 0 || given[1] !== 0 || given[18] !== 1 || given[27] !== 2)
    return false
  if (isZero(given, 2, 18) || isZero(given, 19, 27)) return false
  given.copy(context, 2, 2, 18)
  context[28] = given[28] ?? 0
  return true
}

function takeTraceparent(text: string | undefined): boolean {
  const parent = text === undefined ? undefined : validTraceparent(text)
  if (parent === undefined) return false
  context.write(parent.slice(3, 35), 2, 'hex')
  context.write(parent.slice(53, 55), 28, 'hex')
  return true
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false
  return true
}
