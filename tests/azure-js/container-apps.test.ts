import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContainerAppsAPIClient } from '@azure/arm-appcontainers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { keysteadCommand, run, succeed, TestCloud } from '../support/cloud.ts'
import { all, location, Provisioner } from '../support/provisioner.ts'

let cloud: TestCloud
let folder: string
let client: ContainerAppsAPIClient
let environmentId: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  const owner = await Provisioner.asOwner(cloud.environment)
  client = new ContainerAppsAPIClient(owner.credential, owner.subscriptionId)
  folder = await mkdtemp(join(tmpdir(), 'keystead-app-'))
  await writeFile(
    join(folder, 'server.mjs'),
    `import { createServer } from 'node:http'
createServer((request, response) => response.end(process.env.KEY)).listen(Number(process.env.PORT))
`,
  )
  const mapping = ['--dir', folder, '--command', `"${process.execPath}" server.mjs`]
  await succeed(run(keysteadCommand, ['image', 'add', 'demos/key:v1', ...mapping, '--data-dir', cloud.dataDirectory]))
  const made = await client.managedEnvironments.createOrUpdate('rg', 'env', { location })
  environmentId = made.id ?? ''
})
afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const app = (value: string) => ({
  location,
  environmentId,
  configuration: { ingress: { external: true, targetPort: 8080 }, secrets: [{ name: 'key', value }] },
  template: {
    containers: [{ name: 'key', image: 'demos/key:v1', env: [{ name: 'KEY', secretRef: 'key' }] }],
    scale: { minReplicas: 1 },
  },
})

/** Node's own client takes no proxy that was set after its start. */
const answer = async (fqdn: string | undefined) =>
  (await succeed(run('curl', ['-sS', `https://${fqdn}/`], { env: { ...process.env, ...cloud.environment } }))).stdout

test('an app is created, read, updated, restarted, stopped and deleted by the management client', async () => {
  const made = await client.containerApps.createOrUpdate('rg', 'key', app('first'))
  expect(made).toMatchObject({ provisioningState: 'Succeeded', configuration: { secrets: [{ name: 'key' }] } })
  expect(made.configuration?.secrets?.[0]?.value).toBeUndefined()
  const fqdn = made.configuration?.ingress?.fqdn
  expect(await answer(fqdn)).toBe('first')

  const replaced = await client.containerApps.createOrUpdate('rg', 'key', app('second'))
  expect(replaced.latestRevisionName).toBe(made.latestRevisionName)
  expect(await answer(fqdn)).toBe('first')
  await client.containerAppsRevisions.restartRevision('rg', 'key', made.latestRevisionName ?? '')
  await vi.waitFor(async () => expect(await answer(fqdn)).toBe('second'), { timeout: 20_000, interval: 20 })

  // A patch that says nothing of secrets keeps them, and so does one that sends back what was read.
  await client.containerApps.update('rg', 'key', { location, tags: { patched: 'yes' } })
  await client.containerApps.update('rg', 'key', { location, configuration: made.configuration ?? {} })
  const secrets = await client.containerApps.listSecrets('rg', 'key')
  expect(secrets.value).toMatchObject([{ name: 'key', value: 'second' }])
  expect((await client.containerApps.get('rg', 'key')).tags).toEqual({ patched: 'yes' })

  const [revision] = await all(client.containerAppsRevisions.listRevisions('rg', 'key'))
  expect(revision).toMatchObject({ name: made.latestRevisionName, active: true, replicas: 1, trafficWeight: 100 })
  const stopped = await client.containerApps.stop('rg', 'key')
  expect(stopped).toMatchObject({ runningStatus: 'Stopped' })
  await client.containerApps.start('rg', 'key')
  await vi.waitFor(async () => expect(await answer(fqdn)).toBe('second'), { timeout: 20_000, interval: 20 })

  await client.containerApps.delete('rg', 'key')
  expect(await all(client.containerApps.listByResourceGroup('rg'))).toEqual([])
})

test('what the service refuses reaches the client as its code', async () => {
  const { template, ...rest } = app('x')
  const refused = (name: string, changes: object) =>
    expect(client.containerApps.createOrUpdate('rg', name, { ...rest, template, ...changes })).rejects
  await refused('Key', {}).toMatchObject({ statusCode: 400, code: 'ContainerAppInvalidName' })
  await refused('key', { configuration: {} }).toMatchObject({ code: 'ContainerAppSecretRefNotFound' })
  await refused('key', { environmentId: `${environmentId}-none` }).toMatchObject({ code: 'ManagedEnvironmentNotFound' })
})
