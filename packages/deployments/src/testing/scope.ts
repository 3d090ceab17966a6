/** A scope to evaluate expressions in, for tests: no resources, a fixed deployment. */
import type { DeploymentFacts } from '../expression/scope.ts'

const subscriptionId = '0d6a1d6e-5d7e-4d3c-8c1e-3b7b7a0a9d11'
export const groupId = `/subscriptions/${subscriptionId}/resourceGroups/rg`

export const facts: DeploymentFacts = {
  name: 'd1',
  tenantId: 'b1c0f1de-2f77-4b39-9d2b-0c7c8f1a5a10',
  subscription: { id: subscriptionId, displayName: 'Keystead' },
  resourceGroup: {
    id: groupId,
    name: 'rg',
    location: 'westeurope',
    type: 'Microsoft.Resources/resourceGroups',
    tags: {},
  },
  mode: 'Incremental',
  startedAt: Date.UTC(2026, 0, 31, 12, 30, 15),
  caller: { objectId: '11111111-1111-1111-1111-111111111111', tenantId: 'b1c0f1de-2f77-4b39-9d2b-0c7c8f1a5a10' },
}

/** A template of the documented schema with these parts. */
export function template(parts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    resources: [],
    ...parts,
  }
}
