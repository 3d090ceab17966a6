/** KQL's functions of `dynamic` values, which SQLite holds as JSON text. */

import { parseInteger } from '../kql/literals.ts'
import { parseDateTime, parseTimeSpan } from '../kql/time.ts'
import { bigJsonParse, jsonText } from './json.ts'
import type { SqlFunctions } from './sql-function.ts'

const longLimit = 2n ** 63n

/** An element by position (negative: from the end) or a property by name; null where there is none. */
function get(json: string, key: string | bigint): string | null {
  const value = bigJsonParse(json)
  if (typeof key === 'bigint') return Array.isArray(value) ? orNull(value.at(Number(key))) : null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.hasOwn(value, key) ? orNull((value as Record<string, unknown>)[key]) : null
}

const orNull = (value: unknown): string | null => (value === undefined || value === null ? null : jsonText(value))

/** A text is as it is; the rest as JSON writes it. */
function toText(json: string): string {
  const value = bigJsonParse(json)
  if (value === null) return ''
  return typeof value === 'string' ? value : jsonText(value)
}

function toLong(json: string, limit: bigint = longLimit): bigint | null {
  const value = bigJsonParse(json)
  if (typeof value === 'bigint') return within(value, limit)
  if (typeof value === 'number') return Number.isFinite(value) ? within(BigInt(Math.trunc(value)), limit) : null
  if (typeof value === 'boolean') return value ? 1n : 0n
  return typeof value === 'string' ? textToLong(value, limit) : null
}

const within = (value: bigint, limit: bigint): bigint | null => (value >= -limit && value < limit ? value : null)

function textToLong(text: string, limit: bigint = longLimit): bigint | null {
  const whole = parseInteger(text, limit)
  if (whole !== undefined) return whole
  const real = textToReal(text)
  return real === null || !Number.isFinite(real) ? null : within(BigInt(Math.trunc(real)), limit)
}

function textToReal(text: string): number | null {
  const trimmed = text.trim()
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : null
}

function textToBool(text: string): bigint | null {
  const lower = text.trim().toLowerCase()
  if (lower === 'true') return 1n
  if (lower === 'false') return 0n
  const number = textToReal(lower)
  return number === null ? null : number === 0 ? 0n : 1n
}

function textToGuid(text: string): string | null {
  const trimmed = text.trim().toLowerCase()
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(trimmed) ? trimmed : null
}

const array = (json: string): readonly unknown[] | undefined => {
  const value = bigJsonParse(json)
  return Array.isArray(value) ? value : undefined
}

const bag = (json: string | null): Readonly<Record<string, unknown>> | undefined => {
  const value = json === null ? undefined : bigJsonParse(json)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** The JSON of a text that is JSON; of another text, the text itself. */
function parseJson(text: string): string | null {
  if (text === '') return null
  try {
    return orNull(bigJsonParse(text))
  } catch {
    return jsonText(text)
  }
}

/** The rows of a mv-expand: an array as long as the longest of the values, each row an array of JSON texts. */
function zip(limit: bigint, ...values: readonly (string | null)[]): string {
  const columns = values.map((json): readonly unknown[] => {
    // One row without a value; of an empty array none.
    if (json === null) return [null]
    const value = bigJsonParse(json)
    if (Array.isArray(value)) return value
    if (typeof value === 'object' && value !== null) {
      return Object.entries(value).map(([name, member]) => ({ [name]: member }))
    }
    return [value]
  })
  const length = Math.min(Number(limit), Math.max(...columns.map((column) => column.length)))
  return JSON.stringify(Array.from({ length }, (_, row) => columns.map((column) => orNull(column[row]))))
}

export const dynamicFunctions: SqlFunctions = {
  kql_get: get,
  kql_text: toText,
  kql_dynamic_long: (json: string) => toLong(json),
  kql_dynamic_int: (json: string) => toLong(json, 2n ** 31n),
  kql_dynamic_real: (json: string) => {
    const value = bigJsonParse(json)
    if (typeof value === 'number') return value
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'boolean') return value ? 1 : 0
    return typeof value === 'string' ? textToReal(value) : null
  },
  kql_dynamic_bool: (json: string) => {
    const value = bigJsonParse(json)
    if (typeof value === 'boolean') return value ? 1n : 0n
    if (typeof value === 'number' || typeof value === 'bigint') return Number(value) === 0 ? 0n : 1n
    return typeof value === 'string' ? textToBool(value) : null
  },
  kql_dynamic_datetime: (json: string) => {
    const value = bigJsonParse(json)
    return typeof value === 'string' ? (parseDateTime(value) ?? null) : null
  },
  kql_dynamic_timespan: (json: string) => {
    const value = bigJsonParse(json)
    return typeof value === 'string' ? (parseTimeSpan(value) ?? null) : null
  },
  kql_dynamic_guid: (json: string) => {
    const value = bigJsonParse(json)
    return typeof value === 'string' ? textToGuid(value) : null
  },
  kql_text_long: (text: string) => textToLong(text),
  kql_text_int: (text: string) => textToLong(text, 2n ** 31n),
  kql_text_real: textToReal,
  kql_text_bool: textToBool,
  kql_text_guid: textToGuid,
  kql_text_datetime: (text: string) => parseDateTime(text) ?? null,
  kql_text_timespan: (text: string) => parseTimeSpan(text) ?? null,
  kql_real_text: (value: number) => (Number.isFinite(value) ? String(value) : value > 0 ? '∞' : '-∞'),
  kql_real_json: (value: number) =>
    Number.isFinite(value) ? String(value) : jsonText(value > 0 ? 'Infinity' : '-Infinity'),
  kql_parse_json: parseJson,
  kql_array: (...items: readonly (string | null)[]) => `[${items.map((item) => item ?? 'null').join(',')}]`,
  kql_bag: (...words: readonly (string | null)[]) => {
    const members: Record<string, unknown> = {}
    for (let index = 0; index + 1 < words.length; index += 2) {
      const json = words[index + 1]
      members[words[index] ?? ''] = json === null || json === undefined ? null : bigJsonParse(json)
    }
    return jsonText(members)
  },
  kql_array_length: (json: string) => {
    const items = array(json)
    return items === undefined ? null : BigInt(items.length)
  },
  kql_array_concat: (...jsons: readonly (string | null)[]) =>
    jsonText(jsons.flatMap((json) => (json === null ? [] : (array(json) ?? [bigJsonParse(json)])))),
  kql_array_slice: (json: string, start: bigint, end: bigint) => {
    const items = array(json)
    if (!items) return null
    const from = start < 0n ? Math.max(0, items.length + Number(start)) : Number(start)
    const to = end < 0n ? items.length + Number(end) : Number(end)
    return jsonText(items.slice(from, to + 1))
  },
  kql_array_index_of: (json: string, wanted: string) => {
    const items = array(json)
    return items === undefined ? null : BigInt(items.findIndex((item) => jsonText(item) === wanted))
  },
  kql_array_sort: (json: string, descending: bigint) => {
    const items = array(json)
    if (!items) return null
    const sorted = items.toSorted(compareJson)
    return jsonText(descending ? sorted.reverse() : sorted)
  },
  kql_set_has: (json: string, wanted: string) => {
    const items = array(json)
    return items === undefined ? null : items.some((item) => jsonText(item) === wanted) ? 1n : 0n
  },
  kql_bag_keys: (json: string) => {
    const members = bag(json)
    return members === undefined ? null : jsonText(Object.keys(members))
  },
  kql_bag_has_key: (json: string, key: string) => (Object.hasOwn(bag(json) ?? {}, key) ? 1n : 0n),
  kql_bag_merge: (...jsons: readonly (string | null)[]) => {
    const bags = jsons.map(bag).filter((one) => one !== undefined)
    // The first bag that has a name decides.
    return bags.length === 0 ? null : jsonText(Object.assign({}, ...bags.toReversed()))
  },
  kql_split: (text: string, delimiter: string) => JSON.stringify(delimiter === '' ? [text] : text.split(delimiter)),
  kql_json_type: (json: string) => {
    const value = bigJsonParse(json)
    if (Array.isArray(value)) return 'array'
    if (typeof value === 'bigint') return 'long'
    if (typeof value === 'number') return Number.isInteger(value) ? 'long' : 'double'
    return typeof value === 'object' ? 'dictionary' : typeof value === 'boolean' ? 'bool' : 'string'
  },
  kql_zip: zip,
}

function compareJson(one: unknown, other: unknown): number {
  if (typeof one === 'string' && typeof other === 'string') return one < other ? -1 : one > other ? 1 : 0
  return Number(one) - Number(other)
}
