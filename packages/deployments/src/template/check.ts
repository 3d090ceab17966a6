/** Whether every expression of a template can be read, before any is evaluated: its grammar, its functions, the names it uses. */
import { checkCount, functionNamed } from '../expression/evaluate.ts'
import { type Expression, isExpression, parseExpression } from '../expression/syntax.ts'
import { isObject, memberName, type ObjectValue } from '../expression/values.ts'
import {
  inTemplate,
  invalidResource,
  parameterNotFound,
  TemplateError,
  type TemplatePath,
  unknownFunction,
  variableNotFound,
} from '../template-error.ts'
import { isNestedDeployment, nestedScope } from './nested.ts'
import type { Template } from './template.ts'

/** The names that an expression may use. */
interface Names {
  readonly parameters: ObjectValue
  readonly variables: ObjectValue
  readonly functions: ReadonlySet<string>
}

/** Throws TemplateError for the first expression that is wrong. */
export function checkTemplate(template: Template): void {
  const functions = new Set(
    template.functions.flatMap(({ namespace, members }) =>
      Object.keys(members).map((name) => `${namespace}.${name}`.toLowerCase()),
    ),
  )
  const { variables } = template
  const loops = Array.isArray(variables.copy)
    ? variables.copy.flatMap((each: unknown) =>
        isObject(each) && typeof each.name === 'string' ? [[each.name, null]] : [],
      )
    : []
  const names: Names = {
    parameters: template.parameters,
    variables: { ...variables, ...Object.fromEntries(loops) },
    functions,
  }
  for (const [name, { defaultValue }] of Object.entries(template.parameters)) {
    check(defaultValue, names, (error) => inTemplate(`parameter '${name}'`, ['parameters', name], error))
  }
  for (const [name, value] of Object.entries(variables)) {
    check(value, names, (error) => inTemplate(`variable '${name}'`, ['variables', name], error))
  }
  template.functions.forEach(({ members }, index) => {
    for (const [name, { parameters = [], output }] of Object.entries(members)) {
      const own = {
        parameters: Object.fromEntries(parameters.map((each) => [each.name, null])),
        variables: {},
        functions: new Set<string>(),
      }
      check(output, own, (error) => inTemplate(`function '${name}'`, ['functions', index], error))
    }
  })
  for (const { source, path, type } of template.resources) {
    const { name } = source
    const inner = isNestedDeployment(type) && nestedScope(source) === 'inner'
    const checked = inner ? { ...source, properties: { ...(source.properties as object), template: null } } : source
    check({ ...checked, resources: null }, names, (error) => invalidResource(String(name), error.message, path))
  }
  for (const [name, output] of Object.entries(template.outputs)) {
    check(output, names, (error) => inTemplate(`output '${name}'`, ['outputs', name], error))
  }
}

function check(value: unknown, names: Names, wrap: (error: TemplateError, path?: TemplatePath) => TemplateError): void {
  try {
    checkValue(value, names)
  } catch (error) {
    throw error instanceof TemplateError ? wrap(error) : error
  }
}

function checkValue(value: unknown, names: Names): void {
  if (typeof value === 'string') {
    if (isExpression(value)) checkExpression(parseExpression(value), names)
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) checkValue(name, names)
    checkValue(member, names)
  }
}

function checkExpression(expression: Expression, names: Names): void {
  if (expression.kind === 'literal') return
  if (expression.kind === 'member') {
    checkExpression(expression.of, names)
    checkExpression(expression.name, names)
    return
  }
  const { namespace, name, args } = expression
  if (namespace !== undefined && namespace.toLowerCase() !== 'sys') {
    if (!names.functions.has(`${namespace}.${name}`.toLowerCase())) throw unknownFunction(`${namespace}.${name}`)
  } else {
    const found = functionNamed(name)
    if (found === undefined) throw unknownFunction(name)
    checkCount(name, found, args.length)
    const [first] = args
    if (first?.kind === 'literal' && typeof first.value === 'string') {
      const key = name.toLowerCase()
      if (key === 'parameters' && memberName(names.parameters, first.value) === undefined) {
        throw parameterNotFound(first.value)
      }
      if (key === 'variables' && memberName(names.variables, first.value) === undefined) {
        throw variableNotFound(first.value)
      }
    }
  }
  for (const each of args) checkExpression(each, names)
}
