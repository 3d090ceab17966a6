/** What can be told of a deployment before it begins: that its types are known, and that the caller may write each resource. */
import type { Caller } from '@keystead/identity'
import { ArmError, parseResourceId, type ResourceManager, type ResourceStore } from '@keystead/resource-manager'
import { invalidTemplate, notPermitted, type Refused } from './errors.ts'
import { isObject, type ObjectValue } from './expression/values.ts'
import { groupFacts } from './request.ts'
import { type Asker, ifKnown, LiveReader } from './resource-reader.ts'
import { isNestedDeployment } from './template/nested.ts'
import { bodyOf, type Plan, type PlannedResource, planDeployment } from './template/plan.ts'
import type { SourceText } from './template/source-text.ts'
import { parseTemplate } from './template/template.ts'
import { TemplateError } from './template-error.ts'

/** For evaluations that stop where something would have to be asked. */
const nobody: Asker = {
  get: () => Promise.reject(new Error('Nothing is asked before a deployment begins.')),
  list: () => Promise.reject(new Error('Nothing is asked before a deployment begins.')),
}

/** Throws ArmError: InvalidTemplate, InvalidTemplateDeployment, or what the resource's own request would get. */
export async function preflight(options: {
  readonly manager: Pick<ResourceManager, 'preflight'>
  readonly resources: ResourceStore
  readonly caller: Caller
  readonly plan: Plan
  readonly source: SourceText
}): Promise<void> {
  const { manager, resources, caller, plan, source } = options
  const refused: Refused[] = []
  const visit = async ({ resources: planned }: Plan, told: SourceText | undefined) => {
    const reader = new LiveReader(planned, nobody)
    for (const resource of planned.filter((each) => each.deployed)) {
      const { id, type, name, apiVersion } = resource
      const { allowed, action } = manager.preflight({ caller, method: 'PUT', path: id, apiVersion })
      if (!allowed) refused.push({ name, type, action, scope: id })
      const body = worded(() => ifKnown(() => bodyOf(resource, reader)), told)
      if (body === undefined || !isNestedDeployment(type)) continue
      const nested = await nestedPlan(resources, resource, body)
      if (nested !== undefined) await visit(nested, undefined)
    }
  }
  await visit(plan, source)
  if (refused.length > 0) {
    throw notPermitted({ name: caller.userPrincipalName ?? caller.appId, objectId: caller.objectId }, refused)
  }
}

function worded<T>(work: () => T, source: SourceText | undefined): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof TemplateError ? invalidTemplate(error, source) : error
  }
}

/**
 * The plan of a nested deployment whose properties are known; undefined when its group is not there yet, or when it
 * has no template here. Throws ArmError InvalidTemplate.
 */
export async function nestedPlan(
  resources: ResourceStore,
  { id, name, scope }: PlannedResource,
  { properties, location }: ObjectValue,
): Promise<Plan | undefined> {
  const place = parseResourceId(id)
  if (!isObject(properties) || !isObject(properties.template) || place === undefined) return undefined
  const { resourceGroup: _group, ...outer } = scope.facts
  const group = place.resourceGroup
  if (
    group !== undefined &&
    (await resources.get(`/subscriptions/${place.subscriptionId}/resourceGroups/${group}`)) === undefined
  ) {
    return undefined
  }
  const parameters = isObject(properties.parameters) ? properties.parameters : {}
  // A parameter that refers to a vault is read when the nested deployment begins.
  if (Object.values(parameters).some((each) => isObject(each) && 'reference' in each)) return undefined
  try {
    return planDeployment({
      template: parseTemplate(properties.template),
      parameters: Object.fromEntries(
        Object.entries(parameters).flatMap(([each, given]) =>
          isObject(given) && 'value' in given ? [[each, given.value]] : [],
        ),
      ),
      facts: {
        ...outer,
        name,
        mode: 'Incremental',
        ...(typeof location === 'string' && { location }),
        ...(group !== undefined && { resourceGroup: await groupFacts(resources, place.subscriptionId ?? '', group) }),
      },
    })
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    const { message } = invalidTemplate(error)
    throw new ArmError(400, 'InvalidTemplate', `Nested deployment '${name}': ${message}`)
  }
}
