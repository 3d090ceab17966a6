/** Tags as a resource of their own, `…/providers/Microsoft.Resources/tags/default`: on a subscription, a group or a resource. */
import { z } from 'zod'
import { ArmError } from '../../arm-error.ts'
import { invalidRequestContent, resourceGroupNotFound, resourceNotFound } from '../../arm-errors.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { formatResourceId, parseResourceId, scopeOf } from '../../resource-id.ts'
import type { Resource } from '../../resource-store.ts'
import { checkTags } from '../../tags.ts'
import { resourcesApiVersions } from './api-versions.ts'

export const tagsType = 'Microsoft.Resources/tags'

type Tags = Readonly<Record<string, string>>

const given = z.record(z.string(), z.string())
const putBody = z.object({ properties: z.object({ tags: given.optional() }) })
const patchBody = z.object({
  operation: z.string(),
  properties: z.object({ tags: z.record(z.string(), z.string().nullable()).nullish() }).nullish(),
})

export function scopeTagsType(): ResourceTypeDeclaration {
  const get: Operation = {
    name: 'Tags_GetAtScope',
    method: 'GET',
    on: 'resource',
    action: `${tagsType}/read`,
    handle: async (context) => ({ status: 200, body: tagsBody(context, (await find(context)).tags ?? {}) }),
  }
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'Tags_CreateOrUpdateAtScope',
    method: 'PUT',
    on: 'resource',
    action: `${tagsType}/write`,
    body: putBody,
    handle: (context) => change(context, () => context.body.properties.tags ?? {}),
  }
  const patch: Operation<z.infer<typeof patchBody>> = {
    name: 'Tags_UpdateAtScope',
    method: 'PATCH',
    on: 'resource',
    action: `${tagsType}/write`,
    body: patchBody,
    handle: (context) => change(context, (before) => patched(before, context.body)),
  }
  const remove: Operation = {
    name: 'Tags_DeleteAtScope',
    method: 'DELETE',
    on: 'resource',
    action: `${tagsType}/delete`,
    handle: async (context) => {
      await change(context, () => ({}))
      return { status: 200 }
    },
  }
  return { type: 'tags', apiVersions: resourcesApiVersions, anyScope: true, operations: [get, put, patch, remove] }
}

type AnyContext = OperationContext<unknown>

/** What carries the tags: the resource's or the group's own row; a subscription, which has none, gets one for its tags. */
async function find({ id, resources, path }: AnyContext): Promise<Omit<Resource, 'etag'> & { readonly etag?: string }> {
  if (id.names.at(-1)?.toLowerCase() !== 'default') {
    throw new ArmError(400, 'InvalidTagsResourceName', "The name of the tags resource must be 'default'.")
  }
  const scope = scopeOf(id)
  if (scope === '') throw new ArmError(400, 'InvalidScope', 'Tags cannot stand on the tenant.')
  if (id.scope === undefined && id.resourceGroup === undefined) {
    return (await resources.get(path)) ?? { id: path, name: 'default', type: tagsType, properties: {} }
  }
  const target = await resources.get(scope)
  if (target !== undefined) return target
  const missing = parseResourceId(scope)
  throw missing?.namespace === undefined ? resourceGroupNotFound(id.resourceGroup ?? '') : resourceNotFound(missing)
}

async function change(context: AnyContext, next: (before: Tags) => Tags) {
  const { etag, tags: before = {}, ...target } = await find(context)
  const tags = next(before)
  checkTags(tags)
  await context.resources.put({ ...target, tags }, etag === undefined ? {} : { ifMatch: etag })
  return { status: 200, body: tagsBody(context, tags) } as const
}

/** "Tags - Update At Scope": Replace, Merge, or Delete (by name, and by value when one is given). */
function patched(before: Tags, { operation, properties }: z.infer<typeof patchBody>): Tags {
  const entries = Object.entries(properties?.tags ?? {})
  const named = new Map(entries.map(([name, value]) => [name.toLowerCase(), value ?? '']))
  switch (operation.toLowerCase()) {
    case 'replace':
      return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']))
    case 'merge': {
      const kept = Object.entries(before).map(
        ([name, value]) => [name, named.get(name.toLowerCase()) ?? value] as const,
      )
      const known = new Set(kept.map(([name]) => name.toLowerCase()))
      const added = entries.filter(([name]) => !known.has(name.toLowerCase()))
      return Object.fromEntries([...kept, ...added.map(([name, value]) => [name, value ?? ''] as const)])
    }
    case 'delete':
      return Object.fromEntries(
        Object.entries(before).filter(([name, value]) => {
          const asked = named.get(name.toLowerCase())
          return asked === undefined || (asked !== '' && asked !== value)
        }),
      )
    default:
      throw invalidRequestContent("The value of 'operation' must be 'Replace', 'Merge' or 'Delete'. Path 'operation'")
  }
}

function tagsBody({ id }: AnyContext, tags: Tags): unknown {
  return { id: formatResourceId(id), name: 'default', type: tagsType, properties: { tags } }
}
