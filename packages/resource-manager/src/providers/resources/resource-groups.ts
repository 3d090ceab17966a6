/** Resource groups, and their deletion with everything in them. */
import type { Authorizer } from '@keystead/authorization'
import { z } from 'zod'
import {
  groupLocationFixed,
  invalidRequestContent,
  invalidResourceGroup,
  locationNotAvailableForGroup,
  locationRequired,
  notImplemented,
  resourceGroupBeingDeleted,
  resourceGroupNotFound,
} from '../../arm-errors.ts'
import type { GroupWrites } from '../../group-writes.ts'
import { matches, parseFilter } from '../../odata-filter.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import type { OperationTable } from '../../operation-table.ts'
import { pageOfResources } from '../../paging.ts'
import { normalizeLocation, regions } from '../../regions.ts'
import type { Resource, ResourceStore } from '../../resource-store.ts'
import { tagSubject } from '../../tag-filter.ts'
import { resourcesApiVersions } from './api-versions.ts'

/** What a group's row has as its type. */
export const resourceGroupType = 'Microsoft.Resources/resourceGroups'

const action = (verb: string) => `Microsoft.Resources/subscriptions/resourceGroups/${verb}`

export interface ResourceGroupOptions {
  readonly table: OperationTable
  readonly resources: ResourceStore
  readonly authorizer: Authorizer
  readonly groupWrites: GroupWrites
}

const tags = z.record(z.string(), z.string())
const putBody = z.object({ location: z.string().optional(), tags: tags.optional(), managedBy: z.string().optional() })
const patchBody = z.object({
  name: z.string().nullish(),
  tags: z.record(z.string(), z.string().nullable()).nullish(),
  managedBy: z.string().nullish(),
})

export function resourceGroupTypes(options: ResourceGroupOptions): ResourceTypeDeclaration[] {
  const list: Operation = {
    name: 'ListResourceGroups',
    method: 'GET',
    on: 'collection',
    action: action('read'),
    access: 'filtered',
    handle: async (context) => {
      const text = context.query.$filter ?? ''
      const filter = text === '' ? undefined : parseFilter(text)
      const page = await pageOfResources(
        context,
        `${context.path}/resourceGroups`,
        { below: context.path, type: resourceGroupType },
        groupBody,
        (group) => filter === undefined || matches(filter, tagSubject(group.tags, filter), text),
      )
      return { status: 200, body: page }
    },
  }
  const get: Operation = {
    name: 'GetResourceGroup',
    method: 'GET',
    on: 'resource',
    action: action('read'),
    handle: async (context) => ({ status: 200, body: groupBody(await find(context)) }),
  }
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'CreateOrUpdateResourceGroup',
    method: 'PUT',
    on: 'resource',
    action: action('write'),
    body: putBody,
    handle: async (context) => {
      const { body, id, path, resources } = context
      const name = id.names.at(-1) ?? ''
      checkGroupName(name)
      if (body.location === undefined || body.location === '') throw locationRequired()
      const location = normalizeLocation(body.location)
      const available = regions.map((region) => region.name)
      if (!available.includes(location)) throw locationNotAvailableForGroup(body.location, available)
      const existing = await resources.get(path)
      if (existing !== undefined) {
        checkNotBeingDeleted(existing)
        if (existing.location !== location) throw groupLocationFixed(body.location, existing.location ?? '')
      }
      const stored = await resources.put({
        id: path,
        name,
        type: resourceGroupType,
        location,
        ...(body.tags !== undefined && { tags: body.tags }),
        properties: {
          provisioningState: 'Succeeded',
          ...(body.managedBy !== undefined && { managedBy: body.managedBy }),
        },
      })
      return { status: existing === undefined ? 201 : 200, body: groupBody(stored) }
    },
  }
  const patch: Operation<z.infer<typeof patchBody>> = {
    name: 'UpdateResourceGroup',
    method: 'PATCH',
    on: 'resource',
    action: action('write'),
    body: patchBody,
    handle: async (context) => {
      const existing = await find(context)
      checkNotBeingDeleted(existing)
      const { name, tags: newTags, managedBy } = context.body
      if (typeof name === 'string' && name.toLowerCase() !== existing.name.toLowerCase()) {
        throw invalidRequestContent("The name of a resource group cannot be changed. Path 'name'")
      }
      const { etag: _etag, tags: oldTags, ...kept } = existing
      const tagsNow = newTags === undefined ? oldTags : withoutEmpty(newTags ?? {})
      const stored = await context.resources.put({
        ...kept,
        ...(tagsNow !== undefined && { tags: tagsNow }),
        properties: { ...existing.properties, ...(managedBy !== undefined && { managedBy }) },
      })
      return { status: 200, body: groupBody(stored) }
    },
  }
  const remove: Operation = {
    name: 'DeleteResourceGroup',
    method: 'DELETE',
    on: 'resource',
    action: action('delete'),
    handle: async (context) => {
      const group = await find(context)
      return { status: 202, operation: { job: 'delete', input: { id: group.id } } }
    },
  }
  return [
    {
      type: 'subscriptions/resourceGroups',
      apiVersions: resourcesApiVersions,
      operations: [list, get, put, patch, remove, ...undoneVerbs],
      jobs: { delete: (input) => deleteGroup(options, deleteInput.parse(input).id) },
    },
  ]
}

/** Asked for by az, and not done. */
const undoneVerbs = ['exportTemplate', 'moveResources', 'validateMoveResources'].map(
  (verb): Operation => ({
    name: verb,
    method: 'POST',
    on: 'resource',
    verb,
    action: action(`${verb}/action`),
    handle: () => Promise.reject(notImplemented(`The operation '${verb}' of a resource group`)),
  }),
)

const deleteInput = z.object({ id: z.string() })

/** Deletes what the group holds, the deepest first, then the assignments in it, then the group. Repeatable. */
async function deleteGroup(options: ResourceGroupOptions, id: string): Promise<void> {
  const { resources, table, authorizer, groupWrites } = options
  const group = await resources.get(id)
  if (group !== undefined) await setProvisioningState(resources, group, 'Deleting')
  await groupWrites.settled(group?.name ?? id.split('/').at(-1) ?? '')
  try {
    for (;;) {
      const stretch = await resources.list({ below: id, limit: 500 })
      if (stretch.length === 0) break
      // A child's id is longer than its parent's.
      for (const resource of stretch.toSorted((a, b) => b.id.length - a.id.length)) {
        await table.type(resource.type)?.declaration.onDelete?.(resource.id)
        await resources.delete(resource.id)
      }
    }
    await authorizer.deleteAssignmentsBelow(id)
    await resources.delete(id)
  } catch (error) {
    const left = await resources.get(id)
    if (left !== undefined) await setProvisioningState(resources, left, 'Succeeded')
    throw error
  }
}

async function setProvisioningState(resources: ResourceStore, group: Resource, state: string): Promise<void> {
  const { etag: _etag, ...rest } = group
  await resources.put({ ...rest, properties: { ...group.properties, provisioningState: state } })
}

async function find({ resources, path, id }: OperationContext<unknown>): Promise<Resource> {
  const group = await resources.get(path)
  if (group === undefined) throw resourceGroupNotFound(id.names.at(-1) ?? '')
  return group
}

function checkNotBeingDeleted(group: Resource): void {
  if (group.properties.provisioningState === 'Deleting') throw resourceGroupBeingDeleted(group.name)
}

/** "Naming rules and restrictions for Azure resources", Microsoft.Resources. */
function checkGroupName(name: string): void {
  const length = Array.from(name).length
  if (length > 90) {
    throw invalidResourceGroup(
      `The provided resource group name '${name}' has a length of '${length}' which exceeds the maximum length of '90'.`,
    )
  }
  const bad = [...new Set(Array.from(name).filter((character) => !/^[\p{L}\p{N}_.()-]$/u.test(character)))]
  if (bad.length > 0) {
    throw invalidResourceGroup(
      `The provided resource group name '${name}' has these invalid characters: '${bad.join('')}'. The name can only be a letter, digit, '-', '.', '(', ')' or '_'.`,
    )
  }
  if (name.endsWith('.')) {
    throw invalidResourceGroup(`The provided resource group name '${name}' must not end with a period.`)
  }
}

function withoutEmpty(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null))
}

function groupBody(group: Resource): unknown {
  const { managedBy, provisioningState } = group.properties
  return {
    id: group.id,
    name: group.name,
    type: group.type,
    location: group.location,
    ...(group.tags !== undefined && { tags: group.tags }),
    ...(managedBy !== undefined && { managedBy }),
    properties: { provisioningState },
  }
}
