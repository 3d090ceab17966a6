import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type AppCloud, appPath, environmentPath, groupPath, startAppCloud } from '../testing/app-cloud.ts'

let cloud: AppCloud
beforeEach(async () => {
  cloud = await startAppCloud()
})
afterEach(() => cloud.stop())

interface Options {
  readonly image?: string
  readonly suffix?: string
  readonly mode?: string
  readonly secrets?: readonly unknown[]
  readonly env?: readonly unknown[]
  readonly traffic?: readonly unknown[]
  readonly dapr?: unknown
  readonly identity?: unknown
  readonly rules?: readonly unknown[]
}

const put = (
  name: string,
  { image = 'web:1', suffix, mode, secrets, env, traffic, dapr, identity, rules }: Options = {},
) =>
  cloud.send('PUT', appPath(name), {
    location: 'westeurope',
    identity,
    properties: {
      environmentId: environmentPath,
      configuration: {
        activeRevisionsMode: mode,
        secrets,
        dapr,
        ingress: { external: true, targetPort: 8080, traffic },
      },
      template: { revisionSuffix: suffix, containers: [{ name: 'web', image, env }], scale: { rules } },
    },
  })

interface Shown {
  readonly properties: Record<string, unknown> & { readonly configuration: Record<string, unknown> }
}
const shown = async (name: string) => ((await cloud.send('GET', appPath(name))) as Shown).properties
interface ShownRevision {
  readonly name: string
  readonly properties: Record<string, unknown>
}
const revisions = async (name: string) =>
  ((await cloud.send('GET', `${appPath(name)}/revisions`)) as { value: readonly ShownRevision[] }).value

/** Until the order was given. */
const ordered = (order: string) => vi.waitFor(() => expect(cloud.platform.orders).toContain(order), { interval: 2 })

test('a revision takes over when it is ready, and only then', async () => {
  await put('web', { suffix: 'v1' })
  cloud.platform.tell('web--v1', 'Running')
  await vi.waitFor(async () => expect((await shown('web')).latestReadyRevisionName).toBe('web--v1'), { interval: 2 })
  await put('web', { suffix: 'v2', image: 'web:2' })
  expect(cloud.platform.orders).toEqual(['run web--v1', 'route web--v1=100', 'run web--v2'])

  cloud.platform.tell('web--v2', 'Failed', 'The secret x can not be read.')
  await vi.waitFor(async () => expect((await shown('web')).provisioningState).toBe('Failed'), { interval: 2 })
  expect(await shown('web')).toMatchObject({
    latestRevisionName: 'web--v2',
    latestReadyRevisionName: 'web--v1',
  })
  expect((await revisions('web')).map(({ name, properties }) => [name, properties])).toMatchObject([
    ['web--v1', { active: true, trafficWeight: 100, provisioningState: 'Provisioned' }],
    [
      'web--v2',
      {
        active: true,
        trafficWeight: 0,
        provisioningState: 'Failed',
        provisioningError: 'The secret x can not be read.',
      },
    ],
  ])

  cloud.platform.tell('web--v2', 'Running')
  await ordered('stop web--v1')
  expect(cloud.platform.orders.slice(3)).toEqual(['route web--v2=100', 'stop web--v1'])
  expect(await shown('web')).toMatchObject({ provisioningState: 'Succeeded', latestReadyRevisionName: 'web--v2' })
})

test('a changed secret is handed over without a restart, and its value is shown by listSecrets only', async () => {
  const env = [{ name: 'KEY', secretRef: 'key' }]
  await put('web', { suffix: 'v1', secrets: [{ name: 'key', value: 'first-value' }], env })
  await put('web', { suffix: 'v1', secrets: [{ name: 'key', value: 'second-value' }], env })
  expect(cloud.platform.orders).toEqual(['run web--v1', 'route web--v1=100', 'refresh web--v1'])
  expect(cloud.platform.refreshed).toEqual([{ identities: [], secrets: [{ name: 'key', value: 'second-value' }] }])
  expect((await shown('web')).configuration.secrets).toEqual([{ name: 'key' }])
  expect(await cloud.send('POST', `${appPath('web')}/listSecrets`)).toEqual({
    value: [{ name: 'key', value: 'second-value' }],
  })
})

test('Dapr belongs to the app: turning it on replaces the revision that runs and makes none', async () => {
  await put('web', { suffix: 'v1' })
  await put('web', { suffix: 'v1', dapr: { enabled: true, appPort: 80 } })
  expect(cloud.platform.orders).toEqual(['run web--v1', 'route web--v1=100', 'run web--v1'])
  expect(cloud.platform.specs.get('web--v1')?.dapr).toMatchObject({ appId: 'web', appPort: 80, components: [] })
  await cloud.send('PUT', `${environmentPath}/daprComponents/store`, {
    properties: {
      componentType: 'state.in-memory',
      version: 'v1',
      secrets: [{ name: 's', value: 'hidden' }],
      metadata: [{ name: 'x', secretRef: 's' }],
      scopes: ['web'],
    },
  })
  await cloud.send('PUT', `${environmentPath}/daprComponents/other`, {
    properties: { componentType: 'state.in-memory', version: 'v1', scopes: ['another'] },
  })
  expect(cloud.platform.specs.get('web--v1')?.dapr?.components).toEqual([
    {
      name: 'store',
      componentType: 'state.in-memory',
      version: 'v1',
      ignoreErrors: false,
      secrets: [{ name: 's', value: 'hidden' }],
      metadata: [{ name: 'x', secretRef: 's' }],
      scopes: ['web'],
    },
  ])
  const component = await cloud.send('GET', `${environmentPath}/daprComponents/store`)
  expect(JSON.stringify(component)).not.toContain('hidden')
})

test('traffic is split between revisions in multiple mode, and an inactive one does not run', async () => {
  await put('web', { suffix: 'v1', mode: 'multiple' })
  cloud.platform.tell('web--v1', 'Running')
  const traffic = [
    { revisionName: 'web--v1', weight: 90 },
    { latestRevision: true, weight: 10, label: 'next' },
  ]
  await put('web', { suffix: 'v2', mode: 'multiple', traffic })
  cloud.platform.tell('web--v2', 'Running')
  await ordered('route web--v1=90 web--v2=10')
  const deactivate = `${appPath('web')}/revisions/web--v1/deactivate`
  await expect(cloud.send('POST', deactivate)).rejects.toThrow("'web--v1' can not be deactivated")
  await put('web', { suffix: 'v2', mode: 'multiple', traffic: [{ latestRevision: true, weight: 100 }] })
  await cloud.send('POST', deactivate)
  expect(cloud.platform.specs.has('web--v1')).toBe(false)
  await cloud.send('POST', `${appPath('web')}/revisions/web--v1/activate`)
  expect(cloud.platform.specs.has('web--v1')).toBe(true)
})

test('everything desired is handed over again after a restart of the core', async () => {
  await put('web', { suffix: 'v1', secrets: [{ name: 'key', value: 'kept' }], identity: { type: 'SystemAssigned' } })
  await put('stopped', { suffix: 'v1' })
  await cloud.send('POST', `${appPath('stopped')}/stop`)
  expect(cloud.platform.orders.slice(-2)).toEqual(['unroute', 'stop stopped--v1'])
  cloud = await cloud.restart()
  expect(cloud.platform.orders).toEqual(['run web--v1', 'route web--v1=100'])
  expect(cloud.platform.specs.get('web--v1')).toMatchObject({
    secrets: [{ name: 'key', value: 'kept' }],
    identities: [appPath('web')],
  })
  await cloud.send('POST', `${appPath('stopped')}/start`)
  expect(cloud.platform.orders).toContain('run stopped--v1')
})

test('a deleted app leaves nothing', async () => {
  await put('web', { suffix: 'v1', secrets: [{ name: 'key', value: 'old' }] })
  await expect(cloud.send('DELETE', environmentPath)).rejects.toThrow('still contains 1 ContainerApps')
  await cloud.send('DELETE', appPath('web'))
  expect(cloud.platform.orders.slice(-2)).toEqual(['unroute', 'stop web--v1'])
  await put('web', { suffix: 'v1' })
  expect(await cloud.send('POST', `${appPath('web')}/listSecrets`)).toEqual({ value: [] })
})

test.each<[string, string, Options, string]>([
  ['a name with capitals', 'Web', {}, "Invalid ContainerApp name 'Web'"],
  [
    'a reference to no secret',
    'web',
    { env: [{ name: 'K', secretRef: 'none' }] },
    "SecretRef 'none' defined for container 'web' not found",
  ],
  ['a secret without a value', 'web', { secrets: [{ name: 'a', value: '' }] }, "name(s) 'a' are invalid"],
  [
    'a reference to what is no vault',
    'web',
    {
      identity: { type: 'SystemAssigned' },
      secrets: [{ name: 'a', keyVaultUrl: 'https://x..vault.azure.net/secrets/a', identity: 'system' }],
    },
    "keyVaultUrl of the secret 'a' is invalid",
  ],
  [
    'an identity that the app has not',
    'web',
    { secrets: [{ name: 'a', keyVaultUrl: 'https://kv1.vault.azure.net/secrets/a', identity: 'system' }] },
    "The identity 'system' that reads the secret 'a' is not assigned",
  ],
  [
    'a scale rule with an identity that the app has not',
    'web',
    {
      rules: [{ name: 'queue', azureQueue: { accountName: 'a', queueName: 'q', queueLength: 1, identity: 'system' } }],
    },
    "The identity 'system' of the scale rule 'queue' is not assigned",
  ],
])('%s is refused', async (_, name, options, message) => {
  await expect(put(name, options)).rejects.toThrow(message)
  await expect(cloud.send('GET', appPath(name))).rejects.toThrow('was not found')
  expect(cloud.platform.orders).toEqual([])
})

test('a secret in use is not removed', async () => {
  const secrets = [{ name: 'key', value: 'v' }]
  const env = [{ name: 'KEY', secretRef: 'key' }]
  await put('web', { suffix: 'v1', mode: 'multiple', secrets, env })
  await expect(put('web', { suffix: 'v2', mode: 'multiple' })).rejects.toThrow(
    /active revision referencing a secret.*secrets: key .*revisions: web--v1/,
  )
})

test('a component reads as an identity only when who writes it may assign that identity', async () => {
  const identity = `${groupPath.replace('/rg', '/others')}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1`
  const component = (named: string) => ({
    properties: {
      componentType: 'secretstores.local.env',
      version: 'v1',
      secrets: [{ name: 'a', keyVaultUrl: 'https://kv1.vault.azure.net/secrets/a', identity: named }],
    },
  })
  const path = `${environmentPath}/daprComponents/store`
  await expect(cloud.sendAsOwnerOfGroup('PUT', path, component(identity))).rejects.toThrow(
    `does not have authorization to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' over scope '${identity}'`,
  )
  await expect(cloud.send('PUT', path, component('system'))).rejects.toThrow('An identity of an environment')
  await cloud.send('PUT', path, component(identity))
})
