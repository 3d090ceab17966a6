/** Functions of arrays, and those that arrays share with strings and objects. */
import { type Call, type FunctionTable, takes } from '../expression/function.ts'
import { areEqual, isObject, memberName, type ObjectValue, reach } from '../expression/values.ts'

const many = [1, Number.POSITIVE_INFINITY] as const

export const arrayFunctions: FunctionTable = {
  array: takes(1, ([value]) => (Array.isArray(value) ? value : [value])),
  createArray: takes([0, Number.POSITIVE_INFINITY], (args) => [...args]),
  concat: takes(many, (args, call) => {
    if (args.every((each) => Array.isArray(each))) return args.flat(1)
    return args.map((each) => textOf(each, call)).join('')
  }),
  contains: takes(2, ([container, wanted], call) => {
    if (typeof container === 'string') return container.includes(textOf(wanted, call))
    if (Array.isArray(container)) return container.some((each) => areEqual(each, wanted))
    if (isObject(container)) return memberName(container, call.text(wanted)) !== undefined
    return call.expected('an array, an object or a string', container)
  }),
  empty: takes(1, ([value], call) => {
    if (value === null) return true
    if (typeof value === 'string' || Array.isArray(value)) return value.length === 0
    return Object.keys(call.object(value)).length === 0
  }),
  length: takes(1, ([value], call) => {
    if (typeof value === 'string' || Array.isArray(value)) return value.length
    return isObject(value) ? Object.keys(value).length : call.expected('a string, an array or an object', value)
  }),
  first: takes(1, ([value], call) => (typeof value === 'string' ? value.slice(0, 1) : (call.array(value)[0] ?? null))),
  last: takes(1, ([value], call) => (typeof value === 'string' ? value.slice(-1) : (call.array(value).at(-1) ?? null))),
  skip: takes(2, ([value, count], call) => sequence(value, call).slice(Math.max(0, call.integer(count)))),
  take: takes(2, ([value, count], call) => sequence(value, call).slice(0, Math.max(0, call.integer(count)))),
  indexOf: takes(2, ([value, wanted], call) =>
    typeof value === 'string'
      ? value.toLowerCase().indexOf(call.text(wanted).toLowerCase())
      : call.array(value).findIndex((each) => areEqual(each, wanted)),
  ),
  lastIndexOf: takes(2, ([value, wanted], call) =>
    typeof value === 'string'
      ? value.toLowerCase().lastIndexOf(call.text(wanted).toLowerCase())
      : call.array(value).findLastIndex((each) => areEqual(each, wanted)),
  ),
  indexFromEnd: takes(2, ([value, index], call) => reach(value, call.array(value).length - call.integer(index), false)),
  tryIndexFromEnd: takes(2, ([value, index], call) =>
    value === null ? null : reach(value, call.array(value).length - call.integer(index), true),
  ),
  flatten: takes(1, ([value], call) => call.array(value).flatMap((each) => call.array(each))),
  union: takes(many, (args, call) =>
    args.every((each) => Array.isArray(each))
      ? distinct(args.flat(1))
      : args.map((each) => call.object(each)).reduce(mergedDeeply),
  ),
  intersection: takes(many, (args, call) =>
    args.every((each) => Array.isArray(each))
      ? distinct(
          args.reduce(
            (a: unknown[], b) => a.filter((each) => has(call.array(b), each)),
            call.array(args[0]) as unknown[],
          ),
        )
      : args.map((each) => call.object(each)).reduce(common),
  ),
}

function textOf(value: unknown, call: Call): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return call.expected('a string, or (all of them) an array', value)
}

function sequence(value: unknown, call: Call): string | readonly unknown[] {
  return typeof value === 'string' ? value : call.array(value)
}

const has = (values: readonly unknown[], wanted: unknown) => values.some((each) => areEqual(each, wanted))

function distinct(values: readonly unknown[]): unknown[] {
  const kept: unknown[] = []
  for (const value of values) if (!has(kept, value)) kept.push(value)
  return kept
}

/** Members of both; where both have an object, its members of both; elsewhere the later one's. */
function mergedDeeply(a: ObjectValue, b: ObjectValue): ObjectValue {
  const merged = new Map(Object.entries(a))
  for (const [name, value] of Object.entries(b)) {
    const known = memberName(a, name) ?? name
    const before = merged.get(known)
    merged.set(known, isObject(before) && isObject(value) ? mergedDeeply(before, value) : value)
  }
  return Object.fromEntries(merged)
}

function common(a: ObjectValue, b: ObjectValue): ObjectValue {
  return Object.fromEntries(
    Object.entries(a).filter(([name, value]) => {
      const other = memberName(b, name)
      return other !== undefined && areEqual(value, b[other])
    }),
  )
}
