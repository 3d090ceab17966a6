/** Functions of the deployment and of where it goes: its parameters and variables, its group, its subscription. */
import { randomUUID } from 'node:crypto'
import { copyIndex } from '../expression/copies.ts'
import { type FunctionTable, takes } from '../expression/function.ts'
import { functionNotAllowedHere } from '../template-error.ts'
import { environment } from './environment.ts'

export const deploymentFunctions: FunctionTable = {
  parameters: takes(1, ([name], call) => call.scope.parameter(call.text(name))),
  variables: takes(1, ([name], call) => call.scope.variable(call.text(name))),
  copyIndex: takes([0, 2], ([first, second], call) => {
    const named = typeof first === 'string'
    const offset = named ? second : first
    return copyIndex(call.scope, named ? first : undefined) + (call.optional(offset, (each) => call.integer(each)) ?? 0)
  }),
  newGuid: takes(0, (_args, call) => {
    if (!call.scope.defaults) throw functionNotAllowedHere(call.name)
    return randomUUID()
  }),
  deployment: takes(0, (_args, { scope }) => {
    const { name, location, mode } = scope.facts
    return {
      name,
      ...(location !== undefined && { location }),
      properties: {
        template: scope.template,
        parameters: scope.shownParameters(),
        mode,
        provisioningState: 'Accepted',
      },
    }
  }),
  deployer: takes(0, (_args, { scope }) => scope.facts.caller),
  environment: takes(0, () => environment),
  subscription: takes(0, (_args, { scope }) => {
    const { subscription, tenantId } = scope.facts
    return {
      id: `/subscriptions/${subscription.id}`,
      subscriptionId: subscription.id,
      tenantId,
      displayName: subscription.displayName,
    }
  }),
  resourceGroup: takes(0, (_args, call) => {
    const { resourceGroup } = call.scope.facts
    if (resourceGroup === undefined) throw functionNotAllowedHere(call.name)
    return resourceGroup
  }),
  tenant: takes(0, (_args, { scope }) => ({
    tenantId: scope.facts.tenantId,
    displayName: 'Keystead',
    countryCode: '',
  })),
  managementGroup: takes(0, (_args, call) => {
    throw functionNotAllowedHere(call.name)
  }),
}
