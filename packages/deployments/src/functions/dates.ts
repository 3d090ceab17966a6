/** Functions of dates, in .NET's custom formats. */
import { type Call, type FunctionTable, takes } from '../expression/function.ts'
import { functionNotAllowedHere } from '../template-error.ts'

/** What `utcNow` gives without a format. */
const basicFormat = 'yyyyMMddTHHmmssZ'

export const dateFunctions: FunctionTable = {
  utcNow: takes([0, 1], ([format], call) => {
    if (!call.scope.defaults) throw functionNotAllowedHere(call.name)
    return formatDate(
      new Date(call.scope.facts.startedAt),
      call.optional(format, (each) => call.text(each)) ?? basicFormat,
      call,
    )
  }),
  dateTimeAdd: takes([2, 3], ([base, duration, format], call) => {
    const text = call.text(base)
    const style =
      call.optional(format, (each) => call.text(each)) ?? (text.includes('T') ? 'yyyy-MM-ddTHH:mm:ssZ' : 'u')
    return formatDate(added(parseDate(text, call), call.text(duration), call), style, call)
  }),
  dateTimeToEpoch: takes(1, ([text], call) => Math.floor(parseDate(call.text(text), call).getTime() / 1000)),
  dateTimeFromEpoch: takes(1, ([seconds], call) =>
    formatDate(new Date(call.integer(seconds) * 1000), 'yyyy-MM-ddTHH:mm:ssZ', call),
  ),
}

/** ISO 8601, extended or as {@link basicFormat} has it; without an offset it is UTC. */
function parseDate(text: string, call: Call): Date {
  const extended = text.replace(
    /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/,
    (_, year, month, day, hour, minute, second) => `${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
  )
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(
    extended,
  )
  const [, day, time = '00:00:00', zone = 'Z'] = match ?? []
  const date = new Date(`${day}T${time}${zone}`)
  return Number.isNaN(date.getTime()) ? call.refuse(`the value '${text.slice(0, 64)}' is not a date`) : date
}

const durationPattern =
  /^(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

function added(date: Date, duration: string, call: Call): Date {
  const match = durationPattern.exec(duration)
  if (match === null || /[PT]$/.test(duration)) {
    return call.refuse(`the value '${duration.slice(0, 64)}' is not an ISO 8601 duration`)
  }
  const sign = match[1] === '-' ? -1 : 1
  const part = (index: number) => sign * Number(match[index] ?? 0)
  const moved = new Date(date)
  const months = part(2) * 12 + part(3)
  if (months !== 0) {
    const day = moved.getUTCDate()
    moved.setUTCDate(1)
    moved.setUTCMonth(moved.getUTCMonth() + months)
    const last = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate()
    moved.setUTCDate(Math.min(day, last))
  }
  const days = part(4) * 7 + part(5)
  moved.setTime(moved.getTime() + ((days * 24 + part(6)) * 3600 + part(7) * 60 + part(8)) * 1000)
  return Number.isNaN(moved.getTime()) ? call.refuse('the date is out of range') : moved
}

const standard: Readonly<Record<string, string>> = {
  d: 'MM/dd/yyyy',
  u: "yyyy-MM-dd HH:mm:ss'Z'",
  s: 'yyyy-MM-ddTHH:mm:ss',
  o: 'yyyy-MM-ddTHH:mm:ss.fffffffZ',
  O: 'yyyy-MM-ddTHH:mm:ss.fffffffZ',
  R: "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
  r: "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
}

const months = 'January February March April May June July August September October November December'.split(' ')
const weekdays = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** "Custom date and time format strings", in the invariant culture and UTC. */
function formatDate(date: Date, style: string, call: Call): string {
  const pattern = style.length === 1 ? standard[style] : style
  if (pattern === undefined) return call.refuse(`the date format '${style}' is not supported`)
  return pattern.replaceAll(/'[^']*'|\\.|y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|K|z+/g, (token) => dateToken(date, token))
}

function dateToken(date: Date, token: string): string {
  const two = (value: number) => (token.length > 1 ? String(value).padStart(2, '0') : String(value))
  switch (token.charAt(0)) {
    case "'":
      return token.slice(1, -1)
    case '\\':
      return token.slice(1)
    case 'y':
      return token.length <= 2
        ? two(date.getUTCFullYear() % 100)
        : String(date.getUTCFullYear()).padStart(token.length, '0')
    case 'M': {
      const name = months[date.getUTCMonth()] ?? ''
      return token.length > 3 ? name : token.length === 3 ? name.slice(0, 3) : two(date.getUTCMonth() + 1)
    }
    case 'd': {
      const name = weekdays[date.getUTCDay()] ?? ''
      return token.length > 3 ? name : token.length === 3 ? name.slice(0, 3) : two(date.getUTCDate())
    }
    case 'H':
      return two(date.getUTCHours())
    case 'h':
      return two(date.getUTCHours() % 12 || 12)
    case 'm':
      return two(date.getUTCMinutes())
    case 's':
      return two(date.getUTCSeconds())
    case 'f':
    case 'F':
      return String(date.getUTCMilliseconds()).padStart(3, '0').padEnd(token.length, '0').slice(0, token.length)
    case 't':
      return (date.getUTCHours() < 12 ? 'AM' : 'PM').slice(0, token.length)
    case 'K':
      return 'Z'
    default:
      return token.length === 1 ? '+0' : token.length === 2 ? '+00' : '+00:00'
  }
}
