/**
 * Key Vault references and Dapr components of apps, on a real vault: refused, granted, rotated, and read once by many; and a
 * queue that scales one.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { QueueClient, StorageSharedKeyCredential } from '@azure/storage-queue'
import { appId, container, echo, type Harness, revision, startHarness } from '@keystead/container-apps/testing'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { TestCloud } from '../support/cloud.ts'
import { Gateway } from '../support/gateway.ts'
import { type Identity, Provisioner } from '../support/provisioner.ts'

const vault = 'kv-apps'

let cloud: TestCloud
let owner: Provisioner
let keeper: TestApplication
let identity: Identity
let vaultId: string
let accountKey: string
let accountId: string
let harness: Harness
const granted: (() => Promise<void>)[] = []

beforeAll(async () => {
  cloud = await TestCloud.start()
  ;({ keeper } = await addApplications(cloud, ['keeper']))
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  vaultId = await owner.vault(vault)
  await owner.grant(vaultId, 'Key Vault Secrets Officer', keeper.objectId)
  identity = await owner.identity('id-apps')
  const account = await owner.account('appsstate')
  accountKey = account.keys[0] ?? ''
  accountId = account.id
  await owner.setSecrets(vault, keeper, { greeting: 'first', 'account-key': accountKey })
  const gateway = await Gateway.of(cloud.environment)
  const token = await gateway.ownerToken('https://management.azure.com')
  harness = await startHarness({
    // What an app gets has no credential in it.
    environment: Object.fromEntries(Object.entries(cloud.environment).filter(([name]) => !name.startsWith('AZURE_'))),
    backOffMs: 200,
    keyVaultPeriodMs: 300,
    registerReplica: async ({ replicaId, identityResourceIds: identities }) => {
      const { status, text, json } = await gateway.control('PUT', `/replicas/${replicaId}`, token, { identities })
      if (status !== 200) throw new Error(text)
      const { identityEndpoint, identityHeader } = json as { identityEndpoint: string; identityHeader: string }
      return { endpoint: identityEndpoint, header: identityHeader }
    },
    removeReplica: (replicaId) => gateway.control('DELETE', `/replicas/${replicaId}`, token),
  })
  await harness.image('demos/echo:v1', echo)
})
afterEach(async () => {
  for (const take of granted.splice(0)) await take()
})
afterAll(async () => {
  await harness?.close()
  await cloud?.[Symbol.asyncDispose]()
})

async function grant(): Promise<void> {
  granted.push(await owner.grant(vaultId, 'Key Vault Secrets User', identity.principalId))
}

const greeting = (name: string, version = '') =>
  revision(name, {
    containers: [container('demos/echo:v1', { variables: [{ name: 'GREETING', secretRef: 'greeting' }] })],
    secrets: [
      {
        name: 'greeting',
        keyVaultUrl: `https://${vault}.vault.azure.net/secrets/greeting${version && `/${version}`}`,
        identity: identity.id,
      },
    ],
    identities: [identity.id],
    targetPort: 8200,
  })

async function greetingOf(address: string | undefined): Promise<string | undefined> {
  const { env } = (await (await fetch(address ?? '')).json()) as { env: Readonly<Record<string, string>> }
  return env.GREETING
}

/** How often a secret was read with success. */
async function reads(secret: string): Promise<number> {
  const lines = (await readFile(join(cloud.dataDirectory, 'logs', 'audit.jsonl'), 'utf8')).trim().split('\n')
  return lines
    .map((line) => JSON.parse(line) as { service: string; operation: string; resource: string; status: number })
    .filter(
      ({ operation, resource, status }) => operation === 'SecretGet' && resource.includes(secret) && status === 200,
    ).length
}

test('a reference that is refused fails the revision with the code and what mends it; granted, it runs', async () => {
  harness.platform.run(greeting('web--refused'))
  const { details } = await harness.status('web--refused', ({ runningState }) => runningState === 'Failed')
  expect(details).toContain('answered 403 (ForbiddenByRbac)')
  expect(details).toContain("The role 'Key Vault Secrets User' on the vault kv-apps")
  await grant()
  const { replicas } = await harness.status('web--refused', ({ runningState }) => runningState === 'Running')
  expect(await greetingOf(replicas[0]?.address)).toBe('first')
  await harness.platform.stop(appId, 'web--refused')
})

test('revisions that start together read a secret once', async () => {
  await grant()
  const version = await versionOf('greeting')
  const before = await reads('greeting')
  const names = Array.from({ length: 8 }, (_, index) => `web--many${index}`)
  for (const name of names) harness.platform.run(greeting(name, version))
  await Promise.all(names.map((name) => harness.status(name, ({ runningState }) => runningState === 'Running')))
  expect((await reads('greeting')) - before).toBe(1)
  await Promise.all(names.map((name) => harness.platform.stop(appId, name)))
})

test('a queue scales a revision once its identity may read it; until then the system log says what is missing', async () => {
  const address = 'https://appsstate.queue.core.windows.net/orders'
  const queue = new QueueClient(address, new StorageSharedKeyCredential('appsstate', accountKey))
  await queue.create()
  for (const order of ['a', 'b', 'c']) await queue.sendMessage(order)
  const rule = {
    name: 'orders',
    type: 'azure-queue' as const,
    metadata: { accountName: 'appsstate', queueName: 'orders', queueLength: '1' },
    auth: [],
    identity: identity.id,
  }
  const scale = { minReplicas: 0, maxReplicas: 3, pollingInterval: 1, cooldownPeriod: 300, rules: [rule] }
  const containers = [container('demos/echo:v1')]
  harness.platform.run(revision('web--queue', { containers, identities: [identity.id], scale, targetPort: 8220 }))
  const { signal } = new AbortController()
  for await (const event of harness.platform.systemLog({ appId, tail: 300, follow: true, signal })) {
    if (event.reason !== 'KEDAScalerFailed') continue
    expect(event.message).toBe(
      'scale rule "orders" can not be measured: the queue "orders" may not be read: its identity has no role for it',
    )
    break
  }
  granted.push(await owner.grant(accountId, 'Storage Queue Data Reader', identity.principalId))
  await harness.status('web--queue', ({ replicas }) => replicas.length === 3)
  await harness.platform.stop(appId, 'web--queue')
})

test('a rotated secret restarts who refers to it without a version, and nobody else', async () => {
  await grant()
  const version = await versionOf('greeting')
  harness.platform.run(greeting('web--latest'))
  harness.platform.run(greeting('web--pinned', version))
  const running = ({ runningState }: { readonly runningState: string }): boolean => runningState === 'Running'
  const before = await harness.status('web--latest', running)
  const pinned = await harness.status('web--pinned', running)
  await owner.setSecrets(vault, keeper, { greeting: 'second' })
  const after = await harness.status(
    'web--latest',
    (status) =>
      running(status) && status.replicas.length === 1 && status.replicas[0]?.name !== before.replicas[0]?.name,
  )
  expect(await greetingOf(after.replicas[0]?.address)).toBe('second')
  expect(harness.platform.status(appId, 'web--pinned')?.replicas[0]?.name).toBe(pinned.replicas[0]?.name)
  expect(await greetingOf(pinned.replicas[0]?.address)).toBe('first')
  await Promise.all(['web--latest', 'web--pinned'].map((name) => harness.platform.stop(appId, name)))
})

test("an app's sidecar takes its state store's key from the vault, and fails with the vault's words when it may not", async () => {
  const common = { version: 'v1', ignoreErrors: false, secrets: [], scopes: ['orders'] }
  const components = [
    {
      ...common,
      name: 'secretstore',
      componentType: 'secretstores.azure.keyvault',
      metadata: [
        { name: 'vaultName', value: vault },
        { name: 'azureClientId', value: identity.clientId },
      ],
    },
    {
      ...common,
      name: 'statestore',
      componentType: 'state.azure.blobstorage',
      secretStoreComponent: 'secretstore',
      metadata: [
        { name: 'accountName', value: 'appsstate' },
        { name: 'containerName', value: 'state' },
        { name: 'accountKey', secretRef: 'account-key' },
      ],
    },
  ]
  const spec = revision('web--dapr', {
    containers: [container('demos/echo:v1')],
    identities: [identity.id],
    targetPort: 8201,
    dapr: { appId: 'orders', appProtocol: 'http', logLevel: 'info', enableApiLogging: false, components },
  })
  harness.platform.run(spec)
  const { details } = await harness.status('web--dapr', ({ details }) => details?.includes('level=fatal') ?? false)
  expect(details).toMatch(/Error getting secret.*RESPONSE 403.*ForbiddenByRbac/)
  await grant()
  const { replicas } = await harness.status('web--dapr', ({ runningState }) => runningState === 'Running')
  const { env } = (await (await fetch(replicas[0]?.address ?? '')).json()) as { env: Readonly<Record<string, string>> }
  const state = `http://127.0.0.1:${env.DAPR_HTTP_PORT}/v1.0/state/statestore`
  const saved = await fetch(state, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ key: 'order', value: 7 }]),
  })
  expect(saved.status).toBe(204)
  expect(await (await fetch(`${state}/order`)).text()).toBe('7')
  expect(Object.values(env).join('\n')).not.toContain(accountKey)
  await harness.platform.stop(appId, 'web--dapr')
})

async function versionOf(name: string): Promise<string> {
  const { SecretClient } = await import('@azure/keyvault-secrets')
  const { ClientSecretCredential } = await import('@azure/identity')
  const credential = new ClientSecretCredential(owner.tenantId, keeper.clientId, keeper.clientSecret)
  const { properties } = await new SecretClient(`https://${vault}.vault.azure.net`, credential).getSecret(name)
  return properties.version ?? ''
}
