/** What a component says about its own metadata fields, which is also how that metadata is decoded. */
import { ComponentError } from './component-error.ts'
import { parseGoDuration } from './go/duration.ts'
import { parseGoInt, quote } from './go/strconv.ts'
import type { Metadata } from './metadata.ts'

/** A `duration` is decoded to milliseconds. */
export type FieldType = 'string' | 'bool' | 'number' | 'duration'

/** One field of a component's metadata: dapr/components-contrib `metadata.yaml`. */
export interface MetadataField {
  readonly type: FieldType
  readonly description: string
  /** Documented as required; whether and how a component refuses its absence is in the component. */
  readonly required?: boolean
  /** Taken when the field is absent or empty. */
  readonly default?: string
  /** Older spellings, in the order in which they are looked for. */
  readonly aliases?: readonly string[]
  readonly allowedValues?: readonly string[]
  /** Holds a credential: never shown. */
  readonly sensitive?: boolean
}

export interface ComponentDeclaration {
  /** E.g. `secretstores.local.file`: the path of the component's folder. */
  readonly type: string
  readonly versions: readonly string[]
  readonly title: string
  /** A field that is not listed is accepted, ignored by decoding, as daprd does. */
  readonly fields: Readonly<Record<string, MetadataField>>
}

type Value<T extends FieldType> = T extends 'bool'
  ? boolean
  : T extends 'number' | 'duration'
    ? number | undefined
    : string

/** A declaration's fields with their values; an absent string is empty, an absent bool is false. */
export type Decoded<D extends ComponentDeclaration> = {
  readonly [F in keyof D['fields']]: Value<D['fields'][F]['type']>
}

/**
 * Decodes metadata as `kit/metadata.DecodeMetadata` does: names without regard to case, the first name that is there
 * wins even when it is empty, bools by their truthy words, numbers in Go's notation, durations in Go's or as
 * whole seconds, unknown fields ignored.
 * @throws ComponentError when two keys differ only by case, or a number or a duration is not one
 */
export function decodeMetadata<D extends ComponentDeclaration>(declaration: D, metadata: Metadata): Decoded<D> {
  const byLowerName = lowerCaseNames(metadata)
  const decoded: Record<string, string | boolean | number | undefined> = {}
  for (const [name, field] of Object.entries(declaration.fields)) {
    const given = [name, ...(field.aliases ?? [])]
      .map((key) => byLowerName.get(key.toLowerCase()))
      .find((value) => value !== undefined)
    decoded[name] = decodeField(name, field, given || (field.default ?? ''))
  }
  return decoded as Decoded<D>
}

function lowerCaseNames(metadata: Metadata): Map<string, string> {
  const names = new Map<string, string>()
  for (const [key, value] of Object.entries(metadata)) {
    const lower = key.toLowerCase()
    if (names.has(lower)) {
      throw new ComponentError(`failed to resolve aliases: key ${lower} is duplicate in the metadata`)
    }
    names.set(lower, value)
  }
  return names
}

function decodeField(name: string, field: MetadataField, value: string): string | boolean | number | undefined {
  switch (field.type) {
    case 'string':
      return value
    case 'bool':
      return isTruthy(value)
    case 'number': {
      if (value === '') return undefined
      const parsed = parseGoInt(value, 32)
      if (typeof parsed === 'number') return parsed
      throw new ComponentError(`1 error(s) decoding:\n\n* cannot parse '${goName(name)}' as int: ${parsed.error}`)
    }
    case 'duration': {
      if (value === '') return undefined
      const parsed = parseGoDuration(value)
      if (parsed !== undefined) return parsed
      const seconds = parseGoInt(value, 64)
      if (typeof seconds === 'number') return seconds * 1000
      const why = `time: ${/^[+-]?[\d.]+$/.test(value) ? 'missing unit in' : 'invalid'} duration ${quote(value)}`
      throw new ComponentError(`1 error(s) decoding:\n\n* error decoding '${goName(name)}': ${why}\n${seconds.error}`)
    }
  }
}

function goName(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** Dapr's idea of true (kit/strings `IsTruthy`): y, yes, true, t, on, 1. */
export function isTruthy(value: string): boolean {
  return ['y', 'yes', 'true', 't', 'on', '1'].includes(value.trim().toLowerCase())
}
