/** Where a role for an action can be assigned now: at what is asked for if it is there, else at the nearest scope above it. */
import { formatResourceId, parseResourceId, type ResourceId } from './resource-id.ts'
import type { ResourceStore } from './resource-store.ts'

export interface ExistingScope {
  readonly scope: string
  /** What of the path is missing: the resource, or the group that it would be in. */
  readonly missing?: 'resource' | 'group'
}

/** Undefined for a path that is no resource id. A child is there when the resource that it is part of is. */
export async function existingScope(resources: ResourceStore, path: string): Promise<ExistingScope | undefined> {
  const id = parseResourceId(path)
  if (id === undefined) return path === '/' ? { scope: '/' } : undefined
  const { subscriptionId, resourceGroup } = id
  if (subscriptionId === undefined) return { scope: '/' }
  const subscription = `/subscriptions/${subscriptionId}`
  if (resourceGroup === undefined) return { scope: id.namespace === undefined ? path : subscription }
  const group = `${subscription}/resourceGroups/${resourceGroup}`
  if ((await resources.get(group)) === undefined) return { scope: subscription, missing: 'group' }
  const root = rootOf(id.scope === undefined ? id : parseResourceId(id.scope))
  if (root === undefined) return { scope: group }
  if ((await resources.get(root)) === undefined) return { scope: group, missing: 'resource' }
  return { scope: id.scope ?? path }
}

/** The top-level resource that an id is part of. */
function rootOf(id: ResourceId | undefined): string | undefined {
  if (id?.namespace === undefined || id.names.length === 0) return undefined
  return formatResourceId({ ...id, types: id.types.slice(0, 1), names: id.names.slice(0, 1) })
}
