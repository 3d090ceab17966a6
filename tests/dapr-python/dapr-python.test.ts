import { fileURLToPath } from 'node:url'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications } from '../support/applications.ts'
import { succeed, TestCloud } from '../support/cloud.ts'
import { grantStateSecrets, type Orders, provisionOrders, runOrdersApp } from '../support/dapr-app.ts'
import { Provisioner } from '../support/provisioner.ts'
import { python } from '../support/python.ts'

const app = fileURLToPath(new URL('app.py', import.meta.url))

let cloud: TestCloud
let owner: Provisioner
let orders: Orders

beforeAll(async () => {
  cloud = await TestCloud.start()
  const { keeper } = await addApplications(cloud, ['keeper'])
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  orders = await provisionOrders(owner, keeper)
  await grantStateSecrets(owner, orders)
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

async function runApp(): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await succeed(runOrdersApp(cloud, orders, [python(), app]))
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Readonly<Record<string, unknown>>
}

describe('the Dapr SDK for Python, with roles on three single secrets', () => {
  let outcomes: Readonly<Record<string, unknown>>
  beforeAll(async () => {
    outcomes = await runApp()
  })

  test('saves, gets and deletes state, and replaces it by its etag', () => {
    expect(outcomes).toMatchObject({
      save: { value: true },
      get: { value: { item: 'teapot' } },
      getAbsent: { value: '' },
      saveWithOldEtag: {
        status: 'ABORTED',
        reason: 'ERR_STATE_SAVE',
        message: expect.stringMatching(/^failed saving state in state store statestore: possible etag mismatch\./),
      },
      kept: { value: { item: 'teapot' } },
      saveWithEtag: { value: null },
      changed: { value: { item: 'cup' } },
      bulkState: { value: { 'order-1': 'one', 'order-2': 'two', absent: '' } },
      delete: { value: '' },
    })
  })

  test('what it saved is a blob that the official storage client reads', async () => {
    const key = new StorageSharedKeyCredential(orders.account, orders.accountKey)
    const service = new BlobServiceClient(`https://${orders.account}.blob.core.windows.net`, key)
    const blob = await service.getContainerClient('orders').getBlobClient('order-python').downloadToBuffer()
    expect(JSON.parse(blob.toString())).toEqual({ item: 'cup' })
  })

  test('a transaction is done by the store that can, and refused by the one that can not', () => {
    expect(outcomes).toMatchObject({
      transaction: { value: ['', 'second'] },
      transactionOnBlobs: {
        status: 'UNIMPLEMENTED',
        reason: 'DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED',
        message: "state store statestore doesn't support transactions",
      },
      unknownStore: {
        status: 'INVALID_ARGUMENT',
        reason: 'DAPR_STATE_NOT_FOUND',
        message: 'state store nowhere is not found',
      },
    })
  })

  test('the secret that a role covers is read; another one, whether it exists or not, and the list are refused', () => {
    const refused = (...said: string[]) => ({
      status: 'INTERNAL',
      message: expect.stringMatching(
        new RegExp(['^failed getting secrets?', 'RESPONSE 403: 403 Forbidden', ...said].join('[^]*')),
      ),
    })
    const caller = `Caller: appid=${orders.identity.clientId};oid=${orders.identity.principalId};`
    expect(outcomes).toMatchObject({
      allowedSecret: { value: { 'storage-account-name': orders.account } },
      secret: refused(caller, 'secrets/getSecret/action', '/secrets/greeting'),
      absentSecret: refused(caller, 'secrets/getSecret/action', '/secrets/absent'),
      bulk: refused(caller, 'secrets/readMetadata/action'),
    })
  })

  test('local secret stores answer beside it, and metadata names the app', () => {
    expect(outcomes).toMatchObject({
      localFile: { value: { 'db:password': 'from a file' } },
      localAbsent: {
        status: 'INTERNAL',
        message: 'failed getting secret with key absent from secret store local: secret absent not found',
      },
      unknownSecretStore: {
        status: 'INVALID_ARGUMENT',
        message: 'failed finding secret store with key nowhere',
      },
      metadata: { value: 'orders' },
    })
  })
})

test('with the role on the vault all its secrets are read, in bulk too', async () => {
  const revoke = await owner.grant(orders.vaultId, 'Key Vault Secrets User', orders.identity.principalId)
  expect(await runApp()).toMatchObject({
    secret: { value: { greeting: 'hello' } },
    bulk: { value: ['greeting', 'storage-account-container', 'storage-account-key', 'storage-account-name'] },
    absentSecret: { status: 'INTERNAL', message: expect.stringContaining('SecretNotFound') },
  })
  await revoke()
})
