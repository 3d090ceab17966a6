/**
 * "Using a Dapr Secret Store with Azure Key Vault to source credentials for a Dapr State Store", on the platform: the
 * app's sidecar, the components of its environment, the log queries, and each of the troubles that the seed names.
 */
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { succeed, TestCloud } from '../../support/cloud.ts'
import { quietPort } from '../../support/ports.ts'
import { addImage, consoleLines, patience, restartLatest } from '../container-app.ts'
import { node } from '../seed.ts'

const app = 'blog-dapr-secret-store-state'

const secretStore = `
componentType: secretstores.azure.keyvault
version: v1
metadata:
- name: vaultName
  secretRef: vault-name
- name: azureEnvironment
  value: AZUREPUBLICCLOUD
secrets:
- name: vault-name
  value: kv-blog-apps
scopes:
- ${app}
`

const stateStore = `
componentType: state.azure.blobstorage
version: v1
secretStoreComponent: secretstore
metadata:
- name: accountName
  secretRef: storage-account-name
- name: accountKey
  secretRef: storage-account-key
- name: containerName
  secretRef: storage-account-container
scopes:
- ${app}
`

const componentsQuery = `
ContainerAppConsoleLogs_CL
| where ContainerAppName_s == "blog-dapr-secret-store-state"
| where Log_s contains "msg=\\"component loaded. name:"
| project time_t, Log_s, ContainerAppName_s
`

const errorsQuery = `
ContainerAppConsoleLogs_CL
| where Log_s contains "level=err"
| project Log_s
`

const directory = dirname(fileURLToPath(import.meta.url))

let cloud: TestCloud
let az: Az

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  Object.assign(az.environment, { APP: app, RG: 'rg' })
  const command = `exec "${node}" app.js`
  await addImage(cloud, 'demos/blog:v1', directory, command)
  await writeFile(join(az.home, 'secretstore.yaml'), secretStore)
  await writeFile(join(az.home, 'statestore.yaml'), stateStore)
  await az.succeed(`
    az group create --name "$RG" --location westeurope --output none
    az monitor log-analytics workspace create --resource-group "$RG" --workspace-name blog-logs --output none
    az keyvault create --name kv-blog-apps --resource-group "$RG" --output none
    az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" --output none \
      --scope "$(az keyvault show --name kv-blog-apps --query id --output tsv)"
    az storage account create --name blogappstate --resource-group "$RG" --sku Standard_LRS --output none
    key="$(az storage account keys list --account-name blogappstate --query "[0].value" --output tsv)"
    az storage container create --name orders --account-name blogappstate --account-key "$key" --output none
    az keyvault secret set --vault-name kv-blog-apps --name storage-account-name --value blogappstate --output none
    az keyvault secret set --vault-name kv-blog-apps --name storage-account-container --value orders --output none
    az keyvault secret set --vault-name kv-blog-apps --name storage-account-key --value "$key" --output none
    az containerapp env create --name blog-env --resource-group "$RG" --output none \
      --logs-workspace-id "$(az monitor log-analytics workspace show -g "$RG" -n blog-logs --query customerId -o tsv)" \
      --logs-workspace-key "$(az monitor log-analytics workspace get-shared-keys -g "$RG" -n blog-logs --query primarySharedKey -o tsv)"
    az containerapp create --name "$APP" --resource-group "$RG" --environment blog-env --image demos/blog:v1 \
      --env-vars "UNUSED_PORT=${await quietPort()}" --output none`)
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

const query = async (text: string): Promise<string> =>
  (await succeed(cloud.keystead('logs', '--query', text, '--output', 'json'))).stdout

const restart = () => restartLatest(az, app)

test('without Dapr the app’s call is refused: ECONNREFUSED', async () => {
  await expect.poll(() => consoleLines(az, app), patience).toContain('failed: ECONNREFUSED')
})

test('with Dapr and no component the state store is not there', async () => {
  await az.succeed(
    'az containerapp dapr enable --name "$APP" --resource-group "$RG" --dapr-app-id "$APP" --output none',
  )
  await expect
    .poll(() => consoleLines(az, app), patience)
    .toMatch(/saved \S+ (400|500) .*ERR_STATE_STORE_NOT_(CONFIGURED|FOUND)/)
})

test('a component that may not read its secret fails the revision, with the sidecar’s 403 in the log', async () => {
  await az.succeed(`
    az containerapp identity assign --name "$APP" --resource-group "$RG" --system-assigned --output none
    az containerapp env dapr-component set --name blog-env --resource-group "$RG" --dapr-component-name secretstore --yaml secretstore.yaml --output none
    az containerapp env dapr-component set --name blog-env --resource-group "$RG" --dapr-component-name statestore --yaml statestore.yaml --output none`)
  await restart()
  await expect.poll(() => query(errorsQuery), patience).toContain('RESPONSE 403: 403 Forbidden')
})

test('with the role the components load, the state is saved, and the seed’s query shows both', async () => {
  await az.succeed(`
    az role assignment create --role "Key Vault Secrets User" --assignee-principal-type ServicePrincipal --output none \
      --assignee-object-id "$(az containerapp show --name "$APP" --resource-group "$RG" --query identity.principalId --output tsv)" \
      --scope "$(az keyvault show --name kv-blog-apps --query id --output tsv)"`)
  await restart()
  await expect.poll(() => consoleLines(az, app), patience).toMatch(/saved \S+ 204/)
  await expect
    .poll(() => query(componentsQuery), patience)
    .toContain('name: statestore, type: state.azure.blobstorage/v1')
  expect(await query(componentsQuery)).toContain('name: secretstore, type: secretstores.azure.keyvault/v1')
  const blobs = await az.text(
    'az storage blob list --container-name orders --account-name blogappstate --account-key "$(az storage account keys list --account-name blogappstate --query "[0].value" --output tsv)" --query "[].name" --output tsv',
  )
  expect(blobs).toMatch(new RegExp(`^${app}\\|\\|[0-9a-f-]{36}$|^[0-9a-f-]{36}$`, 'm'))
})
