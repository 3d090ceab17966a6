/** Microsoft.Resources: subscriptions, groups, the list of everything in them, tags, the providers. */
import type { Authorizer } from '@keystead/authorization'
import type { GroupWrites } from '../group-writes.ts'
import type { ResourceProvider } from '../operation.ts'
import type { OperationTable } from '../operation-table.ts'
import type { ResourceStore } from '../resource-store.ts'
import type { Subscriptions } from '../subscriptions.ts'
import { providerTypes } from './resources/providers.ts'
import { resourceGroupTypes } from './resources/resource-groups.ts'
import { resourceListTypes } from './resources/resource-list.ts'
import { scopeTagsType } from './resources/scope-tags.ts'
import { subscriptionTypes } from './resources/subscriptions.ts'
import { tagNameTypes } from './resources/tag-names.ts'

export interface ResourcesProviderOptions {
  readonly table: OperationTable
  readonly resources: ResourceStore
  readonly authorizer: Authorizer
  readonly subscriptions: Subscriptions
  readonly groupWrites: GroupWrites
}

export function resourcesProvider(options: ResourcesProviderOptions): ResourceProvider {
  return {
    namespace: 'Microsoft.Resources',
    types: [
      ...subscriptionTypes(options.subscriptions),
      ...resourceGroupTypes(options),
      ...resourceListTypes(),
      scopeTagsType(),
      ...tagNameTypes(),
      ...providerTypes(options.table),
    ],
  }
}
