/** Functions that are given a lambda. */
import { type Call, type FunctionTable, takesUnevaluated } from '../expression/function.ts'
import { isObject } from '../expression/values.ts'

export const lambdaFunctions: FunctionTable = {
  lambda: takesUnevaluated([1, Number.POSITIVE_INFINITY], (call) => call.refuse('a lambda can only be an argument')),
  lambdaVariables: takesUnevaluated(1, (call) => {
    const name = call.text(call.value(0))
    const { lambdas } = call.scope
    return lambdas.has(name.toLowerCase())
      ? lambdas.get(name.toLowerCase())
      : call.refuse(`there is no lambda variable '${name}' here`)
  }),
  map: takesUnevaluated(2, (call) => {
    const work = call.lambda(1)
    return list(call).map((each, index) => work(each, index))
  }),
  filter: takesUnevaluated(2, (call) => {
    const keep = call.lambda(1)
    return list(call).filter((each, index) => call.boolean(keep(each, index)))
  }),
  reduce: takesUnevaluated(3, (call) => {
    const work = call.lambda(2)
    return list(call).reduce((soFar, each, index) => work(soFar, each, index), call.value(1))
  }),
  sort: takesUnevaluated(2, (call) => {
    const before = call.lambda(1)
    return list(call).toSorted((a, b) => (call.boolean(before(a, b)) ? -1 : call.boolean(before(b, a)) ? 1 : 0))
  }),
  toObject: takesUnevaluated([2, 3], (call) => {
    const key = call.lambda(1)
    const value = call.expressions.length === 3 ? call.lambda(2) : (each: unknown) => each
    return Object.fromEntries(list(call).map((each) => [call.text(key(each)), value(each)]))
  }),
  groupBy: takesUnevaluated(2, (call) => {
    const key = call.lambda(1)
    const groups = new Map<string, unknown[]>()
    for (const each of list(call)) {
      const name = call.text(key(each))
      groups.set(name, [...(groups.get(name) ?? []), each])
    }
    return Object.fromEntries(groups)
  }),
  mapValues: takesUnevaluated(2, (call) => {
    const work = call.lambda(1)
    const object = call.value(0)
    if (!isObject(object)) return call.expected('an object', object)
    return Object.fromEntries(Object.entries(object).map(([name, each]) => [name, work(each)]))
  }),
}

function list(call: Call): readonly unknown[] {
  return call.array(call.value(0))
}
