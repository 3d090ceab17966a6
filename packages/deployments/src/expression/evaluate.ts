/** What an expression comes to, and what a JSON value comes to whose texts may be expressions. */
import { templateFunctions } from '../functions/all.ts'
import {
  evaluationTooLarge,
  invalidCopyCount,
  parameterNotFound,
  TemplateError,
  type TemplatePath,
  unknownFunction,
  variableNotFound,
  wrongArgumentCount,
} from '../template-error.ts'
import { maxCopies, withCopy } from './copies.ts'
import { argumentsError, Call, type TemplateFunction } from './function.ts'
import { type CopyFrame, type Scope, UnknownResource } from './scope.ts'
import { type Expression, isExpression, parseExpression, unescaped } from './syntax.ts'
import { isObject, reach, withinLimits } from './values.ts'

/** Calls that the evaluation of one deployment may take: what a loop inside a loop inside a loop runs into. */
export const maxSteps = 200_000

export function evaluate(expression: Expression, scope: Scope): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value
    case 'member':
      return reach(evaluate(expression.of, scope), evaluate(expression.name, scope), expression.safe)
    case 'call':
      return call(expression, scope)
  }
}

function call({ namespace, name, args }: Extract<Expression, { kind: 'call' }>, scope: Scope): unknown {
  scope.budget.steps += 1
  if (scope.budget.steps > maxSteps) throw evaluationTooLarge()
  if (namespace !== undefined && namespace.toLowerCase() !== 'sys') return callOwn(namespace, name, args, scope)
  const found = functionNamed(name)
  if (found === undefined) throw unknownFunction(name)
  checkCount(name, found, args.length)
  const values = found.lazy === true ? [] : args.map((each) => evaluate(each, scope))
  return withinLimits(found.run(values, new Call(name, args, scope, evaluate)))
}

/** `listKeys`, `listAccountSas`…: whatever begins with `list` asks the resource's provider. */
export function functionNamed(name: string): TemplateFunction | undefined {
  const key = name.toLowerCase()
  return templateFunctions.get(key) ?? (/^list\w*$/.test(key) ? templateFunctions.get('list*') : undefined)
}

export function checkCount(name: string, { least, most }: TemplateFunction, count: number): void {
  if (count < least || count > most) throw wrongArgumentCount(name, argumentsError(least, most), count)
}

function callOwn(namespace: string, name: string, args: readonly Expression[], scope: Scope): unknown {
  const own = scope.userFunction(namespace, name)
  if (own === undefined) throw unknownFunction(`${namespace}.${name}`)
  if (args.length !== own.parameters.length) {
    throw wrongArgumentCount(`${namespace}.${name}`, String(own.parameters.length), args.length)
  }
  const given = new Map(own.parameters.map((each, index) => [each.toLowerCase(), args[index] as Expression]))
  const values = new Map<string, unknown>()
  // A function of the template sees its own parameters and nothing else.
  return evaluateValue(own.output, {
    ...scope,
    parameter: (parameter) => {
      const key = parameter.toLowerCase()
      const argument = given.get(key)
      if (argument === undefined) throw parameterNotFound(parameter)
      if (!values.has(key)) values.set(key, evaluate(argument, scope))
      return values.get(key)
    },
    variable: (variable) => {
      throw variableNotFound(variable)
    },
    userFunction: () => undefined,
    resources: undefined,
    copies: [],
    lambdas: new Map(),
  })
}

/** Evaluates every expression in a JSON value, and makes what `copy` in an object of it asks for. */
export function evaluateValue(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') return evaluateText(value, scope)
  if (Array.isArray(value)) return value.map((each: unknown) => evaluateValue(each, scope))
  if (!isObject(value)) return value
  const members: [string, unknown][] = []
  for (const [name, member] of Object.entries(value)) {
    if (name.toLowerCase() === 'copy' && isPropertyCopy(member)) members.push(...copyProperties(member, scope))
    else members.push([evaluateName(name, scope), evaluateValue(member, scope)])
  }
  return Object.fromEntries(members)
}

function evaluateText(text: string, scope: Scope): unknown {
  if (!isExpression(text)) return unescaped(text)
  try {
    return evaluate(parseExpression(text), scope)
  } catch (error) {
    if (error instanceof UnknownResource) return text
    throw error
  }
}

function evaluateName(name: string, scope: Scope): string {
  if (!isExpression(name)) return unescaped(name)
  const evaluated = evaluate(parseExpression(name), scope)
  if (typeof evaluated !== 'string') throw new TemplateError(`The template property name '${name}' is not a string.`)
  return evaluated
}

interface PropertyCopy {
  readonly name: string
  readonly count: unknown
  readonly input: unknown
}

export function isPropertyCopy(value: unknown): value is readonly PropertyCopy[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (each: unknown) => isObject(each) && typeof each.name === 'string' && 'count' in each && 'input' in each,
    )
  )
}

function copyProperties(copies: readonly PropertyCopy[], scope: Scope): [string, unknown][] {
  return copies.map(({ name, count, input }) => [
    name,
    copyEach(name, count, scope).map((frame) => evaluateValue(input, withCopy(scope, frame))),
  ])
}

/** The frames of a loop, one for each of its rounds. Throws TemplateError when the count is none. */
export function copyEach(name: string, count: unknown, scope: Scope, path?: TemplatePath): CopyFrame[] {
  const wanted = evaluateValue(count, scope)
  if (typeof wanted !== 'number' || !Number.isInteger(wanted) || wanted < 0 || wanted > maxCopies) {
    throw invalidCopyCount(maxCopies, path ?? [])
  }
  return Array.from({ length: wanted }, (_, index) => ({ name, index }))
}
