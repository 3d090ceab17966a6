/** "Key Vault Secrets Management (Managed Identity)": the app has an identity of its own, the vault decides by roles. */
import { fileURLToPath } from 'node:url'
import { SecretClient } from '@azure/keyvault-secrets'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { succeed, TestCloud } from '../../support/cloud.ts'
import { all, Provisioner } from '../../support/provisioner.ts'
import { python } from '../../support/python.ts'
import { runApp } from '../seed.ts'
import { grant, setSecret } from './commands.ts'

const verify = `
az keyvault secret show \\
--vault-name "$KEY_VAULT_NAME" \\
--name "api-base-url" \\
--query "{name:name,enabled:attributes.enabled,updated:attributes.updated}"
`

const app = fileURLToPath(new URL('app.py', import.meta.url))

let cloud: TestCloud
let owner: Provisioner
let az: Az

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  az = await Az.asOwner(cloud)
  Object.assign(az.environment, { APP_NAME: 'recipes', RG: 'rg', KEY_VAULT_NAME: 'kv-recipes' })
  // The recipe's prerequisite: a vault with RBAC authorization enabled.
  await az.succeed('az keyvault create --name "$KEY_VAULT_NAME" --resource-group "$RG" --output none')
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

const runRecipe = () =>
  runApp(
    cloud,
    { appId: 'recipes', identity: 'system' },
    ...['env', 'KEY_VAULT_URL=https://kv-recipes.vault.azure.net/', python(), app],
  )

test('who made the vault may not set its secrets until a role says so', async () => {
  expect((await az.refused(setSecret)).message).toContain(
    "Action: 'Microsoft.KeyVault/vaults/secrets/setSecret/action'",
  )
  await az.succeed(
    'az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" --scope "$(az keyvault show --name "$KEY_VAULT_NAME" --query id --output tsv)"',
  )
  expect(await az.json(setSecret)).toMatchObject({ name: 'api-base-url', value: 'https://example.internal' })
  const client = new SecretClient('https://kv-recipes.vault.azure.net', owner.credential)
  expect((await client.getSecret('api-base-url')).value).toBe('https://example.internal')
})

test("the recipe's Python code is refused, reads once the role is assigned, and is refused when it is gone", async () => {
  const refused = await runRecipe()
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('(Forbidden) Caller is not authorized to perform action on resource.')
  expect(refused.stdout).not.toContain('example.internal')

  const principalId = await az.text('az ad sp list --display-name "$APP_NAME" --query "[0].id" --output tsv')
  const assignment = await az.json<{ name: string }>(grant, { PRINCIPAL_ID: principalId })
  const scope = owner.vaultId('kv-recipes')
  expect(await owner.authorization.roleAssignments.get(scope, assignment.name)).toMatchObject({
    principalId,
    principalType: 'ServicePrincipal',
    scope,
    roleDefinitionId: await owner.role('Key Vault Secrets User'),
  })
  const { stdout } = await succeed(runRecipe())
  expect(stdout.split('\n')).toContain('https://example.internal')

  await az.succeed('az role assignment delete --ids "$id"', {
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${assignment.name}`,
  })
  expect((await runRecipe()).code).toBe(1)
  const filter = `principalId eq '${principalId}'`
  expect(await all(owner.authorization.roleAssignments.listForScope(scope, { filter }))).toEqual([])
})

test('its metadata is shown without the value', async () => {
  const { stdout } = await az.succeed(verify)
  expect(JSON.parse(stdout)).toEqual({
    name: 'api-base-url',
    enabled: true,
    updated: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\+00:00$/),
  })
  expect(stdout).not.toContain('example.internal')
})
