import { describe, expect, test } from 'vitest'
import { decideByAccessPolicy } from './access-policy.ts'
import type { Decision } from './decision.ts'
import { leastRole } from './least-role.ts'
import { mendingCommand, refusalHint } from './mending.ts'

const kv = 'Microsoft.KeyVault/vaults'
const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers'
const queues = 'Microsoft.Storage/storageAccounts/queueServices/queues'

describe('the built-in role that grants the least', () => {
  test.each([
    [`${kv}/secrets/getSecret/action`, 'data', 'Key Vault Secrets User'],
    [`${kv}/secrets/readMetadata/action`, 'data', 'Key Vault Secrets User'],
    [`${kv}/secrets/setSecret/action`, 'data', 'Key Vault Secrets Officer'],
    [`${kv}/read`, 'control', 'Reader'],
    [`${kv}/write`, 'control', 'Key Vault Contributor'],
    [`${blobs}/blobs/read`, 'data', 'Storage Blob Data Reader'],
    [`${blobs}/blobs/write`, 'data', 'Storage Blob Data Contributor'],
    [`${blobs}/write`, 'control', 'Storage Blob Data Contributor'],
    [`${queues}/messages/add/action`, 'data', 'Storage Queue Data Message Sender'],
    [`${queues}/messages/process/action`, 'data', 'Storage Queue Data Message Processor'],
    ['Microsoft.Storage/storageAccounts/listKeys/action', 'control', 'Storage Account Contributor'],
    ['Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', 'control', 'Managed Identity Operator'],
    ['Microsoft.Resources/subscriptions/resourceGroups/write', 'control', 'Contributor'],
    ['Microsoft.Authorization/roleAssignments/write', 'control', 'Role Based Access Control Administrator'],
    ['Microsoft.Authorization/locks/write', 'control', 'User Access Administrator'],
    ['Microsoft.Nobody/things/read/action', 'data', undefined],
  ] as const)('%s (%s): %s', (action, plane, roleName) => {
    expect(leastRole(action, plane)?.roleName).toBe(roleName)
  })
})

const principal = { tenantId: 't', objectId: 'o', groupIds: [] }
const refused = (action: string, plane: 'control' | 'data'): Decision => ({
  allowed: false,
  reason: 'noRoleAssignment',
  by: 'role',
  principal,
  action,
  plane,
  scope: '/subscriptions/s/resourceGroups/it is',
})

describe('the command that mends a refusal', () => {
  test('is quoted for a shell, and names the type of a principal that is known', () => {
    const decision = refused(`${kv}/read`, 'control')
    expect(mendingCommand(decision, { principalType: 'User' })).toBe(
      "az role assignment create --role Reader --assignee-object-id o --assignee-principal-type User --scope '/subscriptions/s/resourceGroups/it is'",
    )
    expect(mendingCommand(decision, { scope: '/x' })).toBe(
      'az role assignment create --role Reader --assignee o --scope /x',
    )
  })

  test('of an access policy names again what is held, since az replaces the list', () => {
    const request = {
      by: 'accessPolicy',
      principal,
      scope: '/s/providers/Microsoft.KeyVault/vaults/kv/secrets/a',
    } as const
    const policies = [
      { tenantId: 't', objectId: 'O', secrets: ['list', 'set'] },
      { tenantId: 't', objectId: 'group', secrets: ['backup'] },
    ]
    const decision = decideByAccessPolicy({
      ...request,
      principal: { ...principal, groupIds: ['group'] },
      permission: 'get',
      policies,
    })
    expect(mendingCommand(decision)).toBe(
      'az keyvault set-policy --name kv --object-id o --secret-permissions list set get',
    )
    const none = decideByAccessPolicy({ ...request, permission: 'get', policies: [] })
    expect(mendingCommand(none)).toBe('az keyvault set-policy --name kv --object-id o --secret-permissions get')
  })

  test('is none for what was allowed, and for what no built-in role grants', () => {
    expect(mendingCommand({ ...refused(`${kv}/read`, 'control'), allowed: true })).toBeUndefined()
    const decision = refused('Microsoft.Nobody/things/read/action', 'data')
    expect(mendingCommand(decision)).toBeUndefined()
    expect(refusalHint(decision)).toMatch(/No built-in role grants it: make one with `az role definition create`\.$/)
  })

  test('stands in the log behind the reason', () => {
    expect(refusalHint(refused(`${kv}/read`, 'control'))).toBe(
      "o may not Microsoft.KeyVault/vaults/read on /subscriptions/s/resourceGroups/it is: no role assigned at this scope or above it grants this action. To allow it: az role assignment create --role Reader --assignee o --scope '/subscriptions/s/resourceGroups/it is'",
    )
  })
})
