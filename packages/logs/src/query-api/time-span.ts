/** The `timespan` of a request: an ISO 8601 interval, or a duration until now. */
import type { TimeRange } from '../kql/relation.ts'
import { parseDateTime, ticksOfUnixMs, ticksPerSecond } from '../kql/time.ts'

const durationForm =
  /^P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

/** Ticks; undefined for what is not a duration of weeks, days, hours, minutes and seconds. */
function parseDuration(text: string): bigint | undefined {
  const match = durationForm.exec(text)
  if (!match || text === 'P' || text.endsWith('T')) return undefined
  const units = [604_800, 86_400, 3600, 60, 1]
  const seconds = units.reduce((sum, unit, index) => sum + unit * Number(match[index + 1] ?? 0), 0)
  return BigInt(Math.round(seconds * 1000)) * (ticksPerSecond / 1000n)
}

/** @param now Milliseconds since the epoch. Undefined for a text that is not a time span. */
export function parseTimeRange(text: string, now: number): TimeRange | undefined {
  const [first = '', second, ...more] = text.split('/')
  if (more.length > 0) return undefined
  const end = ticksOfUnixMs(now)
  if (second === undefined) {
    const length = parseDuration(first)
    return length === undefined ? undefined : { from: end - length, to: end + 1n }
  }
  const [from, to] = [parseDateTime(first), parseDateTime(second)]
  if (from !== undefined && to !== undefined) return { from, to }
  const length = parseDuration(from === undefined ? first : second)
  if (length === undefined) return undefined
  if (from !== undefined) return { from, to: from + length }
  return to === undefined ? undefined : { from: to - length, to }
}
