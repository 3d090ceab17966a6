/** A subscription's tag names with their values: those declared beforehand, and those in use. */
import { ArmError } from '../../arm-error.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import type { Resource, ResourceStore } from '../../resource-store.ts'
import { checkTags } from '../../tags.ts'
import { resourcesApiVersions } from './api-versions.ts'

const nameType = 'Microsoft.Resources/subscriptions/tagNames'
const valueType = `${nameType}/tagValues`
/** Resources read at a time. */
const stretchLength = 500

interface TagName {
  readonly name: string
  readonly values: Map<string, number>
  count: number
}

export function tagNameTypes(): ResourceTypeDeclaration[] {
  const list: Operation = {
    name: 'Tags_List',
    method: 'GET',
    on: 'collection',
    action: `${nameType}/read`,
    handle: async ({ resources, path }) => {
      const names = await collect(resources, path)
      const value = [...names.values()]
        .toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
        .map((each) => nameBody(path, each))
      return { status: 200, body: { value } }
    },
  }
  const putName: Operation = {
    name: 'Tags_CreateOrUpdate',
    method: 'PUT',
    on: 'resource',
    action: `${nameType}/write`,
    handle: async ({ resources, path, id }) => {
      const name = id.names.at(-1) ?? ''
      checkTags({ [name]: '' })
      const existing = await resources.get(path)
      if (existing === undefined) await resources.put({ id: path, name, type: nameType, properties: {} })
      const subscription = `/subscriptions/${id.subscriptionId}`
      const found = (await collect(resources, subscription)).get(name.toLowerCase())
      return {
        status: existing === undefined ? 201 : 200,
        body: nameBody(subscription, found ?? { name, values: new Map(), count: 0 }),
      }
    },
  }
  const deleteName: Operation = {
    name: 'Tags_Delete',
    method: 'DELETE',
    on: 'resource',
    action: `${nameType}/delete`,
    handle: async ({ resources, path, id }) => {
      const used = (await inUse(resources, `/subscriptions/${id.subscriptionId}`)).get(
        (id.names.at(-1) ?? '').toLowerCase(),
      )
      if (used !== undefined) throw tagInUse(used.name)
      for (const value of await resources.list({ below: path, type: valueType })) await resources.delete(value.id)
      return { status: (await resources.delete(path)) === undefined ? 204 : 200 }
    },
  }
  const putValue: Operation = {
    name: 'Tags_CreateOrUpdateValue',
    method: 'PUT',
    on: 'resource',
    action: `${valueType}/write`,
    handle: async (context) => {
      const { resources, path, id } = context
      const [, tagName = '', value = ''] = id.names
      const declared = await resources.get(nameOf(context))
      if (declared === undefined) throw tagNotFound(tagName)
      checkTags({ [tagName]: value })
      const existing = await resources.get(path)
      if (existing === undefined) await resources.put({ id: path, name: value, type: valueType, properties: {} })
      return { status: existing === undefined ? 201 : 200, body: valueBody(nameOf(context), value, 0) }
    },
  }
  const deleteValue: Operation = {
    name: 'Tags_DeleteValue',
    method: 'DELETE',
    on: 'resource',
    action: `${valueType}/delete`,
    handle: async ({ resources, path, id }) => {
      const [, tagName = '', value = ''] = id.names
      const used = (await inUse(resources, `/subscriptions/${id.subscriptionId}`)).get(tagName.toLowerCase())
      if (used?.values.has(value) === true) throw tagInUse(tagName)
      return { status: (await resources.delete(path)) === undefined ? 204 : 200 }
    },
  }
  return [
    { type: 'subscriptions/tagNames', apiVersions: resourcesApiVersions, operations: [list, putName, deleteName] },
    {
      type: 'subscriptions/tagNames/tagValues',
      apiVersions: resourcesApiVersions,
      operations: [putValue, deleteValue],
    },
  ]
}

const tagInUse = (name: string) =>
  new ArmError(409, 'TagInUse', `The tag '${name}' is in use by resources and cannot be deleted.`)

const tagNotFound = (name: string) => new ArmError(404, 'TagNotFound', `The tag '${name}' could not be found.`)

function nameOf({ id }: OperationContext): string {
  return `/subscriptions/${id.subscriptionId}/tagNames/${id.names[1]}`
}

async function collect(resources: ResourceStore, subscription: string): Promise<Map<string, TagName>> {
  const names = await inUse(resources, subscription)
  for await (const { name } of each(resources, subscription, nameType)) {
    if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), { name, values: new Map(), count: 0 })
  }
  for await (const { id, name } of each(resources, subscription, valueType)) {
    const tag = names.get((id.split('/')[4] ?? '').toLowerCase())
    if (tag !== undefined && !tag.values.has(name)) tag.values.set(name, 0)
  }
  return names
}

/** The tags that resources, groups and the subscription carry, counted. */
async function inUse(resources: ResourceStore, subscription: string): Promise<Map<string, TagName>> {
  const names = new Map<string, TagName>()
  for await (const { tags = {} } of each(resources, subscription)) {
    for (const [name, value] of Object.entries(tags)) {
      const tag = names.get(name.toLowerCase()) ?? { name, values: new Map<string, number>(), count: 0 }
      tag.count += 1
      tag.values.set(value, (tag.values.get(value) ?? 0) + 1)
      names.set(name.toLowerCase(), tag)
    }
  }
  return names
}

async function* each(resources: ResourceStore, below: string, type?: string): AsyncGenerator<Resource> {
  let after: string | undefined
  do {
    const stretch = await resources.list({
      below,
      limit: stretchLength,
      ...(type !== undefined && { type }),
      ...(after !== undefined && { after }),
    })
    yield* stretch
    after = stretch.length < stretchLength ? undefined : stretch.at(-1)?.id
  } while (after !== undefined)
}

function nameBody(subscription: string, { name, values, count }: TagName): unknown {
  const id = `${subscription}/tagNames/${name}`
  return {
    id,
    tagName: name,
    count: { type: 'Total', value: count },
    values: [...values].map(([value, uses]) => valueBody(id, value, uses)),
  }
}

function valueBody(nameId: string, value: string, uses: number): unknown {
  return { id: `${nameId}/tagValues/${value}`, tagValue: value, count: { type: 'Total', value: uses } }
}
