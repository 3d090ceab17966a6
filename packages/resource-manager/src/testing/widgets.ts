/** A resource provider of the tests' own: what another package declares, and a little more. */
import { z } from 'zod'
import { resourceNotFound } from '../arm-errors.ts'
import type { Operation, ResourceProvider } from '../operation.ts'
import { pageOfResources } from '../paging.ts'
import type { Resource } from '../resource-store.ts'

const type = 'Microsoft.Test/widgets'
const body = z.object({
  location: z.string(),
  tags: z.record(z.string(), z.string()).optional(),
  properties: z.object({ size: z.number().optional(), label: z.string().optional() }).optional(),
})

export interface Widgets {
  readonly provider: ResourceProvider
  /** Ids of the resources whose group was deleted, in order. */
  readonly deleted: string[]
  /** What a running `grind` job waits for; and how many have begun. */
  gate: Promise<void>
  ground: number
}

export function createWidgets(): Widgets {
  const widgets: { deleted: string[]; gate: Promise<void>; ground: number } = {
    deleted: [],
    gate: Promise.resolve(),
    ground: 0,
  }
  const show = ({ etag: _etag, ...resource }: Resource) => resource
  const put: Operation<z.infer<typeof body>> = {
    name: 'PutWidget',
    method: 'PUT',
    on: 'resource',
    action: `${type}/write`,
    body,
    handle: async ({ id, path, body: { location, tags, properties = {} }, headers, resources }) => {
      const existing = await resources.get(path)
      const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
      const stored = await resources.put(
        { id: path, name: id.names.at(-1) ?? '', type, location, properties, ...(tags !== undefined && { tags }) },
        { ...(ifMatch !== undefined && { ifMatch }), ...(ifNoneMatch === '*' && { ifNoneMatch }) },
      )
      return { status: existing === undefined ? 201 : 200, body: show(stored), headers: { etag: stored.etag } }
    },
  }
  const get: Operation = {
    name: 'GetWidget',
    method: 'GET',
    on: 'resource',
    action: `${type}/read`,
    handle: async ({ id, path, resources }) => {
      const found = await resources.get(path)
      if (found === undefined) throw resourceNotFound(id)
      return { status: 200, body: show(found) }
    },
  }
  const remove: Operation = {
    name: 'DeleteWidget',
    method: 'DELETE',
    on: 'resource',
    action: `${type}/delete`,
    handle: async ({ path, resources }) => ({ status: (await resources.delete(path)) === undefined ? 204 : 200 }),
  }
  const list: Operation = {
    name: 'ListWidgets',
    method: 'GET',
    on: 'subscription',
    action: `${type}/read`,
    handle: async (context) => ({
      status: 200,
      body: await pageOfResources(context, `${context.path}/providers/${type}`, { below: context.path, type }, show),
    }),
  }
  const listKeys: Operation = {
    name: 'ListWidgetKeys',
    method: 'POST',
    on: 'resource',
    verb: 'listKeys',
    action: `${type}/listKeys/action`,
    handle: async () => ({ status: 200, body: { keys: ['k'] } }),
  }
  const grind: Operation = {
    name: 'GrindWidget',
    method: 'POST',
    on: 'resource',
    verb: 'grind',
    action: `${type}/grind/action`,
    handle: async ({ path, body: input }) => ({ status: 202, operation: { job: 'grind', input: { path, input } } }),
  }
  const check: Operation = {
    name: 'CheckWidgetName',
    method: 'POST',
    on: 'subscription',
    verb: 'checkNameAvailability',
    action: 'Microsoft.Test/checkNameAvailability/action',
    handle: async () => ({ status: 200, body: { nameAvailable: true } }),
  }
  const crash: Operation = {
    name: 'CrashWidget',
    method: 'POST',
    on: 'resource',
    verb: 'crash',
    action: `${type}/crash/action`,
    handle: async () => {
      throw new Error('the handler broke')
    },
  }
  const part: Operation = {
    name: 'PutPart',
    method: 'PUT',
    on: 'resource',
    action: `${type}/parts/write`,
    handle: async ({ id, path, resources }) => {
      const stored = await resources.put({
        id: path,
        name: id.names.at(-1) ?? '',
        type: `${type}/parts`,
        properties: {},
      })
      return { status: 201, body: show(stored) }
    },
  }
  const apiVersions = ['2024-01-01', '2023-01-01']
  const onDelete = async (id: string) => {
    widgets.deleted.push(id)
  }
  return Object.assign(widgets, {
    provider: {
      namespace: 'Microsoft.Test',
      types: [
        {
          type: 'widgets',
          apiVersions,
          locations: ['West Europe', 'East US'],
          operations: [put, get, remove, list, listKeys, grind, check, crash],
          onDelete,
          jobs: {
            grind: async (input: unknown) => {
              widgets.ground += 1
              await widgets.gate
              return { ground: input }
            },
          },
        },
        { type: 'widgets/parts', apiVersions, operations: [part], onDelete },
      ],
    } satisfies ResourceProvider,
  })
}
