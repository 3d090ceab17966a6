/** The resource providers themselves: what types there are, in which versions and where. */
import { ArmError } from '../../arm-error.ts'
import { invalidNamespace } from '../../arm-errors.ts'
import type { Operation, OperationContext, ResourceProvider, ResourceTypeDeclaration } from '../../operation.ts'
import type { OperationTable } from '../../operation-table.ts'
import { resourcesApiVersions } from './api-versions.ts'

export function providerTypes(table: OperationTable): ResourceTypeDeclaration[] {
  const idOf = (provider: ResourceProvider, { id }: OperationContext) =>
    `${id.subscriptionId === undefined ? '' : `/subscriptions/${id.subscriptionId}`}/providers/${provider.namespace}`
  const find = (context: OperationContext) => {
    const namespace = context.id.names.at(-1) ?? ''
    const provider = table.provider(namespace)
    if (provider === undefined) throw invalidNamespace(namespace)
    return provider
  }
  const read = 'Microsoft.Resources/subscriptions/providers/read'
  const get: Operation = {
    name: 'GetProvider',
    method: 'GET',
    on: 'resource',
    action: read,
    access: 'member',
    handle: async (context) => {
      const provider = find(context)
      return { status: 200, body: providerBody(provider, idOf(provider, context)) }
    },
  }
  const register: Operation = {
    name: 'RegisterProvider',
    method: 'POST',
    on: 'resource',
    verb: 'register',
    action: 'Microsoft.Resources/subscriptions/providers/register/action',
    handle: async (context) => {
      const provider = find(context)
      return { status: 200, body: providerBody(provider, idOf(provider, context)) }
    },
  }
  const unregister: Operation = {
    ...register,
    name: 'UnregisterProvider',
    verb: 'unregister',
    action: 'Microsoft.Resources/subscriptions/providers/unregister/action',
    handle: async (context) => {
      throw new ArmError(
        409,
        'UnregisterNotAllowed',
        `The resource provider '${find(context).namespace}' is part of this cloud and cannot be unregistered.`,
      )
    },
  }
  const list: Operation = {
    name: 'ListProviders',
    method: 'GET',
    on: 'collection',
    action: read,
    access: 'member',
    handle: async (context) => ({
      status: 200,
      body: { value: Array.from(table.providers(), (provider) => providerBody(provider, idOf(provider, context))) },
    }),
  }
  return [
    {
      type: 'subscriptions/providers',
      apiVersions: resourcesApiVersions,
      operations: [list, get, register, unregister],
    },
    { type: 'providers', apiVersions: resourcesApiVersions, operations: [list, get] },
  ]
}

function providerBody(provider: ResourceProvider, id: string): unknown {
  return {
    id,
    namespace: provider.namespace,
    registrationState: 'Registered',
    registrationPolicy: 'RegistrationRequired',
    resourceTypes: provider.types.map((type) => ({
      resourceType: type.type,
      locations: type.locations ?? [],
      apiVersions: type.apiVersions,
      capabilities: (type.locations?.length ?? 0) > 0 ? 'SupportsTags, SupportsLocation' : 'None',
    })),
  }
}
