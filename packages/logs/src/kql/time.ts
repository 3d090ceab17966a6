/** Points in time and time spans: ticks of 100 ns as KQL counts them, read from and written to its texts. */

export const ticksPerMillisecond = 10_000n
export const ticksPerSecond = 10_000_000n
const ticksPerMinute = 60n * ticksPerSecond
const ticksPerHour = 60n * ticksPerMinute
export const ticksPerDay = 24n * ticksPerHour
/** 1970-01-01, counted from 0001-01-01. */
const unixEpoch = 621_355_968_000_000_000n
const lastTick = 3_155_378_975_999_999_999n

const unitTicks: Readonly<Record<string, bigint>> = {
  tick: 1n,
  ticks: 1n,
  microsecond: 10n,
  microseconds: 10n,
  ms: ticksPerMillisecond,
  milli: ticksPerMillisecond,
  millis: ticksPerMillisecond,
  millisecond: ticksPerMillisecond,
  milliseconds: ticksPerMillisecond,
  s: ticksPerSecond,
  sec: ticksPerSecond,
  second: ticksPerSecond,
  seconds: ticksPerSecond,
  m: ticksPerMinute,
  min: ticksPerMinute,
  minute: ticksPerMinute,
  minutes: ticksPerMinute,
  h: ticksPerHour,
  hr: ticksPerHour,
  hrs: ticksPerHour,
  hour: ticksPerHour,
  hours: ticksPerHour,
  d: ticksPerDay,
  day: ticksPerDay,
  days: ticksPerDay,
}

export function ticksOfUnixMs(ms: number): bigint {
  return unixEpoch + BigInt(Math.trunc(ms)) * ticksPerMillisecond
}

/** Whole milliseconds since 1970, rounded down. */
export function unixMsOfTicks(ticks: bigint): number {
  return Number(floorDiv(ticks - unixEpoch, ticksPerMillisecond))
}

export function isDateTime(ticks: bigint): boolean {
  return ticks >= 0n && ticks <= lastTick
}

const isoForm =
  /^(\d{4})-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?)?$/i

/** Ticks of a text such as `2023-02-23`, `2023-02-23 12:00` or `2023-02-23T12:00:00.1234567Z`; undefined for another text. */
export function parseDateTime(text: string): bigint | undefined {
  const match = isoForm.exec(text.trim())
  if (!match) return undefined
  const [, year, month, day = '1', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  const values = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const ms = Date.UTC(values[0], values[1] - 1, ...(values.slice(2) as [number, number, number, number]))
  const date = new Date(ms)
  if (values[0] < 100) date.setUTCFullYear(values[0])
  // Date turns the 31st of February into March.
  if (date.getUTCMonth() !== values[1] - 1 || date.getUTCDate() !== values[2] || values[3] > 23) return undefined
  if (values[4] > 59 || values[5] > 59) return undefined
  const ticks = ticksOfUnixMs(date.getTime()) + BigInt(fraction.slice(0, 7).padEnd(7, '0')) - zoneTicks(zone)
  return isDateTime(ticks) ? ticks : undefined
}

function zoneTicks(zone: string): bigint {
  if (zone.toUpperCase() === 'Z') return 0n
  const sign = zone.startsWith('-') ? -1n : 1n
  const digits = zone.slice(1).replace(':', '')
  return sign * (BigInt(digits.slice(0, 2)) * ticksPerHour + BigInt(digits.slice(2)) * ticksPerMinute)
}

/** `1.5h`, `10ms`, `1.02:03:04.5`, `02:03`, or a plain number of days; undefined for another text. */
export function parseTimeSpan(text: string): bigint | undefined {
  const trimmed = text.trim()
  const unit = /^(-?\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(trimmed)
  if (unit) {
    const ticks = unit[2] === '' ? ticksPerDay : unitTicks[(unit[2] ?? '').toLowerCase()]
    return ticks === undefined ? undefined : scale(unit[1] ?? '', ticks)
  }
  const clock = /^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/.exec(trimmed)
  if (!clock) return undefined
  const [, sign, days = '0', hours = '0', minutes = '0', seconds = '0', fraction = ''] = clock
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined
  const ticks =
    BigInt(days) * ticksPerDay +
    BigInt(hours) * ticksPerHour +
    BigInt(minutes) * ticksPerMinute +
    BigInt(seconds) * ticksPerSecond +
    BigInt(fraction.padEnd(7, '0'))
  return sign ? -ticks : ticks
}

/** A decimal number times a whole one, without the error of a float. */
function scale(decimal: string, unit: bigint): bigint {
  const negative = decimal.startsWith('-')
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.')
  const ticks = BigInt(whole) * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length)
  return negative ? -ticks : ticks
}

/** `2023-02-23T12:00:00.1234567Z`; `digits` of the fraction at least, more where they say something. */
export function formatDateTime(ticks: bigint, digits: 0 | 7 = 7): string {
  const date = new Date(unixMsOfTicks(ticks))
  const fraction = String(mod(ticks, ticksPerSecond)).padStart(7, '0')
  const shown = digits === 7 ? fraction : fraction.replace(/0+$/, '')
  return `${date.toISOString().slice(0, 19)}${shown === '' ? '' : `.${shown}`}Z`
}

/** `1.02:03:04.5000000`, the days and the fraction only where there are any. */
export function formatTimeSpan(ticks: bigint): string {
  const size = ticks < 0n ? -ticks : ticks
  const days = size / ticksPerDay
  const part = (unit: bigint, count: bigint) => String((size / unit) % count).padStart(2, '0')
  const fraction = size % ticksPerSecond
  return [
    ticks < 0n ? '-' : '',
    days > 0n ? `${days}.` : '',
    `${part(ticksPerHour, 24n)}:${part(ticksPerMinute, 60n)}:${part(ticksPerSecond, 60n)}`,
    fraction > 0n ? `.${String(fraction).padStart(7, '0')}` : '',
  ].join('')
}

export function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

/** The remainder that is never negative. */
export function mod(value: bigint, by: bigint): bigint {
  const remainder = value % by
  return remainder < 0n ? remainder + (by < 0n ? -by : by) : remainder
}
