import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications } from '../support/applications.ts'
import { root, succeed, TestCloud } from '../support/cloud.ts'
import { grantStateSecrets, type Orders, provisionOrders, runOrdersApp } from '../support/dapr-app.ts'
import { Provisioner } from '../support/provisioner.ts'

const node = join(root, 'node_modules/node/bin/node')
const app = fileURLToPath(new URL('app.js', import.meta.url))

interface Outcome {
  readonly value?: unknown
  /** The number of a gRPC status. */
  readonly code?: number
  readonly message?: string
}

let cloud: TestCloud
let owner: Provisioner
let orders: Orders

beforeAll(async () => {
  cloud = await TestCloud.start()
  const { keeper } = await addApplications(cloud, ['keeper'])
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  orders = await provisionOrders(owner, keeper)
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

async function runApp(protocol: string): Promise<Readonly<Record<string, Outcome>>> {
  const { stdout } = await succeed(
    runOrdersApp(cloud, orders, [node, app, JSON.stringify({ protocol, stateStore: 'statestore' })]),
  )
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Readonly<Record<string, Outcome>>
}

test('without the role the state store has no account name, and the app’s sidecar ends as daprd does', async () => {
  const { code, stdout, stderr } = await runOrdersApp(cloud, orders, [node, app, '{}'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain('Error getting secret: GET https://kv-orders.vault.azure.net/secrets/storage-account-name/')
  expect(stderr).toContain('RESPONSE 403: 403 Forbidden')
  expect(stderr).toMatch(
    /level=fatal msg="Fatal error from runtime: .*missing or empty accountName field from metadata/,
  )
  expect(stderr).not.toContain(orders.accountKey)
})

describe('with roles on three single secrets', () => {
  beforeAll(() => grantStateSecrets(owner, orders))

  // What one and the same refusal is on each wire.
  describe.each([
    { protocol: 'HTTP', absentInBulk: {} },
    { protocol: 'GRPC', absentInBulk: { data: '', etag: '' } },
  ])('the Dapr SDK over $protocol', ({ protocol, absentInBulk }) => {
    const overHttp = protocol === 'HTTP'
    let outcomes: Readonly<Record<string, Outcome>>

    beforeAll(async () => {
      outcomes = await runApp(protocol)
    })

    /** The status and the code of a refusal, or its gRPC status, and its message. */
    function refusal(name: string): { status: number; code?: string; message: string } {
      const { code, message = '' } = outcomes[name] ?? {}
      if (!overHttp) return { status: code ?? 0, message }
      const { status, error_msg } = JSON.parse(message) as { status: number; error_msg: string }
      const body = JSON.parse(error_msg) as { errorCode: string; message: string }
      return { status, code: body.errorCode, message: body.message }
    }

    const refused = (status: number, code: string, grpcStatus: number, message: unknown) => ({
      ...(overHttp ? { status, code } : { status: grpcStatus }),
      message,
    })

    test('saves, gets, and deletes state', () => {
      const order = { item: 'teapot', quantity: 1 }
      expect(outcomes.save).toEqual({ value: {} })
      expect(outcomes.get).toEqual({ value: order })
      expect(outcomes.getBulk).toEqual({
        value: [
          { key: `order-${protocol}`, data: order, etag: expect.stringMatching(/^"0x[0-9A-F]+"$/) },
          { key: 'absent', ...absentInBulk },
        ],
      })
      expect(outcomes.getAbsent).toEqual({ value: '' })
      expect(outcomes.deleteOther).toEqual({ value: '' })
    })

    test('what it saved is a blob that the official storage client reads', async () => {
      const key = new StorageSharedKeyCredential(orders.account, orders.accountKey)
      const container = new BlobServiceClient(
        `https://${orders.account}.blob.core.windows.net`,
        key,
      ).getContainerClient('orders')
      const blob = await container.getBlobClient(`order-${protocol}`).downloadToBuffer()
      expect(JSON.parse(blob.toString())).toEqual({ item: 'teapot', quantity: 1 })
      expect(await container.getBlobClient(`order-${protocol}-passing`).exists()).toBe(false)
    })

    test('a write with an old etag is refused, and changes nothing', () => {
      expect(refusal('saveWithOldEtag')).toEqual(
        refused(
          409,
          'ERR_STATE_SAVE',
          10,
          expect.stringMatching(/^failed saving state in state store statestore: possible etag mismatch\. error from/),
        ),
      )
      expect(outcomes.kept).toEqual(outcomes.get)
    })

    test('a transaction is done by the store that can, and refused by the one that can not', () => {
      expect(outcomes.transaction).toEqual({ value: ['', 'second'] })
      expect(refusal('transactionOnBlobs')).toEqual(
        refused(500, 'ERR_STATE_STORE_NOT_SUPPORTED', 12, "state store statestore doesn't support transactions"),
      )
      expect(refusal('unknownStore')).toEqual(
        refused(400, 'ERR_STATE_STORE_NOT_FOUND', 3, 'state store nowhere is not found'),
      )
    })

    test('the secret that a role covers is read; another one, whether it exists or not, and the list are refused', () => {
      expect(outcomes.allowedSecret).toEqual({ value: { 'storage-account-name': orders.account } })
      for (const [name, key] of [
        ['secret', 'greeting'],
        ['absentSecret', 'absent'],
      ] as const) {
        const { message, ...rest } = refusal(name)
        expect(rest).toEqual(overHttp ? { status: 500, code: 'ERR_SECRET_GET' } : { status: 13 })
        expect(message).toContain(`failed getting secret with key ${key} from secret store secretstore: GET https://`)
        expect(message).toContain('RESPONSE 403: 403 Forbidden')
        expect(message).toContain("Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'")
        expect(message).toContain(`Caller: appid=${orders.identity.clientId};oid=${orders.identity.principalId};`)
        expect(message).toContain(`/vaults/kv-orders/secrets/${key}'`)
      }
      const bulk = refusal('bulk')
      expect(bulk).toMatchObject(overHttp ? { status: 500, code: 'ERR_SECRET_GET' } : { status: 13 })
      expect(bulk.message).toContain("Action: 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'")
    })

    test('local secret stores answer beside it', () => {
      expect(outcomes.localFile).toEqual({ value: { 'db:password': 'from a file' } })
      expect(outcomes.localFileBulk).toEqual({ value: { 'db:password': { 'db:password': 'from a file' } } })
      expect(outcomes.localEnv).toEqual({ value: { APP_SETTING: 'from the environment' } })
      expect(refusal('localAbsent')).toEqual(
        refused(
          500,
          'ERR_SECRET_GET',
          13,
          'failed getting secret with key absent from secret store local: secret absent not found',
        ),
      )
      expect(refusal('unknownSecretStore')).toEqual(
        refused(401, 'ERR_SECRET_STORE_NOT_FOUND', 3, 'failed finding secret store with key nowhere'),
      )
    })

    test('metadata names the app and its components', () => {
      expect(outcomes.metadata).toEqual({
        value: {
          id: 'orders',
          components: [
            'environment secretstores.local.env',
            'local secretstores.local.file',
            'memory state.in-memory',
            'secretstore secretstores.azure.keyvault',
            'statestore state.azure.blobstorage',
          ],
        },
      })
    })
  })
})

test('with the role on the vault all secrets are read, in bulk too, over both protocols', async () => {
  const revoke = await owner.grant(orders.vaultId, 'Key Vault Secrets User', orders.identity.principalId)
  for (const protocol of ['HTTP', 'GRPC']) {
    const outcomes = await runApp(protocol)
    expect(outcomes.secret).toEqual({ value: { greeting: 'hello' } })
    expect(outcomes.bulk).toEqual({
      value: ['greeting', 'storage-account-container', 'storage-account-key', 'storage-account-name'],
    })
    expect(outcomes.absentSecret?.message).toContain('SecretNotFound')
  }
  await revoke()
})
