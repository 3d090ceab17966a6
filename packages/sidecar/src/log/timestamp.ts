/** Times as Go's RFC3339Nano writes them. */

/** `2026-02-03T04:05:06.123456789Z`: trailing zeros of the fraction dropped, the local offset when it is not UTC. */
export function rfc3339Nano(epochNanoseconds: bigint, offsetMinutes: number): string {
  const shifted = epochNanoseconds + BigInt(offsetMinutes) * 60_000_000_000n
  const fraction = (shifted % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  const seconds = new Date(Number(shifted / 1_000_000n)).toISOString().slice(0, 19)
  return `${seconds}${fraction ? `.${fraction}` : ''}${offset(offsetMinutes)}`
}

// Not the performance API, whose first use takes milliseconds of a start.
let origin = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint()
const tolerance = 2_000_000n

/** The wall clock with sub-millisecond digits, and where the local zone stands now. */
export function now(): { readonly nanoseconds: bigint; readonly offsetMinutes: number } {
  const wall = new Date()
  const wallNanoseconds = BigInt(wall.getTime()) * 1_000_000n
  const monotonic = process.hrtime.bigint()
  const drift = origin + monotonic - wallNanoseconds
  // The wall clock was set, or slewed by more than it shows.
  if (drift < -tolerance || drift > tolerance) origin = wallNanoseconds - monotonic
  return { nanoseconds: origin + monotonic, offsetMinutes: -wall.getTimezoneOffset() }
}

function offset(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  const part = (n: number) => n.toString().padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${part(Math.trunc(size / 60))}:${part(size % 60)}`
}
