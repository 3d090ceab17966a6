/** Tenants, subscriptions, and the locations that a subscription offers. */
import { hasAssignmentAround } from '../../effective-scope.ts'
import type { OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { regions } from '../../regions.ts'
import type { ResourceStore } from '../../resource-store.ts'
import type { Subscription, Subscriptions } from '../../subscriptions.ts'
import { resourcesApiVersions } from './api-versions.ts'
import { tagsType } from './scope-tags.ts'

const pathOf = ({ id }: Subscription): string => `/subscriptions/${id}`

export function subscriptionTypes(subscriptions: Subscriptions): ResourceTypeDeclaration[] {
  /** The one that the path names: an unknown one was refused before. */
  const named = ({ id }: OperationContext): Subscription =>
    subscriptions.find(id.subscriptionId ?? '') ?? subscriptions.first
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
          handle: async () => ({ status: 200, body: { value: [tenantBody(subscriptions.first.tenantId)] } }),
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
            const visible = subscriptions.all().filter((each) => hasAssignmentAround(authorizer, caller, pathOf(each)))
            const value = await Promise.all(
              visible.map(async (each) => subscriptionBody(each, await tagsOf(resources, pathOf(each)))),
            )
            return { status: 200, body: { value, count: { type: 'Total', value: value.length } } }
          },
        },
        {
          name: 'GetSubscription',
          method: 'GET',
          on: 'resource',
          action: 'Microsoft.Resources/subscriptions/read',
          access: 'member',
          handle: async (context: OperationContext) => {
            const subscription = named(context)
            return {
              status: 200,
              body: subscriptionBody(subscription, await tagsOf(context.resources, pathOf(subscription))),
            }
          },
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
          handle: async (context: OperationContext) => {
            const path = pathOf(named(context))
            return { status: 200, body: { value: regions.map((region) => locationBody(path, region)) } }
          },
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
