/** Resource ids: the paths by which Resource Manager names everything. */

/** A parsed Resource Manager id. Compared case-insensitively; the case that was written is kept. */
export interface ResourceId {
  readonly subscriptionId?: string
  readonly resourceGroup?: string
  /** e.g. `Microsoft.KeyVault`; absent for a subscription or a resource group. */
  readonly namespace?: string
  /** e.g. `['vaults']` or `['vaults','secrets']`. */
  readonly types: readonly string[]
  /** As many as `types`, or one fewer for a collection. */
  readonly names: readonly string[]
  /** For an extension resource (a role assignment on a vault): the id of the resource that it extends. */
  readonly scope?: string
}

/** ARM accepts no resource name beyond this. */
export const maxNameLength = 260

// biome would rather not see control characters in a pattern, so they are compared as code units.
function isPlainSegment(segment: string): boolean {
  if (segment === '' || segment === '.' || segment === '..' || segment.length > maxNameLength) return false
  for (let i = 0; i < segment.length; i++) {
    const unit = segment.charCodeAt(i)
    if (unit < 0x20 || unit === 0x7f || unit === 0x5c) return false
  }
  return true
}

const same = (segment: string | undefined, keyword: string) => segment?.toLowerCase() === keyword

/**
 * Parses a path such as `/subscriptions/S/resourceGroups/G/providers/N/t/n`; undefined when it is not one.
 * Percent-encoding is not undone here: an id in a document is plain text. One trailing slash is tolerated.
 */
export function parseResourceId(id: string): ResourceId | undefined {
  if (!id.startsWith('/')) return undefined
  const segments = id.slice(1).split('/')
  if (segments.at(-1) === '') segments.pop()
  return parseSegments(segments)
}

/** As {@link parseResourceId}, of a path that is already cut at its slashes. */
export function parseSegments(segments: readonly string[]): ResourceId | undefined {
  if (!segments.every(isPlainSegment)) return undefined
  let at = 0
  let subscriptionId: string | undefined
  let resourceGroup: string | undefined
  if (same(segments[0], 'subscriptions')) {
    subscriptionId = segments[1]
    if (subscriptionId === undefined) return undefined
    at = 2
    if (same(segments[2], 'resourcegroups')) {
      resourceGroup = segments[3]
      if (resourceGroup === undefined) return undefined
      at = 4
    }
  }
  const root: ResourceId = {
    ...(subscriptionId !== undefined && { subscriptionId }),
    ...(resourceGroup !== undefined && { resourceGroup }),
    types: [],
    names: [],
  }
  if (at === segments.length) return subscriptionId === undefined ? undefined : root

  let current = root
  while (at < segments.length) {
    if (!same(segments[at], 'providers')) return undefined
    const namespace = segments[at + 1]
    if (namespace === undefined) return undefined
    at += 2
    const types: string[] = []
    const names: string[] = []
    while (at < segments.length && !(same(segments[at], 'providers') && types.length > 0)) {
      types.push(segments[at] ?? '')
      const name = segments[at + 1]
      at += 2
      if (name === undefined) break
      names.push(name)
    }
    if (types.length === 0) return undefined
    const scope = current.namespace === undefined ? undefined : formatResourceId(current)
    current = { ...root, namespace, types, names, ...(scope !== undefined && { scope }) }
  }
  return current
}

/** The id as a path, with ARM's spelling of its keywords (`resourceGroups`) and the names as they were written. */
export function formatResourceId(id: ResourceId): string {
  let path = scopeOf(id)
  if (id.namespace === undefined) return path
  path += `/providers/${id.namespace}`
  for (let i = 0; i < id.types.length; i++) {
    path += `/${id.types[i]}`
    const name = id.names[i]
    if (name !== undefined) path += `/${name}`
  }
  return path
}

/** What the resource stands on: the resource that it extends, else its group, else its subscription; `''` for the tenant. */
export function scopeOf(id: ResourceId): string {
  if (id.scope !== undefined) return id.scope
  let path = ''
  if (id.subscriptionId !== undefined) path += `/subscriptions/${id.subscriptionId}`
  if (id.resourceGroup !== undefined) path += `/resourceGroups/${id.resourceGroup}`
  return path
}

/** `Microsoft.KeyVault/vaults/secrets` of an id; undefined for a subscription or a group. */
export function typeOf(id: ResourceId): string | undefined {
  return id.namespace === undefined ? undefined : `${id.namespace}/${id.types.join('/')}`
}
