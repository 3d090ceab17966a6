/** "Container Apps Secrets and Managed Identity": a connection string for a queue, and an identity with a role on one queue. */
import { QueueServiceClient } from '@azure/storage-queue'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { TestCloud } from '../../support/cloud.ts'
import { Provisioner } from '../../support/provisioner.ts'
import { python } from '../../support/python.ts'
import { runApp } from '../seed.ts'
import { assignRole } from './commands.ts'

/** Sends one message as whoever its environment says that it is; prints what came of it. */
const sendMessage = `
import sys
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueClient

client = QueueClient("https://myqueueaccount.queue.core.windows.net", sys.argv[1], credential=DefaultAzureCredential())
try:
    client.send_message("hello")
    print("sent")
except HttpResponseError as error:
    print(error.status_code, error.error_code)
`

let cloud: TestCloud
let az: Az
let connectionString: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  await Provisioner.asOwner(cloud.environment)
  az = await Az.asOwner(cloud)
  await az.succeed(`
    az group create --name my-resource-group --location westeurope --output none
    az storage account create --name myqueueaccount --resource-group my-resource-group --sku Standard_LRS --output none`)
  connectionString = await az.text(
    'az storage account show-connection-string --name myqueueaccount --resource-group my-resource-group --query connectionString --output tsv',
  )
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

const send = async (queue: string) => {
  const { stdout } = await runApp(
    cloud,
    { appId: 'queuereader', identity: 'system' },
    ...[python(), '-c', sendMessage, queue],
  )
  return stdout.trim().split('\n').at(-1)
}

test('the connection string is the credential that the secret of an app would hold', async () => {
  await az.succeed('az storage queue create --name myqueue --connection-string "$CONNECTION_STRING" --output none', {
    CONNECTION_STRING: connectionString,
  })
  await az.succeed('az storage queue create --name others --connection-string "$CONNECTION_STRING" --output none', {
    CONNECTION_STRING: connectionString,
  })
  const names = []
  for await (const { name } of QueueServiceClient.fromConnectionString(connectionString).listQueues()) names.push(name)
  expect(names).toEqual(['myqueue', 'others'])
  await az.succeed('az storage account keys renew --account-name myqueueaccount --key primary --output none')
  const old = await az.refused('az storage queue list --connection-string "$CONNECTION_STRING"', {
    CONNECTION_STRING: connectionString,
  })
  expect(old.message).toContain('Authentication')
})

test('an identity sends to the one queue that its role is at, and only as long as it holds the role', async () => {
  expect(await send('myqueue')).toBe('403 AuthorizationPermissionMismatch')
  const principal = await az.text('az ad sp list --display-name queuereader --query "[0].id" --output tsv')
  const assignment = await az.json<{ id: string }>(assignRole, { PRINCIPAL_ID: principal })
  expect(assignment).toMatchObject({
    principalId: principal,
    scope: expect.stringMatching(/\/storageAccounts\/myqueueaccount\/queueServices\/default\/queues\/myqueue$/),
  })
  expect(await send('myqueue')).toBe('sent')
  expect(await send('others')).toBe('403 AuthorizationPermissionMismatch')
  await az.succeed('az role assignment delete --ids "$id"', { id: assignment.id })
  expect(await send('myqueue')).toBe('403 AuthorizationPermissionMismatch')
})
