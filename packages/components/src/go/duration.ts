/** Go's `time.Duration` texts, read and written. */

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** Milliseconds of a text such as `1h15m30.5s`; undefined where `time.ParseDuration` fails. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)(.*)$/s.exec(text)
  const sign = match?.[1] === '-' ? -1 : 1
  const body = match?.[2] ?? ''
  if (body === '0') return 0
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined
  let nanoseconds = 0
  for (const [, amount, unit] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    nanoseconds += Number(amount) * (units[unit ?? ''] ?? 0)
  }
  return (sign * nanoseconds) / 1e6
}

/** A duration as Go prints it: `5s`, `1m0s`, `1h15m30.5s`, `500ms`, `0s`. */
export function formatGoDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  const sign = milliseconds < 0 ? '-' : ''
  const nanoseconds = Math.round(Math.abs(milliseconds) * 1e6)
  if (nanoseconds < 1e3) return `${sign}${nanoseconds}ns`
  if (nanoseconds < 1e6) return `${sign}${nanoseconds / 1e3}µs`
  if (nanoseconds < 1e9) return `${sign}${nanoseconds / 1e6}ms`
  const hours = Math.floor(nanoseconds / 3600e9)
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9)
  const seconds = (nanoseconds % 60e9) / 1e9
  const tail = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : ''
  return `${sign}${tail}${Number(seconds.toFixed(9))}s`
}
