/** The parameters of a deployment: what was given, what is left to the default, and what may be shown. */
import { evaluateValue } from '../expression/evaluate.ts'
import type { Scope } from '../expression/scope.ts'
import { areEqual, memberName, type ObjectValue, typeName } from '../expression/values.ts'
import {
  inTemplate,
  missingParameter,
  parameterNotAllowed,
  parameterNotFound,
  parameterOutOfBounds,
  TemplateError,
  unknownParameters,
  wrongParameterType,
} from '../template-error.ts'
import { isSecure, type ParameterDefinition, parameterTypes, type Template } from './template.ts'

export interface Parameters {
  /** Throws TemplateError when there is none of that name. */
  value(name: string): unknown
  /** By name as the template writes it. */
  readonly values: ObjectValue
  /** As an answer shows them: a secure one has no value. */
  readonly shown: ObjectValue
  /** Every text that a secure parameter holds. */
  readonly secrets: ReadonlySet<string>
}

/**
 * `given` holds values by name. Defaults are evaluated in order of need: one may use another parameter.
 * Throws TemplateError.
 */
export function resolveParameters(template: Template, given: ObjectValue, scope: Scope): Parameters {
  const { parameters } = template
  const unknown = Object.keys(given).filter((name) => memberName(parameters, name) === undefined)
  if (unknown.length > 0) throw unknownParameters(unknown, Object.keys(parameters))

  const values = new Map<string, unknown>()
  const underWay = new Set<string>()
  const value = (wanted: string): unknown => {
    const name = memberName(parameters, wanted)
    const definition = name === undefined ? undefined : parameters[name]
    if (name === undefined || definition === undefined) throw parameterNotFound(wanted)
    if (values.has(name)) return values.get(name)
    if (underWay.has(name)) {
      throw new TemplateError(`Circular dependency detected on template parameter '${name}'.`, ['parameters', name])
    }
    underWay.add(name)
    const found = givenOrDefault(name, definition, given, { ...scope, parameter: value, defaults: true })
    underWay.delete(name)
    checkValue(name, definition, found)
    values.set(name, found)
    return found
  }
  for (const name of Object.keys(parameters)) value(name)

  const entries = [...values]
  return {
    value,
    values: Object.fromEntries(entries),
    shown: Object.fromEntries(
      entries.map(([name, each]) => {
        const type = parameters[name]?.type ?? 'string'
        return [name, { type: parameterTypes.get(type), ...(!isSecure(type) && { value: each }) }]
      }),
    ),
    secrets: new Set(entries.flatMap(([name, each]) => (isSecure(parameters[name]?.type ?? '') ? textsIn(each) : []))),
  }
}

function givenOrDefault(name: string, definition: ParameterDefinition, given: ObjectValue, scope: Scope): unknown {
  const givenName = memberName(given, name)
  if (givenName !== undefined) {
    const value = given[givenName]
    if (value !== null || definition.nullable === true) return value
  }
  if ('defaultValue' in definition) {
    try {
      return evaluateValue(definition.defaultValue, scope)
    } catch (error) {
      throw error instanceof TemplateError ? inTemplate(`parameter '${name}'`, ['parameters', name], error) : error
    }
  }
  if (definition.nullable === true) return null
  throw missingParameter(name)
}

/** The JSON types that a parameter's type takes. */
const jsonTypes: Readonly<Record<string, readonly string[]>> = {
  string: ['String'],
  securestring: ['String'],
  int: ['Integer'],
  bool: ['Boolean'],
  object: ['Object'],
  secureobject: ['Object'],
  array: ['Array'],
}

export function isOfType(type: string, value: unknown): boolean {
  return jsonTypes[type]?.includes(typeName(value)) === true
}

/** How an error names a type: as the JSON library of Resource Manager does. */
export function expectedTypes(type: string): string {
  return type === 'string' || type === 'securestring' ? 'String, Uri' : (jsonTypes[type]?.join(', ') ?? type)
}

function checkValue(name: string, definition: ParameterDefinition, value: unknown): void {
  const { type, allowedValues, minValue, maxValue, minLength, maxLength, nullable } = definition
  if (value === null && nullable === true) return
  if (!isOfType(type, value)) throw wrongParameterType(name, expectedTypes(type), typeName(value))
  if (allowedValues !== undefined) {
    const values = type === 'array' && Array.isArray(value) ? value : [value]
    const wrong = values.find((each) => !allowedValues.some((allowed) => areEqual(allowed, each)))
    if (wrong !== undefined) {
      const shown = isSecure(type)
        ? '*'
        : typeof wrong === 'string'
          ? wrong.slice(0, 128)
          : JSON.stringify(wrong).slice(0, 128)
      throw parameterNotAllowed(name, shown, isSecure(type) ? ['*'] : allowedValues)
    }
  }
  if (typeof value === 'number') {
    if (minValue !== undefined && value < minValue) throw parameterOutOfBounds(name, 'Value', 'greater', minValue)
    if (maxValue !== undefined && value > maxValue) throw parameterOutOfBounds(name, 'Value', 'less', maxValue)
  }
  if (typeof value === 'string' || Array.isArray(value)) {
    if (minLength !== undefined && value.length < minLength) {
      throw parameterOutOfBounds(name, 'Length', 'greater', minLength)
    }
    if (maxLength !== undefined && value.length > maxLength)
      throw parameterOutOfBounds(name, 'Length', 'less', maxLength)
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((each: unknown) => textsIn(each))
}
