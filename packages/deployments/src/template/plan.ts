/** What a template asks for with given parameters: its resources one by one, in which order, and its outputs. */
import { maxCopies, withCopy } from '../expression/copies.ts'
import { copyEach, evaluateValue } from '../expression/evaluate.ts'
import type { CopyFrame, DeploymentFacts, ResourceReader, Scope } from '../expression/scope.ts'
import { isObject, memberName, type ObjectValue } from '../expression/values.ts'
import {
  duplicateResource,
  inResource,
  inTemplate,
  invalidResource,
  TemplateError,
  tooMany,
  variableCycle,
  variableNotFound,
  wrongSegments,
} from '../template-error.ts'
import { checkTemplate } from './check.ts'
import { linkDependencies } from './dependencies.ts'
import { isNestedDeployment, nestedProperties } from './nested.ts'
import { type Parameters, resolveParameters } from './parameters.ts'
import { pathBelow } from './resource-path.ts'
import type { ResourceDefinition, Template } from './template.ts'

export interface PlannedResource {
  readonly definition: ResourceDefinition
  readonly type: string
  /** All its segments, e.g. `vault/secret`. */
  readonly name: string
  readonly id: string
  readonly apiVersion: string
  /** The name of the loop that made it. */
  readonly loop?: string
  /** Its round in the loop. */
  readonly round: number
  /** How many of a serial loop are made at a time. */
  readonly batchSize?: number
  /** Whether it is deployed: its condition holds, and it is not there already by `existing`. */
  readonly deployed: boolean
  readonly existing: boolean
  /** What its expressions see; without {@link Scope.resources}. */
  readonly scope: Scope
  /** Filled when the plan is made. */
  readonly dependsOn: Set<PlannedResource>
}

export interface Plan {
  readonly template: Template
  readonly parameters: Parameters
  readonly resources: readonly PlannedResource[]
  readonly scope: Scope
  /** The id that the resources stand below: the group's or the subscription's. */
  readonly scopeId: string
}

export interface PlanInput {
  readonly template: Template
  /** Values by name. */
  readonly parameters: ObjectValue
  readonly facts: DeploymentFacts
}

/** Throws TemplateError for a template or a parameter that is wrong. */
export function planDeployment({ template, parameters: given, facts }: PlanInput): Plan {
  checkTemplate(template)
  const functions = new Map(
    template.functions.flatMap(({ namespace, members }) =>
      Object.entries(members).map(
        ([name, { parameters = [], output }]) =>
          [
            `${namespace}.${name}`.toLowerCase(),
            { parameters: parameters.map((each) => each.name), output: output.value },
          ] as const,
      ),
    ),
  )
  const base: Scope = {
    facts,
    template: template.source,
    parameter: () => null,
    variable: (name) => {
      throw variableNotFound(name)
    },
    shownParameters: () => ({}),
    userFunction: (namespace, name) => functions.get(`${namespace}.${name}`.toLowerCase()),
    copies: [],
    lambdas: new Map(),
    resources: undefined,
    defaults: false,
    budget: { steps: 0 },
  }
  const parameters = resolveParameters(template, given, base)
  const scope: Scope = {
    ...base,
    parameter: parameters.value,
    shownParameters: () => parameters.shown,
    variable: (name) => variables(name),
  }
  const variables = variablesOf(template, scope)
  const scopeId = facts.resourceGroup?.id ?? `/subscriptions/${facts.subscription.id}`
  const resources = template.resources.flatMap((each) => expanded(each, scope, scopeId))
  if (resources.length > maxCopies) throw tooMany('resources', maxCopies, resources.length)
  checkDuplicates(resources)
  linkDependencies(resources)
  return { template, parameters, resources, scope, scopeId }
}

/** Variables are evaluated when they are asked for, once. */
function variablesOf({ variables }: Template, scope: Scope): (name: string) => unknown {
  const loops = Array.isArray(variables.copy) ? (evaluateLoops(variables.copy, scope) as ObjectValue) : {}
  const values = new Map<string, unknown>(Object.entries(loops))
  const underWay = new Set<string>()
  return (wanted) => {
    const name = values.has(wanted) ? wanted : memberName({ ...variables, ...loops }, wanted)
    if (name === undefined) throw variableNotFound(wanted)
    if (values.has(name)) return values.get(name)
    if (underWay.has(name)) throw variableCycle(name)
    underWay.add(name)
    try {
      const value = evaluateValue(variables[name], scope)
      values.set(name, value)
      return value
    } catch (error) {
      throw error instanceof TemplateError ? inTemplate(`variable '${name}'`, ['variables', name], error) : error
    } finally {
      underWay.delete(name)
    }
  }
}

function evaluateLoops(copy: unknown, scope: Scope): unknown {
  try {
    return evaluateValue({ copy }, scope)
  } catch (error) {
    throw error instanceof TemplateError ? inTemplate("variable 'copy'", ['variables', 'copy'], error) : error
  }
}

/** A resource, or as many as its loop makes. */
function expanded(definition: ResourceDefinition, scope: Scope, scopeId: string): PlannedResource[] {
  const { source, path } = definition
  const { copy } = source
  try {
    if (!isObject(copy)) return [planned(definition, scope, scopeId, undefined)]
    const name = evaluateValue(copy.name ?? definition.symbolicName, scope)
    if (typeof name !== 'string') throw invalidResource(String(source.name), "its 'copy' has no name", path)
    const batchSize = String(copy.mode).toLowerCase() === 'serial' ? Number(copy.batchSize ?? 1) : undefined
    return copyEach(name, copy.count, scope, [...path, 'copy']).map((frame) =>
      planned(definition, withCopy(scope, frame), scopeId, frame, batchSize),
    )
  } catch (error) {
    if (!(error instanceof TemplateError) || error.path !== undefined) throw error
    throw invalidResource(String(source.name), error.message, path)
  }
}

function planned(
  definition: ResourceDefinition,
  scope: Scope,
  scopeId: string,
  frame: CopyFrame | undefined,
  batchSize?: number,
): PlannedResource {
  const { source, type, path } = definition
  const text = (name: string) => {
    const value = source[name] === undefined ? undefined : evaluateValue(source[name], scope)
    if (value === undefined || typeof value === 'string') return value
    throw invalidResource(String(source.name), `its '${name}' is not a string`, path)
  }
  const name = text('name') ?? ''
  const apiVersion = text('apiVersion') ?? ''
  if (apiVersion === '') throw invalidResource(name, 'The API version is required.', path)
  const condition = source.condition === undefined ? true : evaluateValue(source.condition, scope)
  if (typeof condition !== 'boolean') throw invalidResource(name, "its 'condition' is not a boolean", path)
  const existing = source.existing === true
  const names = name.split('/')
  const id = idOf(type, names, placeOf({ type, scopeId, scope, text }))
  if (id === undefined || names.includes('')) throw wrongSegments(name, type, path)
  return {
    definition,
    type,
    name,
    id,
    apiVersion,
    ...(frame !== undefined && { loop: frame.name }),
    round: frame?.index ?? 0,
    ...(batchSize !== undefined && { batchSize }),
    deployed: condition && !existing,
    existing,
    scope,
    dependsOn: new Set(),
  }
}

function placeOf(input: {
  readonly type: string
  readonly scopeId: string
  readonly scope: Scope
  readonly text: (name: string) => string | undefined
}): string {
  const { type, scopeId, scope, text } = input
  const own = text('scope')
  if (own !== undefined) {
    if (own === '/') return ''
    return own.startsWith('/') ? own : `${scopeId}/providers/${own}`
  }
  const subscriptionId = text('subscriptionId')
  const resourceGroup = text('resourceGroup')
  if (subscriptionId === undefined && resourceGroup === undefined) return scopeId
  if (!isNestedDeployment(type)) return scopeId
  const { subscription } = scope.facts
  const group = resourceGroup === undefined ? '' : `/resourceGroups/${resourceGroup}`
  return `/subscriptions/${subscriptionId ?? subscription.id}${group}`
}

/** Resource groups have a path of their own. */
function idOf(type: string, names: readonly string[], place: string): string | undefined {
  if (type.toLowerCase() !== 'microsoft.resources/resourcegroups') return pathBelow(place, type, names)
  return names.length === 1 ? `${place}/resourceGroups/${names[0]}` : undefined
}

function checkDuplicates(resources: readonly PlannedResource[]): void {
  const seen = new Set<string>()
  for (const { id, type, name, definition, deployed } of resources) {
    if (!deployed) continue
    const key = id.toLowerCase()
    if (seen.has(key)) throw duplicateResource(`${type}/${name}`, definition.path)
    seen.add(key)
  }
}

/** Members of a resource that speak to the template engine and not to the resource's provider. */
const templateMembers = new Set(
  [
    ...['type', 'name', 'apiVersion', 'dependsOn', 'condition', 'copy', 'comments', 'scope', 'resources', 'existing'],
    ...['metadata', 'subscriptionId', 'resourceGroup', '@options', 'import', 'extension'],
  ].map((each) => each.toLowerCase()),
)

/** What is sent for a resource. Throws TemplateError, or whatever `resources` throws. */
export function bodyOf(resource: PlannedResource, resources: ResourceReader): ObjectValue {
  const { definition, type, id } = resource
  const scope: Scope = { ...resource.scope, resources }
  const members = Object.fromEntries(
    Object.entries(definition.source).filter(([name]) => !templateMembers.has(name.toLowerCase())),
  )
  try {
    if (!isNestedDeployment(type)) return evaluateValue(members, scope) as ObjectValue
    const { properties: _properties, ...rest } = members
    return {
      ...(evaluateValue(rest, scope) as ObjectValue),
      properties: nestedProperties(definition.source, scope),
    }
  } catch (error) {
    throw error instanceof TemplateError ? inResource(id, definition.path, error) : error
  }
}
