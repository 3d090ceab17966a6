/** Functions of resource ids, and of resources as they are. */
import { type Call, type FunctionTable, takes } from '../expression/function.ts'
import { pathBelow } from '../template/resource-path.ts'
import { functionNotAllowedHere } from '../template-error.ts'

const ids = [2, Number.POSITIVE_INFINITY] as const

export const resourceFunctions: FunctionTable = {
  resourceId: takes(ids, (args, call) => {
    const { before, type, names } = divided(args, call)
    const { subscription, resourceGroup } = call.scope.facts
    if (before.length > 2) return call.refuse('too many arguments before the resource type')
    const group = before.length > 0 && !isGuid(before.at(-1)) ? before.at(-1) : resourceGroup?.name
    const subscriptionId = before.find(isGuid) ?? subscription.id
    const scope = `/subscriptions/${subscriptionId}${group === undefined ? '' : `/resourceGroups/${group}`}`
    return idBelow(scope, type, names, call)
  }),
  subscriptionResourceId: takes(ids, (args, call) => {
    const { before, type, names } = divided(args, call)
    const scope = `/subscriptions/${before[0] ?? call.scope.facts.subscription.id}`
    if (type.toLowerCase() === 'microsoft.resources/resourcegroups') return `${scope}/resourceGroups/${names[0]}`
    return idBelow(scope, type, names, call)
  }),
  tenantResourceId: takes(ids, (args, call) => {
    const { type, names } = divided(args, call)
    return idBelow('', type, names, call)
  }),
  managementGroupResourceId: takes(ids, (_args, call) => {
    throw functionNotAllowedHere(call.name)
  }),
  extensionResourceId: takes([3, Number.POSITIVE_INFINITY], ([base, type, ...names], call) =>
    idBelow(
      call.text(base),
      call.text(type),
      names.map((each) => call.text(each)),
      call,
    ),
  ),
  reference: takes([1, 3], ([name, apiVersion, full], call) => {
    return reader(call).reference(
      call.text(name),
      call.optional(apiVersion, (each) => call.text(each)),
      isFull(full, call),
    )
  }),
  references: takes([1, 2], ([name, full], call) => reader(call).references(call.text(name), isFull(full, call))),
  'list*': takes([1, 3], ([name, apiVersion, body], call) =>
    reader(call).list(
      call.name,
      call.text(name),
      call.optional(apiVersion, (each) => call.text(each)),
      body,
    ),
  ),
  pickZones: takes([3, 5], () => []),
}

function reader(call: Call) {
  const { resources } = call.scope
  if (resources === undefined) throw functionNotAllowedHere(call.name)
  return resources
}

function isFull(value: unknown, call: Call): boolean {
  if (value === undefined) return false
  return call.text(value).toLowerCase() === 'full' || call.refuse("the only option is 'Full'")
}

const isGuid = (text: string | undefined) =>
  text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** The first argument with a slash is the type. */
function divided(args: readonly unknown[], call: Call) {
  const texts = args.map((each) => call.text(each))
  const at = texts.findIndex((each) => each.includes('/'))
  if (at < 0) return call.refuse('no argument is a resource type')
  return { before: texts.slice(0, at), type: texts[at] ?? '', names: texts.slice(at + 1) }
}

function idBelow(scope: string, type: string, names: readonly string[], call: Call): string {
  return (
    pathBelow(scope, type, names) ??
    call.refuse(`the type '${type.slice(0, 260)}' requires '${type.split('/').length - 1}' resource name argument(s)`)
  )
}
