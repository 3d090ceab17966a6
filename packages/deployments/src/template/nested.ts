/** Deployments inside a template: where they go, and in whose sight their expressions are evaluated. */
import { evaluateValue } from '../expression/evaluate.ts'
import type { Scope } from '../expression/scope.ts'
import { escaped } from '../expression/syntax.ts'
import { isObject, type ObjectValue } from '../expression/values.ts'

export const deploymentType = 'Microsoft.Resources/deployments'

export function isNestedDeployment(type: string): boolean {
  return type.toLowerCase() === deploymentType.toLowerCase()
}

/** `expressionEvaluationOptions.scope`; outer when nothing is said. */
export function nestedScope({ properties }: ObjectValue): 'inner' | 'outer' {
  const options = isObject(properties) ? properties.expressionEvaluationOptions : undefined
  const scope = isObject(options) && typeof options.scope === 'string' ? options.scope.toLowerCase() : 'outer'
  return scope === 'inner' ? 'inner' : 'outer'
}

/** The properties of a nested deployment as they are sent: with the template as it is, or as its outer template reads it. */
export function nestedProperties(source: ObjectValue, scope: Scope): ObjectValue {
  const {
    template,
    expressionEvaluationOptions: _options,
    ...rest
  } = isObject(source.properties) ? source.properties : {}
  const evaluated = evaluateValue(rest, scope) as ObjectValue
  if (template === undefined) return evaluated
  return {
    ...evaluated,
    template: nestedScope(source) === 'inner' ? template : withoutExpressions(evaluateValue(template, scope)),
  }
}

/** What was evaluated once is not evaluated again. */
function withoutExpressions(value: unknown): unknown {
  if (typeof value === 'string') return escaped(value)
  if (Array.isArray(value)) return value.map((each: unknown) => withoutExpressions(each))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutExpressions(each)]))
}
