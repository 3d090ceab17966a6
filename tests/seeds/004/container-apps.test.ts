/** "Key Vault Secrets Management (Managed Identity)" on the platform: every command as written, and the refusal before the role. */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { TestCloud } from '../../support/cloud.ts'
import { python } from '../../support/python.ts'
import { addImage, consoleLines, restartLatest } from '../container-app.ts'
import { grant, setSecret } from './commands.ts'

const identity = `
az containerapp identity assign \\
--name "$APP_NAME" \\
--resource-group "$RG" \\
--system-assigned
`

const principal = `
export PRINCIPAL_ID=$(az containerapp show \\
--name "$APP_NAME" \\
--resource-group "$RG" \\
--query "identity.principalId" \\
--output tsv)
`

const setVariable = `
az containerapp update \\
--name "$APP_NAME" \\
--resource-group "$RG" \\
--set-env-vars KEY_VAULT_URL="https://$KEY_VAULT_NAME.vault.azure.net/"
`

const directory = dirname(fileURLToPath(import.meta.url))

let cloud: TestCloud
let az: Az

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  Object.assign(az.environment, { APP_NAME: 'recipes', RG: 'rg', KEY_VAULT_NAME: 'kv-recipes' })
  // The app is the recipe's code; it stays up once it has read the secret, and is started again when it has not.
  const command = `"${python()}" app.py && exec sleep 86400`
  await addImage(cloud, 'demos/recipes:v1', directory, command)
  // The recipe's prerequisites: a container app, and a vault with RBAC authorization enabled.
  await az.succeed(`
    az group create --name "$RG" --location westeurope --output none
    az keyvault create --name "$KEY_VAULT_NAME" --resource-group "$RG" --output none
    az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" --output none \
      --scope "$(az keyvault show --name "$KEY_VAULT_NAME" --query id --output tsv)"
    az containerapp env create --name recipes-env --resource-group "$RG" --logs-destination none --output none
    az containerapp create --name "$APP_NAME" --resource-group "$RG" --environment recipes-env \
      --image demos/recipes:v1 --output none`)
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

test('steps 1 to 4: refused without the role, and the secret is in the log once the role is assigned', async () => {
  expect(await az.json(identity)).toMatchObject({ type: 'SystemAssigned', principalId: expect.any(String) })
  await az.succeed(setSecret)
  await az.succeed(setVariable)
  await expect
    .poll(() => consoleLines(az, 'recipes'), { timeout: 60_000, interval: 250 })
    .toContain('(Forbidden) Caller is not authorized to perform action on resource.')
  expect(await consoleLines(az, 'recipes')).not.toContain('example.internal')

  expect(await az.json(`${principal}\n${grant}`)).toMatchObject({ principalType: 'ServicePrincipal' })
  await restartLatest(az, 'recipes')
  await expect
    .poll(() => consoleLines(az, 'recipes'), { timeout: 60_000, interval: 250 })
    .toContain('https://example.internal')
})
