/** The values of template expressions, which are JSON's, and how they are compared, reached into and measured. */
import { evaluationTooLarge, indexOutOfBounds, notIndexable, propertyNotFound } from '../template-error.ts'

export type ObjectValue = Readonly<Record<string, unknown>>

/** A value as a template's own words call its type. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'Null'
  if (Array.isArray(value)) return 'Array'
  switch (typeof value) {
    case 'string':
      return 'String'
    case 'number':
      return Number.isInteger(value) ? 'Integer' : 'Float'
    case 'boolean':
      return 'Boolean'
    default:
      return 'Object'
  }
}

export function isObject(value: unknown): value is ObjectValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The name under which an object has a member, whatever its case; the exact one first. */
export function memberName(object: ObjectValue, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name
  const key = name.toLowerCase()
  return Object.keys(object).find((each) => each.toLowerCase() === key)
}

/** `of.name` or `of[name]`. `safe` gives null for what is not there. Throws TemplateError. */
export function reach(of: unknown, name: unknown, safe: boolean): unknown {
  if (safe && of === null) return null
  if (Array.isArray(of) && typeof name === 'number') {
    if (name >= 0 && name < of.length) return of[name]
    if (safe) return null
    throw indexOutOfBounds(name)
  }
  if (isObject(of) && typeof name === 'string') {
    const found = memberName(of, name)
    if (found !== undefined) return of[found] ?? null
    if (safe) return null
    throw propertyNotFound(name, Object.keys(of))
  }
  throw notIndexable(String(name), typeName(of))
}

/** Equal in type and value, texts with their case. */
export function areEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, index) => areEqual(each, b[index]))
  }
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a)
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => {
        const other = memberName(b, name)
        return other !== undefined && areEqual(a[name], b[other])
      })
    )
  }
  return (a ?? null) === (b ?? null)
}

/** Most values that one result may hold, counted as it would be written out. */
const maxNodes = 250_000
/** Longest text that one result may be, in characters: the size of a template. */
const maxText = 4 * 1024 * 1024

/** The value, unless writing it out would take too much: parts that are shared many times count each time. */
export function withinLimits<T>(value: T): T {
  let nodes = 0
  let characters = 0
  const visit = (each: unknown) => {
    nodes += 1
    if (typeof each === 'string') characters += each.length
    if (nodes > maxNodes || characters > maxText) throw evaluationTooLarge()
    if (Array.isArray(each)) for (const item of each) visit(item)
    else if (isObject(each)) for (const item of Object.values(each)) visit(item)
  }
  visit(value)
  return value
}
