/**
 * "Using a Dapr Secret Store with Azure Key Vault to source credentials for a Dapr State Store". Its author clicks
 * through the portal, and says that az does the same: so each step here is the command for what is clicked.
 */
import { BlobServiceClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { TestCloud } from '../../support/cloud.ts'
import { all, Provisioner } from '../../support/provisioner.ts'
import { answerOf, asking, componentFiles, filled, runApp } from '../seed.ts'

const secretStore = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: secretstore
spec:
  type: secretstores.azure.keyvault
  version: v1
  metadata:
  - name: vaultName
    value: [vault]
  - name: azureEnvironment
    value: AZUREPUBLICCLOUD
`

const stateStore = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.azure.blobstorage
  version: v1
  metadata:
  - name: accountName
    secretKeyRef: {name: storage-account-name, key: storage-account-name}
  - name: accountKey
    secretKeyRef: {name: storage-account-key, key: storage-account-key}
  - name: containerName
    secretKeyRef: {name: storage-account-container, key: storage-account-container}
auth:
  secretStore: secretstore
`

const secrets = `
az keyvault secret set --vault-name "$VAULT" --name storage-account-name --value blogstate --output none
az keyvault secret set --vault-name "$VAULT" --name storage-account-container --value orders --output none
az keyvault secret set --vault-name "$VAULT" --name storage-account-key --output none \\
  --value "$(az storage account keys list --account-name blogstate --query "[0].value" --output tsv)"
`

let cloud: TestCloud
let owner: Provisioner
let az: Az

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  az = await Az.asOwner(cloud)
  await az.succeed(`
    az storage account create --name blogstate --resource-group rg --sku Standard_LRS --output none
    az storage container create --name orders --account-name blogstate --output none \
      --account-key "$(az storage account keys list --account-name blogstate --query "[0].value" --output tsv)"`)
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

/** The app saves one state through its sidecar: what it is answered, and what the two of them printed. */
async function save(vault: string, appId: string, key: string) {
  const resources = await componentFiles(az, {
    'secretstore.yaml': filled(secretStore, { vault }),
    'statestore.yaml': stateStore,
  })
  const ask = asking('/v1.0/state/statestore', [{ key, value: { of: appId } }])
  return await runApp(cloud, { appId, identity: 'system', resources }, ...ask)
}

async function blobNames(): Promise<string[]> {
  const connection = await az.text(
    'az storage account show-connection-string --name blogstate --query connectionString --output tsv',
  )
  const container = BlobServiceClient.fromConnectionString(connection).getContainerClient('orders')
  return (await all(container.listBlobsFlat())).map(({ name }) => name)
}

const principalOf = (appId: string) => az.text(`az ad sp list --display-name ${appId} --query "[0].id" --output tsv`)

describe('on a vault that decides by roles', () => {
  test('the state is saved once the identity holds Key Vault Secrets User at the vault', async () => {
    await az.succeed(`
      az keyvault create --name kv-blog-roles --resource-group rg --output none
      az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" --output none \
        --scope "$(az keyvault show --name kv-blog-roles --query id --output tsv)"`)
    await az.succeed(secrets, { VAULT: 'kv-blog-roles' })
    const refused = await save('kv-blog-roles', 'blog-roles', 'refused')
    expect(refused.stdout + refused.stderr).toContain("Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'")
    expect(refused.stdout).not.toContain('{"status":204')
    await az.succeed(
      'az role assignment create --role "Key Vault Secrets User" --assignee "$principal" --scope "$(az keyvault show --name kv-blog-roles --query id --output tsv)"',
      { principal: await principalOf('blog-roles') },
    )
    expect(answerOf(await save('kv-blog-roles', 'blog-roles', 'by-role'))).toEqual({ status: 204, body: '' })
    expect(await blobNames()).toContain('by-role')
    expect(await blobNames()).not.toContain('refused')
  })
})

describe('on a vault with access policies', () => {
  test('the role is not enough: the log has the seed’s 403 until the identity has the Get permission', async () => {
    await az.succeed('az keyvault create --name kv-blog -g rg --enable-rbac-authorization false --output none')
    await az.succeed(secrets, { VAULT: 'kv-blog' })
    const first = await save('kv-blog', 'blog-policies', 'refused')
    expect(first.stdout).not.toContain('{"status":204')
    const principal = await principalOf('blog-policies')
    await az.succeed(
      'az role assignment create --role "Key Vault Secrets User" --assignee "$principal" --scope "$(az keyvault show --name kv-blog --query id --output tsv)"',
      { principal },
    )
    const refused = await save('kv-blog', 'blog-policies', 'refused')
    const printed = refused.stdout + refused.stderr
    expect(printed).toContain('Error getting secret: GET https://kv-blog.vault.azure.net/secrets/storage-account-key/')
    expect(printed).toContain('RESPONSE 403: 403 Forbidden\\nERROR CODE: Forbidden\\n')
    expect(printed).toContain(
      `oid=${principal};iss=https://sts.windows.net/${owner.tenantId}/' does not have secrets get permission on key vault 'kv-blog;location=westeurope'`,
    )
    await az.succeed(
      'az keyvault set-policy --name kv-blog --object-id "$principal" --secret-permissions get -o none',
      {
        principal,
      },
    )
    expect(answerOf(await save('kv-blog', 'blog-policies', 'by-policy'))).toEqual({ status: 204, body: '' })
    expect(await blobNames()).toContain('by-policy')
  })
})
