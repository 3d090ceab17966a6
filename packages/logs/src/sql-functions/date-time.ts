/** KQL's functions of `datetime` and `timespan`, which SQLite holds as ticks. */
import {
  floorDiv,
  formatDateTime,
  formatTimeSpan,
  isDateTime,
  mod,
  ticksOfUnixMs,
  ticksPerDay,
  ticksPerMillisecond,
  ticksPerSecond,
  unixMsOfTicks,
} from '../kql/time.ts'
import type { SqlFunctions } from './sql-function.ts'

type Period = 'day' | 'week' | 'month' | 'year'

/** The start of the period that holds `ticks`, moved by `offset` periods; null outside of what a datetime holds. */
function startOf(ticks: bigint, period: Period, offset: bigint): bigint | null {
  const date = new Date(unixMsOfTicks(ticks))
  const moved = Number(offset)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  // A week starts on Sunday.
  const start = {
    day: () => utc(year, month, day + moved),
    week: () => utc(year, month, day - date.getUTCDay() + 7 * moved),
    month: () => utc(year, month + moved, 1),
    year: () => utc(year + moved, 0, 1),
  }[period]()
  const result = ticksOfUnixMs(start)
  return isDateTime(result) ? result : null
}

function utc(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  return date.getTime()
}

function endOf(ticks: bigint, period: Period, offset: bigint): bigint | null {
  const next = startOf(ticks, period, offset + 1n)
  return next === null ? null : next - 1n
}

/** ISO 8601's week: the first has the year's first Thursday. */
function isoWeek(date: Date): number {
  const thursday = new Date(date)
  thursday.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7))
  const first = utc(thursday.getUTCFullYear(), 0, 1)
  return Math.ceil(((thursday.getTime() - first) / 86_400_000 + 1) / 7)
}

function part(ticks: bigint, name: string): bigint | null {
  const date = new Date(unixMsOfTicks(ticks))
  const withinSecond = mod(ticks, ticksPerSecond)
  const parts: Readonly<Record<string, () => number | bigint>> = {
    year: () => date.getUTCFullYear(),
    quarter: () => Math.floor(date.getUTCMonth() / 3) + 1,
    month: () => date.getUTCMonth() + 1,
    week_of_year: () => isoWeek(date),
    weekofyear: () => isoWeek(date),
    day: () => date.getUTCDate(),
    dayofyear: () =>
      (utc(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - utc(date.getUTCFullYear(), 0, 1)) /
        86_400_000 +
      1,
    hour: () => date.getUTCHours(),
    minute: () => date.getUTCMinutes(),
    second: () => date.getUTCSeconds(),
    millisecond: () => withinSecond / ticksPerMillisecond,
    microsecond: () => withinSecond / 10n,
    nanosecond: () => withinSecond * 100n,
  }
  const answer = parts[name.toLowerCase()]
  return answer ? BigInt(answer()) : null
}

const fixed: Readonly<Record<string, bigint>> = {
  week: 7n * ticksPerDay,
  day: ticksPerDay,
  hour: 3600n * ticksPerSecond,
  minute: 60n * ticksPerSecond,
  second: ticksPerSecond,
  millisecond: ticksPerMillisecond,
  microsecond: 10n,
}
const months: Readonly<Record<string, number>> = { year: 12, quarter: 3, month: 1 }

function add(period: string, amount: bigint, ticks: bigint): bigint | null {
  const name = period.toLowerCase()
  const unit = fixed[name]
  if (unit !== undefined) return valid(ticks + amount * unit)
  const perPeriod = months[name]
  if (perPeriod === undefined) return null
  const ms = unixMsOfTicks(ticks)
  const date = new Date(ms)
  const target = new Date(utc(date.getUTCFullYear(), date.getUTCMonth() + Number(amount) * perPeriod, 1))
  const lastDay = new Date(utc(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate()
  const day = utc(target.getUTCFullYear(), target.getUTCMonth(), Math.min(date.getUTCDate(), lastDay))
  return valid(ticksOfUnixMs(day) + mod(ticks, ticksPerDay))
}

const valid = (ticks: bigint): bigint | null => (isDateTime(ticks) ? ticks : null)

/** How many borders of the period lie between the two. */
function difference(period: string, later: bigint, earlier: bigint): bigint | null {
  const name = period.toLowerCase()
  const unit = fixed[name]
  if (name === 'week') {
    const week = (ticks: bigint): bigint => startOf(ticks, 'week', 0n) ?? 0n
    return (week(later) - week(earlier)) / (7n * ticksPerDay)
  }
  if (unit !== undefined) return floorDiv(later, unit) - floorDiv(earlier, unit)
  const perPeriod = months[name]
  if (perPeriod === undefined) return null
  const count = (ticks: bigint): number => {
    const date = new Date(unixMsOfTicks(ticks))
    return Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / perPeriod)
  }
  return BigInt(count(later) - count(earlier))
}

function make(...values: readonly (bigint | number)[]): bigint | null {
  const [year = 1, month = 1, day = 1, hour = 0, minute = 0] = values.slice(0, 5).map(Number)
  const seconds = Number(values[5] ?? 0)
  const start = new Date(utc(year, month - 1, day))
  if (start.getUTCMonth() !== month - 1 || start.getUTCDate() !== day) return null
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || seconds < 0 || seconds >= 60) return null
  return valid(
    ticksOfUnixMs(start.getTime()) +
      BigInt(hour * 3600 + minute * 60) * ticksPerSecond +
      BigInt(Math.round(seconds * 1e7)),
  )
}

const pad = (value: bigint | number, length: number): string => String(value).padStart(length, '0')

/** The parts of a format that are replaced, longest first; what is not one of these stands for itself. */
function format(ticks: bigint, pattern: string): string {
  const at = (name: string): bigint => part(ticks, name) ?? 0n
  const fraction = pad(mod(ticks, ticksPerSecond), 7)
  const hour12 = at('hour') % 12n === 0n ? 12n : at('hour') % 12n
  const parts: Readonly<Record<string, () => string>> = {
    yyyy: () => pad(at('year'), 4),
    yy: () => pad(at('year') % 100n, 2),
    MM: () => pad(at('month'), 2),
    M: () => String(at('month')),
    dd: () => pad(at('day'), 2),
    d: () => String(at('day')),
    HH: () => pad(at('hour'), 2),
    H: () => String(at('hour')),
    hh: () => pad(hour12, 2),
    h: () => String(hour12),
    mm: () => pad(at('minute'), 2),
    m: () => String(at('minute')),
    ss: () => pad(at('second'), 2),
    s: () => String(at('second')),
    tt: () => (at('hour') < 12n ? 'AM' : 'PM'),
  }
  return pattern.replaceAll(/yyyy|yy|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s|tt|f{1,7}|F{1,7}/g, (name) => {
    if (name.startsWith('f')) return fraction.slice(0, name.length)
    if (name.startsWith('F')) return fraction.slice(0, name.length).replace(/0+$/, '')
    return parts[name]?.() ?? name
  })
}

function formatSpan(ticks: bigint, pattern: string): string {
  const size = ticks < 0n ? -ticks : ticks
  const fraction = pad(size % ticksPerSecond, 7)
  const hours = (size / (3600n * ticksPerSecond)) % 24n
  const minutes = (size / (60n * ticksPerSecond)) % 60n
  const seconds = (size / ticksPerSecond) % 60n
  return pattern.replaceAll(/d{1,8}|HH?|hh?|mm?|ss?|f{1,7}|F{1,7}/g, (name) => {
    const first = name[0]
    if (first === 'd') return pad(size / ticksPerDay, name.length)
    if (first === 'f') return fraction.slice(0, name.length)
    if (first === 'F') return fraction.slice(0, name.length).replace(/0+$/, '')
    const value = first === 'm' ? minutes : first === 's' ? seconds : hours
    return pad(value, name.length)
  })
}

/** How far a zone's clocks are ahead of UTC at a moment, in ticks; undefined for an unknown zone. */
function zoneOffset(ticks: bigint, zone: string): bigint | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(new Date(unixMsOfTicks(ticks)))
    const of = (type: string): number => Number(parts.find((one) => one.type === type)?.value)
    const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
    const whole = Math.floor(unixMsOfTicks(ticks) / 1000) * 1000
    return BigInt(local - whole) * ticksPerMillisecond
  } catch {
    return undefined
  }
}

function toLocal(ticks: bigint, zone: string): bigint | null {
  const offset = zoneOffset(ticks, zone)
  return offset === undefined ? null : valid(ticks + offset)
}

function toUtc(ticks: bigint, zone: string): bigint | null {
  const guess = zoneOffset(ticks, zone)
  if (guess === undefined) return null
  const offset = zoneOffset(ticks - guess, zone) ?? guess
  return valid(ticks - offset)
}

export const dateTimeFunctions: SqlFunctions = {
  kql_start_of: startOf,
  kql_end_of: endOf,
  kql_part: part,
  kql_day_of_week: (ticks: bigint) => BigInt(new Date(unixMsOfTicks(ticks)).getUTCDay()) * ticksPerDay,
  kql_datetime_add: add,
  kql_datetime_diff: difference,
  kql_make_datetime: make,
  kql_datetime_text: (ticks: bigint) => formatDateTime(ticks),
  kql_timespan_text: (ticks: bigint) => formatTimeSpan(ticks),
  kql_format_datetime: format,
  kql_format_timespan: formatSpan,
  kql_utc_to_local: toLocal,
  kql_local_to_utc: toUtc,
  kql_mod: (value: bigint, by: bigint) => (by === 0n ? null : mod(value, by)),
}
