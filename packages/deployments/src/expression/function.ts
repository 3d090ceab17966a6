/** What a template function is: how many arguments it takes, and what it makes of them. */
import { invalidArgument, wrongArgument } from '../template-error.ts'
import type { Scope } from './scope.ts'
import type { Expression } from './syntax.ts'
import { isObject, type ObjectValue, typeName } from './values.ts'

export interface TemplateFunction {
  readonly least: number
  /** Infinity for any number. */
  readonly most: number
  /** Whether it evaluates its arguments itself (only those it needs, or with other names in sight). `args` is empty then. */
  readonly lazy?: boolean
  run(args: readonly unknown[], call: Call): unknown
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>

/** A function of `count` arguments, or of `least` to `most`. */
export function takes(
  count: number | readonly [least: number, most: number],
  run: TemplateFunction['run'],
): TemplateFunction {
  const [least, most] = typeof count === 'number' ? [count, count] : count
  return { least, most, run }
}

/** As {@link takes}, of a function that evaluates its arguments itself. */
export function takesUnevaluated(
  count: number | readonly [least: number, most: number],
  run: (call: Call) => unknown,
): TemplateFunction {
  return { ...takes(count, (_args, call) => run(call)), lazy: true }
}

export function argumentsError(least: number, most: number): string {
  if (least === most) return String(least)
  return most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`
}

/** A lambda, which only a function such as `map` can be given. */
export type Lambda = (...values: readonly unknown[]) => unknown

/** One call: its name for errors, its arguments as they were written, and its arguments' values by type. */
export class Call {
  readonly name: string
  readonly expressions: readonly Expression[]
  readonly scope: Scope
  readonly #evaluate: (expression: Expression, scope: Scope) => unknown

  constructor(
    name: string,
    expressions: readonly Expression[],
    scope: Scope,
    evaluate: (expression: Expression, scope: Scope) => unknown,
  ) {
    this.name = name
    this.expressions = expressions
    this.scope = scope
    this.#evaluate = evaluate
  }

  /** The value of an argument of a lazy function. */
  value(index: number): unknown {
    const expression = this.expressions[index]
    return expression === undefined ? undefined : this.#evaluate(expression, this.scope)
  }

  /** The argument as `lambda('a', …, body)`. */
  lambda(index: number): Lambda {
    const expression = this.expressions[index]
    if (expression?.kind !== 'call' || expression.name.toLowerCase() !== 'lambda') {
      throw wrongArgument(this.name, 'a lambda', typeName(this.value(index)))
    }
    const body = expression.args.at(-1)
    const names = expression.args.slice(0, -1).map((each) => this.text(this.#evaluate(each, this.scope)).toLowerCase())
    if (body === undefined) throw wrongArgument(this.name, 'a lambda with a body', 'Null')
    return (...values) => {
      const lambdas = new Map([...this.scope.lambdas, ...names.map((name, at) => [name, values[at]] as const)])
      return this.#evaluate(body, { ...this.scope, lambdas })
    }
  }

  text(value: unknown): string {
    if (typeof value !== 'string') throw wrongArgument(this.name, 'a string', typeName(value))
    return value
  }

  integer(value: unknown): number {
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw wrongArgument(this.name, 'an integer', typeName(value))
    }
    return value
  }

  boolean(value: unknown): boolean {
    if (typeof value !== 'boolean') throw wrongArgument(this.name, 'a boolean', typeName(value))
    return value
  }

  array(value: unknown): readonly unknown[] {
    if (!Array.isArray(value)) throw wrongArgument(this.name, 'an array', typeName(value))
    return value
  }

  object(value: unknown): ObjectValue {
    if (!isObject(value)) throw wrongArgument(this.name, 'an object', typeName(value))
    return value
  }

  /** An argument that may be left out. */
  optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
    return value === undefined ? undefined : read(value)
  }

  refuse(reason: string): never {
    throw invalidArgument(this.name, reason)
  }

  expected(what: string, value: unknown): never {
    throw wrongArgument(this.name, what, typeName(value))
  }
}
