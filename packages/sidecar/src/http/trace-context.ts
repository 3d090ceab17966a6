/** W3C trace context: a caller's is given back, a request without one gets its own. */

const form = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

const pool = Buffer.allocUnsafe(24 * 256)
let used = pool.length

/** A new `traceparent`, not sampled: nothing exports spans. */
export function newTraceparent(): string {
  if (used >= pool.length) {
    // Loaded with the first request that needs it: a start does without.
    process.getBuiltinModule('node:crypto').randomFillSync(pool)
    used = 0
  }
  const ids = pool.toString('hex', used, used + 24)
  used += 24
  return `00-${ids.slice(0, 32)}-${ids.slice(32)}-00`
}

/** The caller's `traceparent` if it is one. */
export function validTraceparent(header: string): string | undefined {
  return header.length === 55 && !header.startsWith('ff') && form.test(header) ? header : undefined
}
