/** One log record as the line daprd's logger (logrus) prints for it. */
import { encodeGoJson } from '../gojson/encode.ts'
import { goQuote } from './go-quote.ts'

export interface LogRecord {
  /** RFC 3339 with nanoseconds. */
  readonly time: string
  readonly level: string
  readonly message: string
  /** Every other field, `scope` and `type` among them. */
  readonly fields: Readonly<Record<string, string | number>>
}

export type LogFormat = (record: LogRecord) => string

const unquoted = /^[A-Za-z0-9\-._/@^+]*$/

/** `time="…" level=info msg="…" app_id=… instance=… scope=… type=log ver=…`, fields in alphabetical order. */
export function formatText(record: LogRecord): string {
  let line = `time=${value(record.time)} level=${value(record.level)} msg=${value(record.message)}`
  for (const key of Object.keys(record.fields).sort()) line += ` ${key}=${value(String(record.fields[key]))}`
  return `${line}\n`
}

/** The same record as one JSON object, keys in alphabetical order. */
export function formatJson(record: LogRecord): string {
  const { fields, level, message, time } = record
  return `${encodeGoJson({ ...fields, level, msg: message, time })}\n`
}

function value(text: string): string {
  return unquoted.test(text) ? text : goQuote(text)
}
