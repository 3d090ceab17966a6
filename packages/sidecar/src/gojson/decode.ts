/** Parsed JSON read into Go's types, failing with the words of Go's `json.UnmarshalTypeError`. */
import { scanFirstValue } from './scan.ts'

/** What Go's `json` package would have returned as the error of `Decode` or `Unmarshal`. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError'
}

/** The first JSON value of `text`, as `json.Decoder.Decode` reads it. Throws {@link GoJsonError}. */
export function decodeFirstValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const scanned = scanFirstValue(text)
    if (!scanned.ok) throw new GoJsonError(scanned.error)
    return JSON.parse(text.slice(0, scanned.end))
  }
}

/** Where a value stands: the Go type it is read into, or the struct field that holds it. */
export interface GoPlace {
  /** `SetRequest`, the name of the struct at the root; empty when there is none. */
  readonly struct: string
  /** `options.Concurrency`: the path of fields below it. */
  readonly field: string
}

export function typeError(kind: string, place: GoPlace, type: string): GoJsonError {
  const where = place.field ? `struct field ${place.struct}.${place.field}` : 'value'
  return new GoJsonError(`json: cannot unmarshal ${kind} into Go ${where} of type ${type}`)
}

/** Go's word for the JSON type of a parsed value. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
    case 'bigint':
      return 'number'
    case 'string':
      return 'string'
    default:
      return 'object'
  }
}

export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A Go string; null leaves the zero value. */
export function readString(value: unknown, place: GoPlace): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  throw typeError(jsonKind(value), place, 'string')
}

/** A Go string read from YAML, where numbers and booleans written without quotes become text. */
export function readYamlString(value: unknown, place: GoPlace): string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return readString(value, place)
}

/** A Go bool; null leaves the zero value. */
export function readBool(value: unknown, place: GoPlace): boolean {
  if (typeof value === 'boolean') return value
  if (value === null || value === undefined) return false
  throw typeError(jsonKind(value), place, 'bool')
}

/** A Go int; null leaves the zero value. */
export function readInt(value: unknown, place: GoPlace, type = 'int'): number {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    throw typeError(`number ${value}`, place, type)
  }
  if (typeof value === 'bigint') return Number(value)
  if (value === null || value === undefined) return 0
  throw typeError(jsonKind(value), place, type)
}

/** A `map[string]string`; undefined when absent or null. */
export function readStringMap(value: unknown, place: GoPlace): Record<string, string> | undefined {
  if (value === null || value === undefined) return undefined
  if (!isJsonObject(value)) throw typeError(jsonKind(value), place, 'map[string]string')
  const map: Record<string, string> = {}
  for (const key in value) {
    const member = value[key]
    if (typeof member === 'string') setOwn(map, key, member)
    else setOwn(map, key, readString(member, place))
  }
  return map
}

/** A slice; undefined when absent or null. `type` is the Go type of the slice. */
export function readSlice<T>(
  value: unknown,
  place: GoPlace,
  type: string,
  read: (item: unknown) => T,
): T[] | undefined {
  if (value === null || value === undefined) return undefined
  if (!Array.isArray(value)) throw typeError(jsonKind(value), place, type)
  return value.map((item) => read(item))
}

/** Calls `assign` for each member with the field it belongs to: Go matches names exactly, then whatever the case. */
export function eachField(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, string>>,
  assign: (field: string, member: unknown) => void,
): void {
  for (const key in value) {
    const name = key.toLowerCase()
    // What every object inherits is no field.
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field !== undefined) assign(field, value[key])
  }
}

/** Sets a member that may be called `__proto__` without changing the object's prototype. */
export function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}
