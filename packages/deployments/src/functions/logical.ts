/** Logical functions and comparisons. */
import { type Call, type FunctionTable, takes, takesUnevaluated } from '../expression/function.ts'
import { areEqual } from '../expression/values.ts'

const many = [2, Number.POSITIVE_INFINITY] as const

export const logicalFunctions: FunctionTable = {
  true: takes(0, () => true),
  false: takes(0, () => false),
  not: takes(1, ([value], call) => !call.boolean(value)),
  and: takesUnevaluated(many, (call) => call.expressions.every((_, index) => call.boolean(call.value(index)))),
  or: takesUnevaluated(many, (call) => call.expressions.some((_, index) => call.boolean(call.value(index)))),
  // Only the branch that is chosen is evaluated: the other may ask for what is not there.
  if: takesUnevaluated(3, (call) => (call.boolean(call.value(0)) ? call.value(1) : call.value(2))),
  bool: takes(1, ([value], call) => {
    if (typeof value === 'boolean') return value
    if (typeof value === 'number') return value !== 0
    const text = call.text(value).toLowerCase()
    if (text === 'true' || text === '1') return true
    if (text === 'false' || text === '0') return false
    return call.refuse(`the value '${text.slice(0, 64)}' is not a boolean`)
  }),
  coalesce: takesUnevaluated([1, Number.POSITIVE_INFINITY], (call) => {
    for (let index = 0; index < call.expressions.length; index++) {
      const value = call.value(index)
      if (value !== null && value !== undefined) return value
    }
    return null
  }),
  equals: takes(2, ([a, b]) => areEqual(a, b)),
  less: takes(2, ([a, b], call) => compare(a, b, call) < 0),
  lessOrEquals: takes(2, ([a, b], call) => compare(a, b, call) <= 0),
  greater: takes(2, ([a, b], call) => compare(a, b, call) > 0),
  greaterOrEquals: takes(2, ([a, b], call) => compare(a, b, call) >= 0),
}

function compare(a: unknown, b: unknown, call: Call): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  return call.expected('two integers or two strings', typeof a === 'number' || typeof a === 'string' ? b : a)
}
