/** Numeric functions: integers of 64 bits as far as JSON carries them exactly. */
import { type Call, type FunctionTable, takes } from '../expression/function.ts'

export const numericFunctions: FunctionTable = {
  add: arithmetic((a, b) => a + b),
  sub: arithmetic((a, b) => a - b),
  mul: arithmetic((a, b) => a * b),
  div: arithmetic((a, b, call) => (b === 0 ? call.refuse('the divisor is zero') : Math.trunc(a / b))),
  mod: arithmetic((a, b, call) => (b === 0 ? call.refuse('the divisor is zero') : a % b)),
  int: takes(1, ([value], call) => {
    if (typeof value === 'number') return Math.trunc(value)
    const text = call.text(value).trim()
    return /^[+-]?\d{1,15}$/.test(text)
      ? Number(text)
      : call.refuse(`the value '${text.slice(0, 64)}' is not an integer`)
  }),
  float: takes(1, ([value], call) => {
    if (typeof value === 'number') return value
    const text = call.text(value).trim()
    const number = Number(text)
    return text === '' || !Number.isFinite(number)
      ? call.refuse(`the value '${text.slice(0, 64)}' is not a number`)
      : number
  }),
  min: takes([1, Number.POSITIVE_INFINITY], (args, call) => numbersOf(args, call).reduce((a, b) => Math.min(a, b))),
  max: takes([1, Number.POSITIVE_INFINITY], (args, call) => numbersOf(args, call).reduce((a, b) => Math.max(a, b))),
  range: takes(2, ([start, count], call) => {
    const from = call.integer(start)
    const length = call.integer(count)
    if (length < 0 || length > 10_000) return call.refuse("the count must be between '0' and '10000'")
    if (from + length > 2_147_483_647) return call.refuse("the sum of start and count must not exceed '2147483647'")
    return Array.from({ length }, (_, index) => from + index)
  }),
}

function arithmetic(work: (a: number, b: number, call: Call) => number) {
  return takes(2, ([a, b], call) => {
    const result = work(call.integer(a), call.integer(b), call)
    // 0, never -0: JSON has one zero.
    return Number.isSafeInteger(result) ? result + 0 : call.refuse('the result is out of range')
  })
}

function numbersOf(args: readonly unknown[], call: Call): number[] {
  const values = args.length === 1 && Array.isArray(args[0]) ? call.array(args[0]) : args
  if (values.length === 0) return call.refuse('the array is empty')
  return values.map((each) => call.integer(each))
}
