/** Tenants, subscriptions, and the locations that a subscription offers. */
import { hasAssignmentAround } from '../../effective-scope.ts'
import type { OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { regions } from '../../regions.ts'
import type { ResourceStore } from '../../resource-store.ts'
import { resourcesApiVersions } from './api-versions.ts'
import { tagsType } from './scope-tags.ts'

interface Subscription {
  readonly id: string
  readonly displayName: string
  readonly tenantId: string
}

export function subscriptionTypes(subscription: Subscription): ResourceTypeDeclaration[] {
  const path = `/subscriptions/${subscription.id}`
  return [
    {
      type: 'tenants',
      apiVersions: resourcesApiVersions,
      operations: [
        {
          name: 'ListTenants',
          method: 'GET',
          on: 'collection',
          action: 'Microsoft.Resources/tenants/read',
          access: 'signedIn',
          handle: async () => ({ status: 200, body: { value: [tenantBody(subscription.tenantId)] } }),
        },
      ],
    },
    {
      type: 'subscriptions',
      apiVersions: resourcesApiVersions,
      operations: [
        {
          name: 'ListSubscriptions',
          method: 'GET',
          on: 'collection',
          action: 'Microsoft.Resources/subscriptions/read',
          access: 'signedIn',
          handle: async ({ authorizer, caller, resources }: OperationContext) => {
            const tags = await tagsOf(resources, path)
            const value = hasAssignmentAround(authorizer, caller, path) ? [subscriptionBody(subscription, tags)] : []
            return { status: 200, body: { value, count: { type: 'Total', value: value.length } } }
          },
        },
        {
          name: 'GetSubscription',
          method: 'GET',
          on: 'resource',
          action: 'Microsoft.Resources/subscriptions/read',
          access: 'member',
          handle: async ({ resources }: OperationContext) => ({
            status: 200,
            body: subscriptionBody(subscription, await tagsOf(resources, path)),
          }),
        },
      ],
    },
    {
      type: 'subscriptions/locations',
      apiVersions: resourcesApiVersions,
      operations: [
        {
          name: 'ListLocations',
          method: 'GET',
          on: 'collection',
          action: 'Microsoft.Resources/subscriptions/locations/read',
          access: 'member',
          handle: async () => ({ status: 200, body: { value: regions.map((region) => locationBody(path, region)) } }),
        },
      ],
    },
  ]
}

function tenantBody(tenantId: string): unknown {
  return { id: `/tenants/${tenantId}`, tenantId, displayName: 'Keystead', tenantCategory: 'Home' }
}

/** The tags that were set on the subscription as a scope. */
async function tagsOf(resources: ResourceStore, path: string) {
  return (await resources.get(`${path}/providers/${tagsType}/default`))?.tags
}

function subscriptionBody(subscription: Subscription, tags: Readonly<Record<string, string>> | undefined): unknown {
  return {
    id: `/subscriptions/${subscription.id}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId: subscription.id,
    tenantId: subscription.tenantId,
    displayName: subscription.displayName,
    state: 'Enabled',
    ...(tags !== undefined && { tags }),
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'PayAsYouGo_2014-09-01',
      spendingLimit: 'Off',
    },
  }
}

function locationBody(path: string, region: (typeof regions)[number]): unknown {
  const { name, displayName, geographyGroup, physicalLocation, latitude, longitude, pairedRegion } = region
  return {
    id: `${path}/locations/${name}`,
    name,
    type: 'Region',
    displayName,
    regionalDisplayName: `(${geographyGroup}) ${displayName}`,
    metadata: {
      regionType: 'Physical',
      regionCategory: 'Recommended',
      geographyGroup,
      physicalLocation,
      latitude,
      longitude,
      pairedRegion: pairedRegion === undefined ? [] : [{ name: pairedRegion, id: `${path}/locations/${pairedRegion}` }],
    },
  }
}
