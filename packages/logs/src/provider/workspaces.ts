/** Microsoft.OperationalInsights as a resource provider: workspaces, and their shared keys. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import {
  type Operation,
  type OperationContext,
  type OperationResult,
  pageOfResources,
  type Resource,
  type ResourceId,
  type ResourceProvider,
  type ResourceStore,
  regionDisplayNames,
  resourceNotFound,
} from '@keystead/resource-manager'
import { z } from 'zod'

export const workspaceType = 'Microsoft.OperationalInsights/workspaces'

const apiVersions = [
  '2025-07-01',
  '2025-02-01',
  '2023-09-01',
  '2022-10-01',
  '2021-12-01-preview',
  '2021-06-01',
  '2020-10-01',
  '2020-08-01',
  '2020-03-01-preview',
  '2015-11-01-preview',
]

const defaultRetentionDays = 30

const properties = z.looseObject({
  retentionInDays: z.int().min(4).max(730).optional(),
  sku: z.looseObject({ name: z.string() }).optional(),
  publicNetworkAccessForIngestion: z.enum(['Enabled', 'Disabled']).optional(),
  publicNetworkAccessForQuery: z.enum(['Enabled', 'Disabled']).optional(),
})
const workspaceBody = z.looseObject({
  location: z.string(),
  tags: z.record(z.string(), z.string()).optional(),
  properties: properties.optional(),
})
const workspacePatch = z.looseObject({
  tags: z.record(z.string(), z.string()).nullish(),
  properties: properties.optional(),
})
type WorkspaceBody = z.infer<typeof workspaceBody>
type WorkspacePatch = z.infer<typeof workspacePatch>

export interface WorkspaceOptions {
  readonly resources: ResourceStore
  readonly clock: () => number
  /** Derives a workspace's keys, which are never stored. */
  readonly keySecret: string
  /** The rows of a workspace that is gone. */
  readonly removeRows: (customerId: string) => Promise<void>
}

export function operationalInsightsProvider(options: WorkspaceOptions): ResourceProvider {
  const workspaces = new WorkspaceHandlers(options)
  const read = 'Microsoft.OperationalInsights/workspaces/read'
  const write = 'Microsoft.OperationalInsights/workspaces/write'
  return {
    namespace: 'Microsoft.OperationalInsights',
    types: [
      {
        type: 'workspaces',
        apiVersions,
        locations: regionDisplayNames,
        onDelete: (id) => workspaces.forget(id),
        operations: [
          {
            name: 'Workspaces_CreateOrUpdate',
            method: 'PUT',
            on: 'resource',
            action: write,
            body: workspaceBody,
            handle: (context) => workspaces.put(context),
          } satisfies Operation<WorkspaceBody>,
          {
            name: 'Workspaces_Update',
            method: 'PATCH',
            on: 'resource',
            action: write,
            body: workspacePatch,
            handle: (context) => workspaces.patch(context),
          } satisfies Operation<WorkspacePatch>,
          {
            name: 'Workspaces_Get',
            method: 'GET',
            on: 'resource',
            action: read,
            handle: (context) => workspaces.get(context),
          } satisfies Operation,
          {
            name: 'Workspaces_Delete',
            method: 'DELETE',
            on: 'resource',
            action: 'Microsoft.OperationalInsights/workspaces/delete',
            handle: (context) => workspaces.delete(context),
          } satisfies Operation,
          {
            name: 'Workspaces_ListByResourceGroup',
            method: 'GET',
            on: 'collection',
            action: read,
            handle: (context) => workspaces.list(context),
          } satisfies Operation,
          {
            name: 'Workspaces_List',
            method: 'GET',
            on: 'subscription',
            action: read,
            handle: (context) => workspaces.list(context),
          } satisfies Operation,
          {
            name: 'SharedKeys_GetSharedKeys',
            method: 'POST',
            on: 'resource',
            verb: 'sharedKeys',
            action: 'Microsoft.OperationalInsights/workspaces/sharedKeys/action',
            handle: (context) => workspaces.sharedKeys(context),
          } satisfies Operation,
        ],
      },
    ],
  }
}

class WorkspaceHandlers {
  readonly #options: WorkspaceOptions

  constructor(options: WorkspaceOptions) {
    this.#options = options
  }

  async put({ id, path, body, resources, headers, clock }: OperationContext<WorkspaceBody>): Promise<OperationResult> {
    const known = await resources.get(path)
    const now = new Date(clock()).toISOString()
    const before = known?.properties ?? {}
    const resource = await resources.put(
      {
        id: path,
        name: id.names.at(-1) ?? '',
        type: workspaceType,
        location: body.location,
        ...(body.tags ? { tags: body.tags } : {}),
        properties: {
          ...shown(body.properties),
          customerId: before.customerId ?? randomUUID(),
          keyId: before.keyId ?? randomBytes(16).toString('hex'),
          retentionInDays: body.properties?.retentionInDays ?? before.retentionInDays ?? defaultRetentionDays,
          sku: { name: body.properties?.sku?.name ?? 'PerGB2018' },
          createdDate: before.createdDate ?? now,
          modifiedDate: now,
        },
      },
      headers['if-match'] === undefined ? {} : { ifMatch: headers['if-match'] },
    )
    return { status: known ? 200 : 201, body: representation(resource) }
  }

  async patch({ id, path, body, resources, clock }: OperationContext<WorkspacePatch>): Promise<OperationResult> {
    const known = await found(resources, id, path)
    const { etag: _, ...rest } = known
    const tags = body.tags ?? (body.tags === null ? {} : known.tags)
    const resource = await resources.put({
      ...rest,
      ...(tags ? { tags } : {}),
      properties: { ...known.properties, ...shown(body.properties), modifiedDate: new Date(clock()).toISOString() },
    })
    return { status: 200, body: representation(resource) }
  }

  async get({ id, path, resources }: OperationContext): Promise<OperationResult> {
    return { status: 200, body: representation(await found(resources, id, path)) }
  }

  async delete({ path, resources }: OperationContext): Promise<OperationResult> {
    const known = await resources.get(path)
    if (!known) return { status: 204 }
    await this.#options.removeRows(customerIdOf(known))
    await resources.delete(path)
    return { status: 200 }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const list = `${context.path}/providers/${workspaceType}`
    const filter = { below: context.path, type: workspaceType }
    return { status: 200, body: await pageOfResources(context, list, filter, representation) }
  }

  async sharedKeys({ id, path, resources }: OperationContext): Promise<OperationResult> {
    const { properties } = await found(resources, id, path)
    const key = (name: string): string =>
      createHmac('sha512', this.#options.keySecret)
        .update(`${String(properties.keyId)} ${name}`)
        .digest('base64')
    return { status: 200, body: { primarySharedKey: key('primary'), secondarySharedKey: key('secondary') } }
  }

  /** When its group is deleted. */
  async forget(id: string): Promise<void> {
    const known = await this.#options.resources.get(id)
    if (known) await this.#options.removeRows(customerIdOf(known))
  }
}

async function found(resources: ResourceStore, id: ResourceId, path: string): Promise<Resource> {
  const resource = await resources.get(path)
  if (!resource) throw resourceNotFound(id)
  return resource
}

export const customerIdOf = ({ properties }: Resource): string => String(properties.customerId)

/** What a caller may set and is shown again. */
function shown(given: z.infer<typeof properties> | undefined): Record<string, unknown> {
  const { retentionInDays, publicNetworkAccessForIngestion, publicNetworkAccessForQuery } = given ?? {}
  return {
    ...(retentionInDays === undefined ? {} : { retentionInDays }),
    ...(publicNetworkAccessForIngestion ? { publicNetworkAccessForIngestion } : {}),
    ...(publicNetworkAccessForQuery ? { publicNetworkAccessForQuery } : {}),
  }
}

function representation({ id, name, type, location, tags, etag, properties }: Resource): unknown {
  const { keyId: _, ...visible } = properties
  return {
    id,
    name,
    type,
    location,
    ...(tags ? { tags } : {}),
    etag,
    properties: {
      provisioningState: 'Succeeded',
      publicNetworkAccessForIngestion: 'Enabled',
      publicNetworkAccessForQuery: 'Enabled',
      features: { enableLogAccessUsingOnlyResourcePermissions: true },
      ...visible,
    },
  }
}
