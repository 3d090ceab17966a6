/** User-assigned identities: a resource here, a principal in the directory. */
import type { Directory, ManagedIdentity } from '@keystead/identity'
import { z } from 'zod'
import { invalidResourceName, resourceNotFound } from '../../arm-errors.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { pageOfResources } from '../../paging.ts'
import { regionDisplayNames } from '../../regions.ts'
import type { Resource, ResourceStore } from '../../resource-store.ts'
import { managedIdentityApiVersions } from './api-versions.ts'

export const userAssignedType = 'Microsoft.ManagedIdentity/userAssignedIdentities'

const tags = z.record(z.string(), z.string())
const putBody = z.object({
  location: z.string(),
  tags: tags.optional(),
  properties: z.object({ isolationScope: z.enum(['None', 'Regional']).optional() }).optional(),
})
const patchBody = z.object({ tags: tags.nullish() })

export function userAssignedIdentityType(directory: Directory): ResourceTypeDeclaration {
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'UserAssignedIdentities_CreateOrUpdate',
    method: 'PUT',
    on: 'resource',
    action: `${userAssignedType}/write`,
    body: putBody,
    handle: async ({ id, path, body, resources }) => {
      const name = id.names.at(-1) ?? ''
      checkName(name)
      const existing = await resources.get(path)
      const identity = await directory.createManagedIdentity({ resourceId: existing?.id ?? path, kind: 'UserAssigned' })
      const stored = await resources.put({
        id: path,
        name,
        type: userAssignedType,
        location: body.location,
        ...(body.tags !== undefined && { tags: body.tags }),
        properties: identityProperties(identity, body.properties?.isolationScope),
      })
      return { status: existing === undefined ? 201 : 200, body: identityBody(stored) }
    },
  }
  const patch: Operation<z.infer<typeof patchBody>> = {
    name: 'UserAssignedIdentities_Update',
    method: 'PATCH',
    on: 'resource',
    action: `${userAssignedType}/write`,
    body: patchBody,
    handle: async (context) => {
      const { etag: _etag, tags: oldTags, ...kept } = await find(context)
      const { tags: newTags } = context.body
      const tagsNow = newTags === undefined ? oldTags : (newTags ?? {})
      const stored = await context.resources.put({ ...kept, ...(tagsNow !== undefined && { tags: tagsNow }) })
      return { status: 200, body: identityBody(stored) }
    },
  }
  const get: Operation = {
    name: 'UserAssignedIdentities_Get',
    method: 'GET',
    on: 'resource',
    action: `${userAssignedType}/read`,
    handle: async (context) => ({ status: 200, body: identityBody(await find(context)) }),
  }
  const remove: Operation = {
    name: 'UserAssignedIdentities_Delete',
    method: 'DELETE',
    on: 'resource',
    action: `${userAssignedType}/delete`,
    handle: async ({ path, resources }) => {
      // The principal first: an identity that is half deleted gets no tokens, and its deletion can be asked for again.
      await directory.deleteManagedIdentity(path)
      await deleteCredentials(resources, path)
      return { status: (await resources.delete(path)) === undefined ? 204 : 200 }
    },
  }
  const list = (on: 'collection' | 'subscription'): Operation => ({
    name:
      on === 'collection' ? 'UserAssignedIdentities_ListByResourceGroup' : 'UserAssignedIdentities_ListBySubscription',
    method: 'GET',
    on,
    action: `${userAssignedType}/read`,
    handle: async (context) => ({
      status: 200,
      body: await pageOfResources(
        context,
        `${context.path}/providers/${userAssignedType}`,
        { below: context.path, type: userAssignedType },
        identityBody,
      ),
    }),
  })
  return {
    type: 'userAssignedIdentities',
    apiVersions: managedIdentityApiVersions,
    locations: regionDisplayNames,
    operations: [put, patch, get, remove, list('collection'), list('subscription')],
    onDelete: async (id) => {
      await directory.deleteManagedIdentity(id)
    },
  }
}

async function find({ id, path, resources }: OperationContext<unknown>): Promise<Resource> {
  const resource = await resources.get(path)
  if (resource === undefined) throw resourceNotFound(id)
  return resource
}

async function deleteCredentials(resources: ResourceStore, path: string): Promise<void> {
  for (const credential of await resources.list({ below: path })) await resources.delete(credential.id)
}

/** "Naming rules and restrictions for Azure resources", Microsoft.ManagedIdentity. */
function checkName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/.test(name)) {
    throw invalidResourceName(
      name,
      "it must have 3 to 128 characters, start with a letter or digit, and hold only letters, digits, '-' and '_'.",
    )
  }
}

function identityProperties(identity: ManagedIdentity, isolationScope: string | undefined) {
  const { tenantId, principalId, clientId } = identity
  return { tenantId, principalId, clientId, ...(isolationScope !== undefined && { isolationScope }) }
}

function identityBody({ id, name, type, location, tags: ownTags, properties }: Resource): unknown {
  return { id, name, type, location, tags: ownTags ?? {}, properties }
}
