import { createConnection } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications } from '../support/applications.ts'
import { keysteadCommand, root, succeed, TestCloud } from '../support/cloud.ts'
import { grantStateSecrets, type Orders, provisionOrders } from '../support/dapr-app.ts'
import { Gateway, head, type RawRequest } from '../support/gateway.ts'
import { pidOf, restarted, statusOf } from '../support/processes.ts'
import { Provisioner } from '../support/provisioner.ts'
import { Started } from '../support/started.ts'

let cloud: TestCloud
let gateway: Gateway
let owner: Provisioner
let orders: Orders
const tokens = new Map<string, string>()

beforeAll(async () => {
  cloud = await TestCloud.start()
  const { keeper } = await addApplications(cloud, ['keeper'])
  await cloud.connect()
  gateway = await Gateway.of(cloud.environment)
  owner = await Provisioner.asOwner(cloud.environment)
  orders = await provisionOrders(owner, keeper)
  for (const resource of ['https://vault.azure.net', 'https://management.azure.com', 'https://graph.microsoft.com']) {
    tokens.set(resource, await gateway.ownerToken(resource))
  }
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

const bearer = (resource: string) => ({ authorization: `Bearer ${tokens.get(resource)}` })
const json = { 'content-type': 'application/json' }

/** A place in each service's address where a caller may put any name. */
const services: Readonly<Record<string, (name: string) => RawRequest>> = {
  'Key Vault': (name) => ({
    host: 'kv-orders.vault.azure.net',
    path: `/secrets/${name}?api-version=7.5`,
    headers: bearer('https://vault.azure.net'),
  }),
  'Resource Manager, a group': (name) => ({
    host: 'management.azure.com',
    path: `/subscriptions/${owner.subscriptionId}/resourcegroups/${name}?api-version=2021-04-01`,
    headers: bearer('https://management.azure.com'),
  }),
  'Resource Manager, a resource': (name) => ({
    host: 'management.azure.com',
    path: `${owner.group}/providers/Microsoft.KeyVault/vaults/${name}?api-version=2023-07-01`,
    headers: bearer('https://management.azure.com'),
  }),
  'Microsoft Graph': (name) => ({
    host: 'graph.microsoft.com',
    path: `/v1.0/users/${name}`,
    headers: bearer('https://graph.microsoft.com'),
  }),
  'the token service': (name) => ({
    host: 'login.microsoftonline.com',
    method: 'POST',
    path: `/${name}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  }),
  'Blob Storage': (name) => ({
    host: 'storders.blob.core.windows.net',
    path: `/orders/${name}`,
    headers: { 'x-ms-version': '2021-12-02' },
  }),
  'Queue Storage': (name) => ({
    host: 'storders.queue.core.windows.net',
    path: `/${name}/messages`,
    headers: { 'x-ms-version': '2021-12-02' },
  }),
  "Keystead's own API": (name) => ({
    host: 'control.keystead.localhost',
    method: 'PUT',
    path: `/replicas/${name}`,
    headers: { ...bearer('https://management.azure.com'), ...json },
    body: '{"identities":[]}',
  }),
}

const names: Readonly<Record<string, string>> = {
  'a path upwards': '../..',
  'an encoded path upwards': '%2e%2e%2f%2e%2e',
  'an encoded slash': 'a%2Fb',
  'a NUL': 'a%00b',
  'an emoji': encodeURIComponent('😀🔑'),
  'bytes that are no UTF-8': '%ff%fe',
  'a broken escape': '%zz',
  'a lone per cent': '%',
  '10,000 characters': 'a'.repeat(10_000),
  'a header inside': 'a%0d%0ax-injected:%201',
}

describe.each(Object.entries(services))('%s', (_, request) => {
  test.each(Object.entries(names))('refuses %s as a name, in its own form', async (_, name) => {
    const { status, headers, text } = await gateway.send(request(name))
    // 501: the address is one of the service that is not served.
    expect(status === 501 || (status >= 400 && status < 500), `${status} ${text}`).toBe(true)
    expect(text, 'no inside of ours').not.toMatch(/\bat .+\.(js|ts):\d|node:internal|SqliteError/)
    expect(headers['x-injected']).toBeUndefined()
    if (text !== '') expect(text).toMatch(/^\s*(\{"error"|\{"odata.error"|<\?xml|\{"code"|<!doctype html>)/i)
  })

  test('outlives clients that hang up at every point of a request', async () => {
    const whole = { method: 'POST', ...request('half'), body: '{"value":"cut short"}' }
    const text = head(whole) + whole.body
    for (const length of [0, 1, 10, text.indexOf('\r\n') + 1, text.indexOf('\r\n\r\n') + 3, text.length - 5]) {
      const socket = await gateway.open(whole.host)
      await new Promise<void>((resolve) => socket.write(text.slice(0, length), () => resolve()))
      socket.destroy()
    }
    expect((await gateway.send(request('afterwards'))).status).toBeLessThan(500)
  })
})

test('the gateway outlives what is no TLS, no HTTP, and half of either', async () => {
  const tlsHello = Buffer.from('16030100c8010000c40303', 'hex')
  const vault = 'CONNECT kv-orders.vault.azure.net:443 HTTP/1.1\r\n'
  for (const bytes of ['', '\0', 'GARBAGE\r\n\r\n', vault, `${vault}\r\n`, `${vault}\r\n\x16\x03\x01`, tlsHello]) {
    const socket = createConnection(gateway.port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
    socket.destroy()
  }
  expect((await gateway.send(services['Key Vault']?.('afterwards') as RawRequest)).status).toBe(403)
})

test('a host name of 10,000 characters, or with what no name has, is refused', async () => {
  for (const host of [`${'a'.repeat(10_000)}.vault.azure.net`, '..vault.azure.net', 'a b.vault.azure.net', '😀']) {
    const socket = createConnection(gateway.port, '127.0.0.1')
    const answer = await new Promise<string>((resolve, reject) => {
      socket.once('error', reject).once('data', (bytes) => resolve(bytes.toString()))
      socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nhost: ${host}:443\r\n\r\n`)
    })
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
  }
})

test('Azurite killed under load is started again, and the official client goes on', async () => {
  const credential = new StorageSharedKeyCredential(orders.account, orders.accountKey)
  const service = new BlobServiceClient(`https://${orders.account}.blob.core.windows.net`, credential, {
    retryOptions: { retryDelayInMs: 200, maxTries: 8 },
  })
  const container = service.getContainerClient('load')
  await container.createIfNotExists()
  const before = pidOf(await statusOf(cloud.dataDirectory), 'azurite')
  let started = 0
  let killed = Promise.resolve(0)
  const put = async (name: string) => {
    started += 1
    if (started === 20) {
      process.kill(before, 'SIGKILL')
      killed = restarted(cloud.dataDirectory, 'azurite', before)
    }
    await container.getBlockBlobClient(name).upload(name, name.length)
  }
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, async (_, writer) => {
      for (let index = 0; index < 10; index += 1) await put(`blob-${writer}-${index}`)
    }),
  )
  await killed
  // What was acknowledged in the seconds before may be gone with its container: docs/status.md says so. Nobody hangs,
  // and whoever is refused is told by the service.
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ statusCode: expect.any(Number) })
  }
  await container.createIfNotExists()
  await container.getBlockBlobClient('after').upload('after', 5)
  expect((await container.getBlobClient('after').downloadToBuffer()).toString()).toBe('after')
})

describe('a sidecar whose Key Vault', () => {
  let app: Started
  let port: string

  beforeAll(async () => {
    await grantStateSecrets(owner, orders)
    const node = `${root}/node_modules/node/bin/node`
    app = new Started(
      keysteadCommand,
      [
        ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'orders', '--identity', orders.identity.id],
        ...['--resources-path', `${root}/examples/orders/components`],
        ...['--', node, '-e', 'console.log("sidecar at " + process.env.DAPR_HTTP_PORT); setInterval(() => {}, 1000)'],
      ],
      { env: { ...process.env, ORDERS_IDENTITY_CLIENT_ID: orders.identity.clientId } },
    )
    port = (await app.until(/sidecar at (\d+)/))[1] ?? ''
  })
  afterAll(async () => {
    app?.kill('SIGTERM')
    await app?.ended
  })

  const secret = async (name = 'storage-account-name'): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`http://127.0.0.1:${port}/v1.0/secrets/secretstore/${name}`)
    return { status: answer.status, text: await answer.text() }
  }
  const allowed = { status: 200, text: '{"storage-account-name":"storders"}\n' }
  const healthy = async () => (await fetch(`http://127.0.0.1:${port}/v1.0/healthz`)).status === 204

  test('is slow waits for it', async () => {
    const core = pidOf(await statusOf(cloud.dataDirectory), 'core')
    process.kill(core, 'SIGSTOP')
    const answer = secret()
    // Nothing is waited for here: this is how slow it is.
    await delay(1500)
    expect(await healthy()).toBe(true)
    process.kill(core, 'SIGCONT')
    expect(await answer).toEqual(allowed)
  })

  test('dies and comes back retries, and answers as if nothing had been', async () => {
    const core = pidOf(await statusOf(cloud.dataDirectory), 'core')
    process.kill(core, 'SIGKILL')
    expect(await secret()).toEqual(allowed)
  })

  test('stays down gives up after a bounded number of tries, with the error of its wire, and recovers', async () => {
    await succeed(cloud.keystead('down'))
    const { status, text } = await secret()
    expect([status, JSON.parse(text)]).toEqual([
      500,
      {
        errorCode: 'ERR_SECRET_GET',
        message: expect.stringMatching(
          /^failed getting secret with key storage-account-name from secret store secretstore: .*connect: connection refused/s,
        ),
      },
    ])
    expect(await healthy()).toBe(true)
    await succeed(cloud.keystead('up', '--detach'))
    expect(await secret()).toEqual(allowed)
  })
})
