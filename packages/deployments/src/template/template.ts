/** A template's parts, checked for their shape. */
import { z } from 'zod'
import { maxCopies } from '../expression/copies.ts'
import { isExpression, unescaped } from '../expression/syntax.ts'
import { isObject, type ObjectValue } from '../expression/values.ts'
import { invalidMember, type TemplateError, type TemplatePath, tooMany } from '../template-error.ts'

export interface ParameterDefinition {
  readonly type: string
  readonly defaultValue?: unknown
  readonly allowedValues?: readonly unknown[] | undefined
  readonly minValue?: number | undefined
  readonly maxValue?: number | undefined
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  readonly nullable?: boolean | undefined
}

export interface ResourceDefinition {
  /** Of languageVersion 2.0. */
  readonly symbolicName?: string
  /** Its members as they were written. */
  readonly source: ObjectValue
  readonly type: string
  readonly path: TemplatePath
}

export interface OutputDefinition {
  readonly type: string
  readonly value?: unknown
  readonly condition?: unknown
  readonly copy?: { readonly count?: unknown; readonly input?: unknown } | undefined
}

export interface FunctionNamespace {
  readonly namespace: string
  readonly members: Readonly<Record<string, FunctionDefinition>>
}

export interface FunctionDefinition {
  readonly parameters?: readonly { readonly name: string }[] | undefined
  readonly output: { readonly value?: unknown }
}

export interface Template {
  readonly source: ObjectValue
  readonly parameters: Readonly<Record<string, ParameterDefinition>>
  readonly variables: ObjectValue
  readonly functions: readonly FunctionNamespace[]
  readonly resources: readonly ResourceDefinition[]
  readonly outputs: Readonly<Record<string, OutputDefinition>>
}

/** Limits of "Best practices for templates". */
const limits = { parameters: 256, variables: 512, outputs: 64 } as const

const bound = z.number().int().optional()
const parameter = z.looseObject({
  type: z.string().optional(),
  $ref: z.string().optional(),
  allowedValues: z.array(z.unknown()).optional(),
  minValue: bound,
  maxValue: bound,
  minLength: bound,
  maxLength: bound,
  nullable: z.boolean().optional(),
})
const resource: z.ZodType<{ readonly type: string; readonly resources?: unknown }> = z.looseObject({
  type: z.string().min(1),
  name: z.string().min(1),
  dependsOn: z.array(z.string()).optional(),
  resources: z.lazy(() => z.union([z.array(resource), z.record(z.string(), resource)])).optional(),
})
const template = z.looseObject({
  languageVersion: z.string().optional(),
  definitions: z.record(z.string(), z.looseObject({ type: z.string().optional() })).optional(),
  parameters: z.record(z.string(), parameter).default({}),
  variables: z.record(z.string(), z.unknown()).default({}),
  functions: z
    .array(
      z.object({
        namespace: z.string().min(1),
        members: z.record(
          z.string(),
          z.looseObject({
            parameters: z.array(z.looseObject({ name: z.string() })).optional(),
            output: z.looseObject({ value: z.unknown() }),
          }),
        ),
      }),
    )
    .default([]),
  outputs: z
    .record(
      z.string(),
      z.looseObject({
        type: z.string().optional(),
        $ref: z.string().optional(),
        copy: z.looseObject({ count: z.unknown(), input: z.unknown() }).optional(),
      }),
    )
    .default({}),
})

/** The template that a JSON value is. Throws TemplateError. */
export function parseTemplate(source: ObjectValue): Template {
  for (const name of ['$schema', 'contentVersion']) {
    if (typeof source[name] !== 'string') throw invalidMember('', `Required property '${name}' not found in JSON`, [])
  }
  if (!('resources' in source)) throw invalidMember('', "Required property 'resources' not found in JSON", [])
  // One or the other: a union of both would not tell which resource is wrong.
  const resources = Array.isArray(source.resources) ? z.array(resource) : z.record(z.string(), resource)
  const parsed = template.extend({ resources }).safeParse(source)
  if (!parsed.success) throw shapeError(parsed.error)
  const { definitions = {}, parameters, variables, functions, outputs } = parsed.data
  const typeOf = (
    what: string,
    name: string,
    { type, $ref }: { readonly type?: string | undefined; readonly $ref?: string | undefined },
  ) => {
    const found = type ?? ($ref === undefined ? undefined : definitions[$ref.replace('#/definitions/', '')]?.type)
    if (found !== undefined && parameterTypes.has(found.toLowerCase())) return found.toLowerCase()
    throw invalidMember(`${what} '${name}'`, `its type '${found ?? ''}' is not one of a template's`, [`${what}s`, name])
  }
  for (const [part, limit] of Object.entries(limits)) {
    const count = Object.keys((source[part] as object | undefined) ?? {}).length
    if (count > limit) throw tooMany(part, limit, count)
  }
  return {
    source,
    variables,
    functions,
    parameters: mapped(parameters, (each, name) => ({ ...each, type: typeOf('parameter', name, each) })),
    outputs: mapped(outputs, (each, name) => ({ ...each, type: typeOf('output', name, each) })),
    resources: resourcesOf(source.resources, ['resources']),
  }
}

/** The types of parameters and outputs, and how answers spell them. */
export const parameterTypes: ReadonlyMap<string, string> = new Map(
  ['String', 'SecureString', 'Int', 'Bool', 'Object', 'SecureObject', 'Array'].map((each) => [
    each.toLowerCase(),
    each,
  ]),
)

export function isSecure(type: string): boolean {
  return type.toLowerCase().startsWith('secure')
}

function mapped<A, B>(record: Readonly<Record<string, A>>, work: (each: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, each]) => [name, work(each, name)]))
}

function shapeError({ issues: [issue] }: z.ZodError): TemplateError {
  const path = (issue?.path ?? []).map((each) => (typeof each === 'number' ? each : String(each)))
  const text = path.map((each) => (typeof each === 'number' ? `[${each}]` : `.${each}`)).join('')
  return invalidMember(`property '${text.replace(/^\./, '')}'`, issue?.message ?? 'it is not valid', path)
}

/** The resources and, after each, those that are written inside it, with their full type and name. */
function resourcesOf(
  section: unknown,
  path: TemplatePath,
  parent?: { readonly type: string; readonly name: string; readonly source: ObjectValue },
): ResourceDefinition[] {
  const entries: [string | number, unknown][] = Array.isArray(section)
    ? section.map((each: unknown, index) => [index, each])
    : Object.entries(isObject(section) ? section : {})
  if (entries.length > maxCopies) throw tooMany('resources', maxCopies, entries.length)
  return entries.flatMap(([key, value]) => {
    const written = value as ObjectValue & { readonly type: string; readonly name: string }
    const at = [...path, key]
    const symbolicName = typeof key === 'string' ? key : undefined
    const type = parent === undefined ? written.type : `${parent.type}/${written.type}`
    const name = parent === undefined ? written.name : joinedName(parent.name, written.name)
    const inherited = parent === undefined ? {} : placeAndLoop(parent.source)
    const source: ObjectValue = { ...inherited, ...written, type, name }
    const own: ResourceDefinition = { ...(symbolicName !== undefined && { symbolicName }), source, type, path: at }
    return [own, ...resourcesOf(written.resources, [...at, 'resources'], { type, name, source })]
  })
}

/** A child is where its parent is, and there once for each round of its parent's loop. A condition is each one's own. */
function placeAndLoop({ copy, scope }: ObjectValue): ObjectValue {
  return { ...(copy !== undefined && { copy }), ...(scope !== undefined && { scope }) }
}

/** Both may be expressions: `[concat(PARENT, '/', CHILD)]`, as one. */
function joinedName(parent: string, child: string): string {
  const part = (text: string) => (isExpression(text) ? text.slice(1, -1) : `'${unescaped(text).replaceAll("'", "''")}'`)
  return `[format('{0}/{1}', ${part(parent)}, ${part(child)})]`
}
