/** Which resource has to wait for which: what `dependsOn` says, what `reference` implies, and the rounds of a serial loop. */
import { withCopy } from '../expression/copies.ts'
import { copyEach, evaluate, evaluateValue, isPropertyCopy } from '../expression/evaluate.ts'
import type { Scope } from '../expression/scope.ts'
import { type Expression, isExpression, parseExpression } from '../expression/syntax.ts'
import { isObject } from '../expression/values.ts'
import { circularDependency, invalidResource, TemplateError, undefinedDependency } from '../template-error.ts'
import { isNestedDeployment, nestedScope } from './nested.ts'
import type { PlannedResource } from './plan.ts'

/** Fills each resource's `dependsOn`. Throws TemplateError for a name that means nothing, and for a circle. */
export function linkDependencies(resources: readonly PlannedResource[]): void {
  const find = finder(resources)
  for (const resource of resources) {
    const { definition, scope, dependsOn } = resource
    const add = (found: readonly PlannedResource[]) => {
      for (const each of found) if (each !== resource && each.deployed) dependsOn.add(each)
    }
    const named = evaluateValue(definition.source.dependsOn ?? [], scope)
    for (const name of Array.isArray(named) ? named : [named]) {
      if (typeof name !== 'string')
        throw invalidResource(resource.name, 'its dependsOn is not a list of names', definition.path)
      const found = find(name)
      if (found.length === 0) throw undefinedDependency(name, definition.path)
      add(found)
    }
    if (resource.deployed) for (const name of referencedIn(bodyParts(resource), scope)) add(find(name))
    if (resource.batchSize !== undefined) add(earlierBatch(resource, resources))
  }
  checkCircles(resources)
}

/** By symbolic name, id, name, type and name, or the name of a loop. */
export function finder(resources: readonly PlannedResource[]): (name: string) => readonly PlannedResource[] {
  const known = new Map<string, PlannedResource[]>()
  const put = (name: string | undefined, resource: PlannedResource) => {
    const key = name?.toLowerCase()
    if (key === undefined) return
    const under = known.get(key) ?? []
    if (!under.includes(resource)) known.set(key, [...under, resource])
  }
  for (const resource of resources) {
    const { id, name, type, loop, definition } = resource
    const names = name.split('/')
    for (const each of [id, name, `${type}/${name}`, loop, definition.symbolicName]) put(each, resource)
    // `resourceId` with a type and a name, without its scope.
    put(
      type
        .split('/')
        .slice(1)
        .map((each, index) => `${each}/${names[index]}`)
        .join('/'),
      resource,
    )
  }
  return (name) => known.get(name.toLowerCase()) ?? []
}

function earlierBatch({ definition, round, batchSize = 1 }: PlannedResource, resources: readonly PlannedResource[]) {
  const batch = Math.floor(round / Math.max(1, batchSize))
  return resources.filter(
    (each) => each.definition === definition && Math.floor(each.round / Math.max(1, batchSize)) === batch - 1,
  )
}

/** The parts of a resource whose expressions are evaluated with it. */
function bodyParts({ definition: { source, type } }: PlannedResource): unknown {
  const { dependsOn: _dependsOn, resources: _resources, copy: _copy, ...rest } = source
  if (!isNestedDeployment(type) || nestedScope(source) === 'outer' || !isObject(rest.properties)) return rest
  return { ...rest, properties: { ...rest.properties, template: null } }
}

/** What the `reference` and `list…` calls in a value name, as far as it can be told before anything is there. */
function* referencedIn(value: unknown, scope: Scope): Generator<string> {
  if (typeof value === 'string') {
    if (isExpression(value)) yield* referencedBy(parseExpression(value), scope)
    return
  }
  if (Array.isArray(value)) {
    for (const each of value) yield* referencedIn(each, scope)
    return
  }
  if (!isObject(value)) return
  for (const [name, member] of Object.entries(value)) {
    if (name.toLowerCase() !== 'copy' || !isPropertyCopy(member)) {
      yield* referencedIn(member, scope)
      continue
    }
    for (const { name: loop, count, input } of member) {
      for (const frame of attempted(() => copyEach(loop, count, scope)) ?? []) {
        yield* referencedIn(input, withCopy(scope, frame))
      }
    }
  }
}

function* referencedBy(expression: Expression, scope: Scope): Generator<string> {
  if (expression.kind === 'literal') return
  if (expression.kind === 'member') {
    yield* referencedBy(expression.of, scope)
    yield* referencedBy(expression.name, scope)
    return
  }
  const [first] = expression.args
  if (first !== undefined && /^(references?|list\w*)$/i.test(expression.name)) {
    const name = attempted(() => evaluate(first, scope))
    if (typeof name === 'string') yield name
  }
  for (const each of expression.args) yield* referencedBy(each, scope)
}

/** Undefined for what depends on things that are not known yet; its evaluation will tell what is wrong, if anything is. */
function attempted<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof TemplateError) return undefined
    throw error
  }
}

function checkCircles(resources: readonly PlannedResource[]): void {
  const done = new Set<PlannedResource>()
  const onTheWay = new Set<PlannedResource>()
  const visit = (resource: PlannedResource) => {
    if (done.has(resource)) return
    if (onTheWay.has(resource)) throw circularDependency(resource.id, resource.definition.path)
    onTheWay.add(resource)
    for (const each of resource.dependsOn) visit(each)
    onTheWay.delete(resource)
    done.add(resource)
  }
  for (const resource of resources) visit(resource)
}
