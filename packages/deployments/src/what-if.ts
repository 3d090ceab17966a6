/** What a deployment would change: each resource of the template against the resource as it is. */
import type { Caller } from '@keystead/identity'
import { ArmError, type ResourceManager, type ResourceStore } from '@keystead/resource-manager'
import { othersIn } from './complete-mode.ts'
import { areEqual, isObject, memberName, type ObjectValue } from './expression/values.ts'
import { nestedPlan } from './preflight.ts'
import type { DeploymentRequest } from './request.ts'
import { type Asker, LiveReader, whenKnown } from './resource-reader.ts'
import { isNestedDeployment } from './template/nested.ts'
import { bodyOf, type Plan, type PlannedResource } from './template/plan.ts'

type ChangeType = 'Create' | 'Delete' | 'Ignore' | 'Deploy' | 'NoChange' | 'Modify' | 'Unsupported'

export interface Change {
  readonly resourceId: string
  readonly changeType: ChangeType
  readonly unsupportedReason?: string
  readonly before?: unknown
  readonly after?: unknown
  readonly delta?: readonly PropertyChange[]
}

export interface PropertyChange {
  readonly path: string
  readonly propertyChangeType: 'Create' | 'Delete' | 'Modify' | 'Array' | 'NoEffect'
  readonly before?: unknown
  readonly after?: unknown
  readonly children?: readonly PropertyChange[]
}

export interface WhatIfOptions {
  readonly manager: Pick<ResourceManager, 'execute' | 'apiVersions'>
  readonly resources: ResourceStore
  readonly caller: Caller
  readonly request: DeploymentRequest
}

/** What stands in an answer where a secure parameter's text would. */
const hidden = '*******'

/**
 * A property that the template does not mention counts as staying: what a provider fills in by itself is no change.
 * Rejects with ArmError when the caller may not read a resource that is there.
 */
export async function whatIf(options: WhatIfOptions): Promise<readonly Change[]> {
  const { manager, resources, caller, request } = options
  const { plan, resultFormat } = request
  const read = (path: string, apiVersion: string) => readOrNothing(manager, caller, path, apiVersion)
  const changes: Change[] = []
  const planned = new Set<string>()

  const visit = async (each: Plan, secrets: ReadonlySet<string>) => {
    for (const resource of each.resources.filter(({ deployed }) => deployed)) {
      planned.add(resource.id.toLowerCase())
      // Keys are not asked for in order to show them.
      const asker: Asker = { get: read, list: async () => undefined }
      const reader = new LiveReader(each.resources, asker, { keepUnknown: true })
      const body = await whenKnown(() => bodyOf(resource, reader))
      if (isNestedDeployment(resource.type)) {
        const nested = reader.keptUnknown ? undefined : await nestedPlan(resources, resource, body)
        if (nested !== undefined) {
          await visit(nested, new Set([...secrets, ...nested.parameters.secrets]))
        } else {
          changes.push({
            resourceId: resource.id,
            changeType: 'Unsupported',
            unsupportedReason: 'What the nested deployment does depends on what is not there yet.',
          })
        }
        continue
      }
      const before = await read(resource.id, resource.apiVersion)
      changes.push(changeOf(resource, before, masked(body, secrets)))
    }
  }
  await visit(plan, plan.parameters.secrets)

  const { resourceGroup, mode } = plan.scope.facts
  if (resourceGroup !== undefined) {
    for (const other of await othersIn(resources, resourceGroup.id, plan)) {
      if (planned.has(other.id.toLowerCase())) continue
      const [apiVersion = ''] = manager.apiVersions(other.type)
      const before = await read(other.id, apiVersion)
      changes.push({ resourceId: other.id, changeType: mode === 'Complete' ? 'Delete' : 'Ignore', before })
    }
  }
  return resultFormat === 'ResourceIdOnly' ? changes.map(idOnly) : changes
}

function idOnly({ resourceId, changeType }: Change): Change {
  return { resourceId, changeType: changeType === 'Modify' || changeType === 'NoChange' ? 'Deploy' : changeType }
}

async function readOrNothing(
  manager: WhatIfOptions['manager'],
  caller: Caller,
  path: string,
  apiVersion: string,
): Promise<ObjectValue | undefined> {
  try {
    const { body } = await manager.execute({ caller, method: 'GET', path, apiVersion })
    return isObject(body) ? body : undefined
  } catch (error) {
    if (error instanceof ArmError && error.status === 404) return undefined
    throw error
  }
}

function masked(body: ObjectValue, secrets: ReadonlySet<string>): ObjectValue {
  const mask = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return [...secrets].some((secret) => value.includes(secret)) ? hidden : value
    }
    if (Array.isArray(value)) return value.map(mask)
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mask(each)]))
  }
  return mask(body) as ObjectValue
}

function changeOf(resource: PlannedResource, before: ObjectValue | undefined, body: ObjectValue): Change {
  const { id, type, apiVersion } = resource
  const after = { apiVersion, id, name: resource.name.split('/').at(-1), type, ...body }
  if (before === undefined) return { resourceId: id, changeType: 'Create', after }
  const delta = deltaOf(before, body, '')
  const shown = { apiVersion, ...before }
  if (delta.length > 0)
    return { resourceId: id, changeType: 'Modify', before: shown, after: merged(shown, body), delta }
  // A value that is never shown cannot be compared.
  const changeType = JSON.stringify(body).includes(hidden) ? 'Deploy' : 'NoChange'
  return { resourceId: id, changeType, before: shown, after: shown }
}

function deltaOf(before: ObjectValue, after: ObjectValue, path: string): PropertyChange[] {
  return Object.entries(after).flatMap(([name, wanted]): PropertyChange[] => {
    if (wanted === null || wanted === hidden) return []
    const at = path === '' ? name : `${path}.${name}`
    const known = memberName(before, name)
    if (known === undefined) {
      return [{ path: at, propertyChangeType: 'Create', after: wanted }]
    }
    const is = before[known]
    if (at === 'tags' && isObject(is) && isObject(wanted)) return tagsDelta(is, wanted)
    if (isObject(is) && isObject(wanted)) return deltaOf(is, wanted, at)
    if (Array.isArray(is) && Array.isArray(wanted)) return arrayDelta(is, wanted, at)
    return isSame(at, is, wanted) ? [] : [{ path: at, propertyChangeType: 'Modify', before: is, after: wanted }]
  })
}

/** A resource's tags are replaced as a whole, so one that is not mentioned goes. */
function tagsDelta(before: ObjectValue, after: ObjectValue): PropertyChange[] {
  const gone = Object.keys(before)
    .filter((name) => memberName(after, name) === undefined)
    .map((name): PropertyChange => ({ path: `tags.${name}`, propertyChangeType: 'Delete', before: before[name] }))
  return [...deltaOf(before, after, 'tags'), ...gone]
}

function arrayDelta(before: readonly unknown[], after: readonly unknown[], path: string): PropertyChange[] {
  const children: PropertyChange[] = []
  for (let index = 0; index < Math.max(before.length, after.length); index++) {
    const [is, wanted] = [before[index], after[index]]
    const at = String(index)
    if (index >= before.length) children.push({ path: at, propertyChangeType: 'Create', after: wanted })
    else if (index >= after.length) children.push({ path: at, propertyChangeType: 'Delete', before: is })
    else if (isObject(is) && isObject(wanted)) {
      const inside = deltaOf(is, wanted, '')
      if (inside.length > 0) children.push({ path: at, propertyChangeType: 'Modify', children: inside })
    } else if (!areEqual(is, wanted))
      children.push({ path: at, propertyChangeType: 'Modify', before: is, after: wanted })
  }
  return children.length === 0 ? [] : [{ path, propertyChangeType: 'Array', before, after, children }]
}

function isSame(path: string, before: unknown, after: unknown): boolean {
  if (path === 'location' && typeof before === 'string' && typeof after === 'string') {
    const plain = (text: string) => text.replaceAll(' ', '').toLowerCase()
    return plain(before) === plain(after)
  }
  if (typeof before === 'string' && typeof after === 'string' && /id$/i.test(path)) {
    return before.toLowerCase() === after.toLowerCase()
  }
  return areEqual(before, after)
}

function merged(before: ObjectValue, after: ObjectValue): ObjectValue {
  const result = new Map(Object.entries(before))
  for (const [name, value] of Object.entries(after)) {
    const known = memberName(before, name) ?? name
    const is = result.get(known)
    result.set(known, isObject(is) && isObject(value) && known !== 'tags' ? merged(is, value) : value)
  }
  return Object.fromEntries(result)
}
