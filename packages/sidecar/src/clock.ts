/** Elapsed time by a clock that is never set back, without the performance API, whose first use takes milliseconds. */

/** Milliseconds since an arbitrary moment, fractions of one included. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
