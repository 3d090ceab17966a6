/** "Container Apps Secrets and Managed Identity" on the platform: a secret in a variable, stale until a restart, and an identity's role on one queue. */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { TestCloud } from '../../support/cloud.ts'
import { addImage, consoleLines, patience, restartLatest } from '../container-app.ts'
import { node } from '../seed.ts'
import { assignRole } from './commands.ts'

const createReader = `
az containerapp create \\
  --resource-group "my-resource-group" \\
  --name queuereader \\
  --environment "my-environment-name" \\
  --image demos/queuereader:v1 \\
--secrets "queue-connection-string=$CONNECTION_STRING"
`

/** As written, but for the name where the test says so. */
const createApp = `
az containerapp create \\
  --resource-group "my-resource-group" \\
  --name myQueueApp \\
  --environment "my-environment-name" \\
  --image demos/myQueueApp:v1 \\
 --secrets "queue-connection-string=$CONNECTIONSTRING" \\
 --env-vars "QueueName=myqueue" "ConnectionString=secretref:queue-connection-string"
`

const assignIdentity = `
  az containerapp identity assign \\
  --name "myQueueApp" \\
  --resource-group "my-resource-group" \\
  --system-assigned
`

const showIdentity = `
  az containerapp identity show \\
  --name "myQueueApp" \\
  --resource-group "my-resource-group"
`

const lowerCase = (command: string): string => command.replaceAll('myQueueApp', 'myqueueapp')
const directory = dirname(fileURLToPath(import.meta.url))

let cloud: TestCloud
let az: Az

const connectionString = () =>
  az.text(
    'az storage account show-connection-string --name myqueueaccount --resource-group "$RG" --query connectionString --output tsv',
  )
const lines = () => consoleLines(az, 'myqueueapp')
const restart = () => restartLatest(az, 'myqueueapp')

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  Object.assign(az.environment, { RG: 'my-resource-group' })
  for (const image of ['demos/queuereader:v1', 'demos/myqueueapp:v1']) {
    await addImage(cloud, image, directory, `exec "${node}" app.js`)
  }
  await az.succeed(`
    az group create --name "$RG" --location westeurope --output none
    az storage account create --name myqueueaccount --resource-group "$RG" --sku Standard_LRS --output none
    az containerapp env create --name my-environment-name --resource-group "$RG" --logs-destination none --output none`)
  await az.succeed('az storage queue create --name myqueue --connection-string "$CONNECTION" --output none', {
    CONNECTION: await connectionString(),
  })
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

test('a secret is stored with the app, and no show or list gives its value', async () => {
  const CONNECTION_STRING = await connectionString()
  const { stdout } = await az.succeed(createReader, { CONNECTION_STRING })
  expect(JSON.parse(stdout)).toMatchObject({
    properties: { configuration: { secrets: [{ name: 'queue-connection-string' }] } },
  })
  expect(stdout).not.toContain('AccountKey')
})

test('the app’s name may not have capitals; in lower case its variable holds the secret, and a changed one only after a restart', async () => {
  const CONNECTIONSTRING = await connectionString()
  expect((await az.refused(createApp, { CONNECTIONSTRING })).message).toContain('ContainerAppInvalidName')
  await az.succeed(lowerCase(createApp), { CONNECTIONSTRING })
  await expect.poll(lines, patience).toContain('by connection string: sent')

  await az.succeed('az storage account keys renew --account-name myqueueaccount --key primary --output none')
  await expect.poll(lines, patience).toContain('by connection string: 403 AuthenticationFailed')
  const before = await az.text(
    'az containerapp revision list --name myqueueapp -g "$RG" --query "[].name" --output tsv',
  )
  await az.succeed(
    'az containerapp secret set --name myqueueapp --resource-group "$RG" --secrets "queue-connection-string=$NEW" --output none',
    { NEW: await connectionString() },
  )
  expect(await az.text('az containerapp revision list --name myqueueapp -g "$RG" --query "[].name" --output tsv')).toBe(
    before,
  )
  // The same replica still runs with the value of its start: what it printed last is the refusal.
  expect((await lines()).trim().split('by connection string: ').at(-1)).toMatch(/^403/)
  await restart()
  await expect.poll(lines, patience).toMatch(/by connection string: sent/)
})

test('its identity sends once it has the role on the queue', async () => {
  const { principalId } = await az.json<{ principalId: string }>(lowerCase(assignIdentity))
  expect(await az.json(lowerCase(showIdentity))).toMatchObject({ type: 'SystemAssigned', principalId })
  await restart()
  await expect.poll(lines, patience).toContain('by identity: 403 AuthorizationPermissionMismatch')
  await az.succeed(assignRole, { PRINCIPAL_ID: principalId })
  await expect.poll(lines, patience).toContain('by identity: sent')
})
