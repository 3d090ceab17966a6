/** A deployment's outputs. */
import { withCopy } from '../expression/copies.ts'
import { copyEach, evaluateValue } from '../expression/evaluate.ts'
import type { ResourceReader, Scope } from '../expression/scope.ts'
import { type ObjectValue, typeName } from '../expression/values.ts'
import { inTemplate, TemplateError, wrongOutputType } from '../template-error.ts'
import { expectedTypes, isOfType } from './parameters.ts'
import type { Plan } from './plan.ts'
import { isSecure, type OutputDefinition, parameterTypes } from './template.ts'

/** By name, each with its type; a secure one without its value. Throws TemplateError, or whatever `resources` throws. */
export function outputsOf({ template, scope }: Plan, resources: ResourceReader): ObjectValue {
  const running: Scope = { ...scope, resources }
  return Object.fromEntries(
    Object.entries(template.outputs).flatMap(([name, output]) => {
      try {
        if (output.condition !== undefined && evaluateValue(output.condition, running) !== true) return []
        const value = outputValue(name, output, running)
        if (value !== null && !isOfType(output.type, value)) {
          throw wrongOutputType(name, expectedTypes(output.type), typeName(value))
        }
        return [[name, { type: parameterTypes.get(output.type), ...(!isSecure(output.type) && { value }) }]]
      } catch (error) {
        throw error instanceof TemplateError ? inTemplate(`output '${name}'`, ['outputs', name], error) : error
      }
    }),
  )
}

function outputValue(name: string, { value, copy }: OutputDefinition, scope: Scope): unknown {
  if (copy === undefined) return evaluateValue(value, scope)
  return copyEach(name, copy.count, scope, ['outputs', name, 'copy']).map((frame) =>
    evaluateValue(copy.input, withCopy(scope, frame)),
  )
}
