/** The list of every tracked resource, of a subscription or of a group. */
import { type Filter, matches, parseFilter, requiredValue } from '../../odata-filter.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { pageOfResources } from '../../paging.ts'
import { normalizeLocation } from '../../regions.ts'
import { parseResourceId } from '../../resource-id.ts'
import type { Resource } from '../../resource-store.ts'
import { tagSubject } from '../../tag-filter.ts'
import { resourcesApiVersions } from './api-versions.ts'
import { resourceGroupType } from './resource-groups.ts'

export function resourceListTypes(): ResourceTypeDeclaration[] {
  const list = (action: string): Operation => ({
    name: 'ListResources',
    method: 'GET',
    on: 'collection',
    action,
    access: 'filtered',
    itemAction: (item) => `${item.type}/read`,
    handle: async (context) => ({ status: 200, body: await listResources(context) }),
  })
  return [
    {
      type: 'subscriptions/resources',
      apiVersions: resourcesApiVersions,
      operations: [list('Microsoft.Resources/subscriptions/resources/read')],
    },
    {
      type: 'subscriptions/resourceGroups/resources',
      apiVersions: resourcesApiVersions,
      operations: [list('Microsoft.Resources/subscriptions/resourceGroups/resources/read')],
    },
  ]
}

async function listResources(context: OperationContext) {
  const text = context.query.$filter ?? ''
  const filter = text === '' ? undefined : parseFilter(text)
  // Tells of a filter that cannot be read, even when there is nothing to apply it to.
  if (filter !== undefined) matchesResource(nothing, filter, text)
  const type = requiredValue(filter, 'resourceType')
  const name = requiredValue(filter, 'name')
  const expand = context.query.$expand?.toLowerCase().split(',') ?? []
  return await pageOfResources(
    context,
    `${context.path}/resources`,
    { below: context.path, ...(type !== undefined && { type }), ...(name !== undefined && { name }) },
    (resource) => resourceBody(resource, expand),
    (resource) =>
      resource.location !== undefined &&
      !untracked.has(resource.type) &&
      (filter === undefined || matchesResource(resource, filter, text)),
  )
}

/** Those with a location that are no resource in a group: the groups themselves, and a subscription's deployments. */
const untracked: ReadonlySet<string> = new Set([resourceGroupType, 'Microsoft.Resources/deployments'])

const nothing: Resource = { id: '', name: '', type: '', properties: {}, etag: '' }

function matchesResource(resource: Resource, filter: Filter, text: string): boolean {
  const tags = tagSubject(resource.tags, filter)
  return matches(
    filter,
    {
      field(name) {
        switch (name.toLowerCase()) {
          case 'resourcetype':
            return resource.type
          case 'name':
            return resource.name
          case 'id':
          case 'resourceid':
            return resource.id
          case 'location':
            return resource.location === undefined ? null : normalizeLocation(resource.location)
          case 'resourcegroup':
            return parseResourceId(resource.id)?.resourceGroup ?? null
          case 'kind':
            return resource.kind ?? null
          default:
            return tags.field(name)
        }
      },
    },
    text,
  )
}

function resourceBody(resource: Resource, expand: readonly string[]): unknown {
  const { id, name, type, kind, location, tags, sku, identity, properties } = resource
  return {
    id,
    name,
    type,
    ...(kind !== undefined && { kind }),
    location,
    ...(tags !== undefined && { tags }),
    ...(sku !== undefined && { sku }),
    ...(identity !== undefined && { identity }),
    ...(expand.includes('provisioningstate') && { provisioningState: properties.provisioningState ?? 'Succeeded' }),
  }
}
