/** Microsoft.Subscription: an alias, by which a subscription is created. Its creator owns the subscription. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { resourceNotFound } from '../arm-errors.ts'
import type { Operation, ResourceProvider } from '../operation.ts'
import type { Resource } from '../resource-store.ts'
import { aliasType, type Subscriptions } from '../subscriptions.ts'

const apiVersions = ['2024-08-01-preview', '2021-10-01', '2020-09-01']
const ownerRole = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'

const putBody = z.object({
  properties: z.object({
    displayName: z.string().trim().min(1).max(64),
    workload: z.enum(['Production', 'DevTest']).optional(),
    /** Nothing is billed here. */
    billingScope: z.string().max(2048).optional(),
  }),
})

export function subscriptionAliasProvider(subscriptions: Subscriptions): ResourceProvider {
  // On Azure the billing account decides; here whoever may do the same in the cloud's first subscription.
  const billing = `/subscriptions/${subscriptions.first.id}`
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'Alias_Create',
    method: 'PUT',
    on: 'resource',
    action: `${aliasType}/write`,
    access: 'signedIn',
    body: putBody,
    handle: async ({ id, path, body, caller, resources, authorizer, clock, require }) => {
      require(`${aliasType}/write`, billing)
      const existing = await resources.get(path)
      if (existing !== undefined) return { status: 200, body: aliasBody(existing) }
      const subscriptionId = randomUUID()
      // The right first: an alias whose subscription nobody owns would be there for good.
      await authorizer.putAssignment({
        name: randomUUID(),
        scope: `/subscriptions/${subscriptionId}`,
        roleDefinitionName: ownerRole,
        principalId: caller.objectId,
        principalType: caller.kind === 'user' ? 'User' : 'ServicePrincipal',
        createdBy: caller.objectId,
        createdOn: clock(),
      })
      const { displayName, workload = 'Production' } = body.properties
      const alias = await resources.put({
        id: path,
        name: id.names.at(-1) ?? '',
        type: aliasType,
        properties: { subscriptionId, displayName, workload },
      })
      subscriptions.remember(alias)
      return { status: 201, body: aliasBody(alias) }
    },
  }
  const get: Operation = {
    name: 'Alias_Get',
    method: 'GET',
    on: 'resource',
    action: `${aliasType}/read`,
    access: 'signedIn',
    handle: async ({ id, path, resources, require }) => {
      require(`${aliasType}/read`, billing)
      const alias = await resources.get(path)
      if (alias === undefined) throw resourceNotFound(id)
      return { status: 200, body: aliasBody(alias) }
    },
  }
  const list: Operation = {
    name: 'Alias_List',
    method: 'GET',
    on: 'collection',
    action: `${aliasType}/read`,
    access: 'signedIn',
    handle: async ({ resources, require }) => {
      require(`${aliasType}/read`, billing)
      return { status: 200, body: { value: (await resources.list({ type: aliasType })).map(aliasBody) } }
    },
  }
  return {
    namespace: 'Microsoft.Subscription',
    types: [{ type: 'aliases', apiVersions, inTenant: true, operations: [put, get, list] }],
  }
}

function aliasBody({ id, name, type, properties }: Resource): unknown {
  return { id, name, type, properties: { ...properties, provisioningState: 'Succeeded' } }
}
