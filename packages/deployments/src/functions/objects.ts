/** Functions of objects, and of JSON as text. */
import { type Call, type FunctionTable, takes } from '../expression/function.ts'
import { type ObjectValue, reach } from '../expression/values.ts'

export const objectFunctions: FunctionTable = {
  null: takes(0, () => null),
  createObject: takes([0, Number.POSITIVE_INFINITY], (args, call) => {
    if (args.length % 2 !== 0) return call.refuse('the number of arguments must be even')
    return Object.fromEntries(
      Array.from({ length: args.length / 2 }, (_, index) => [call.text(args[2 * index]), args[2 * index + 1]]),
    )
  }),
  json: takes(1, ([value], call) => parseJson(call.text(value), call)),
  items: takes(1, ([value], call) =>
    sortedEntries(call.object(value)).map(([key, member]) => ({ key, value: member })),
  ),
  objectKeys: takes(1, ([value], call) => sortedEntries(call.object(value)).map(([key]) => key)),
  shallowMerge: takes(1, ([value], call) =>
    Object.fromEntries(call.array(value).flatMap((each) => Object.entries(call.object(each)))),
  ),
  tryGet: takes([2, Number.POSITIVE_INFINITY], ([value, ...names]) =>
    names.reduce((at, name) => (at === null ? null : reach(at, name, true)), value ?? null),
  ),
}

export function parseJson(text: string, call: Call): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return call.refuse('the text is not valid JSON')
  }
}

function sortedEntries(object: ObjectValue): [string, unknown][] {
  return Object.entries(object).toSorted(([a], [b]) => {
    const [x, y] = [a.toLowerCase(), b.toLowerCase()]
    return x < y ? -1 : x > y ? 1 : 0
  })
}
