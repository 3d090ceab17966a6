/** What clients ask of a long-running operation: its status, or its result. */
import { ArmError } from '../arm-error.ts'
import type { LongRunningOperations, OperationState } from '../long-running.ts'
import type { DeclaredOperation, OperationContext, ResourceProvider, ResourceTypeDeclaration } from '../operation.ts'
import { systemNamespace } from '../operation-table.ts'
import { operationHeaders } from '../operation-urls.ts'

/** `locations/operationStatuses` and `locations/operationResults` of a provider that has jobs. */
export function operationStatusTypes(
  provider: ResourceProvider,
  operations: LongRunningOperations,
): ResourceTypeDeclaration[] {
  const apiVersions = [...new Set(provider.types.flatMap((type) => type.apiVersions))]
  const { namespace } = provider
  const prefix = `${namespace}/`.toLowerCase()
  const read = (context: OperationContext) => readState(operations, context, prefix)
  if (namespace === systemNamespace) {
    return [
      {
        type: 'subscriptions/operationresults',
        apiVersions,
        operations: [resultOperation(read, namespace, 'Microsoft.Resources/subscriptions/operationresults')],
      },
    ]
  }
  return [
    {
      type: 'locations/operationStatuses',
      apiVersions,
      operations: [
        {
          name: 'GetOperationStatus',
          method: 'GET',
          on: 'resource',
          action: `${namespace}/locations/operationStatuses/read`,
          access: 'signedIn',
          handle: async (context: OperationContext) => {
            const state = await read(context)
            return {
              status: 200,
              body: statusBody(state, context),
              ...(state.status === 'InProgress' && { headers: { 'retry-after': '1' } }),
            }
          },
        },
      ],
    },
    {
      type: 'locations/operationResults',
      apiVersions,
      operations: [resultOperation(read, namespace, `${namespace}/locations/operationResults/read`)],
    },
  ]
}

function resultOperation(
  read: (context: OperationContext) => Promise<OperationState>,
  namespace: string,
  action: string,
): DeclaredOperation {
  return {
    name: 'GetOperationResult',
    method: 'GET',
    on: 'resource',
    action,
    access: 'signedIn',
    handle: async (context: OperationContext) => {
      const state = await read(context)
      switch (state.status) {
        case 'InProgress': {
          const { apiVersion, baseUrl } = context
          const { subscriptionId = '' } = context.id
          return {
            status: 202,
            headers: operationHeaders({ id: state.id, namespace, subscriptionId, apiVersion, baseUrl }),
          }
        }
        case 'Succeeded':
          return state.result === undefined ? { status: 200 } : { status: 200, body: state.result }
        case 'Failed':
          throw new ArmError(
            state.error?.status ?? 500,
            state.error?.code ?? 'InternalServerError',
            state.error?.message ?? 'The operation failed.',
            {},
            state.error,
          )
      }
    },
  }
}

/** Who began it may ask, and so may whoever can read what it works on; to others it does not exist. */
async function readState(
  operations: LongRunningOperations,
  context: OperationContext,
  prefix: string,
): Promise<OperationState> {
  const id = context.id.names.at(-1) ?? ''
  const state = await operations.get(id)
  const notFound = () => new ArmError(404, 'OperationNotFound', `The operation '${id}' could not be found.`)
  if (state === undefined || !state.type.toLowerCase().startsWith(prefix)) throw notFound()
  if (state.startedBy === context.caller.objectId) return state
  const { tenantId, objectId, groupIds } = context.caller
  const decision = context.authorizer.decide({
    by: 'role',
    principal: { tenantId, objectId, groupIds },
    action: `${state.type}/read`,
    plane: 'control',
    scope: state.resource,
  })
  if (!decision.allowed) throw notFound()
  return state
}

function statusBody(state: OperationState, context: OperationContext): unknown {
  return {
    id: context.path,
    name: state.id,
    status: state.status,
    startTime: new Date(state.startedAt).toISOString(),
    ...(state.endedAt !== undefined && { endTime: new Date(state.endedAt).toISOString() }),
    ...(state.result !== undefined && { properties: state.result }),
    ...(state.error !== undefined && { error: withoutStatus(state.error) }),
  }
}

function withoutStatus({ status: _status, ...detail }: NonNullable<OperationState['error']>): unknown {
  return detail
}
