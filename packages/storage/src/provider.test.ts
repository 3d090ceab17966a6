import { StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { groupPath, roles, startCloud, subscriptionId, type TestCloud } from './testing/cloud.ts'

let cloud: TestCloud

beforeAll(async () => {
  cloud = await startCloud()
}, 60_000)
afterAll(() => cloud?.stop())

const accounts = () => cloud.arm.storageAccounts
const body = { location: 'westeurope', kind: 'StorageV2', sku: { name: 'Standard_LRS' } }

describe('storage accounts', () => {
  it('are created with their endpoints, two keys and safe defaults', async () => {
    const account = await accounts().create('rg', 'orders', { ...body, tags: { team: 'shop' } })
    expect(account).toMatchObject({
      id: `${groupPath}/providers/Microsoft.Storage/storageAccounts/orders`,
      name: 'orders',
      type: 'Microsoft.Storage/storageAccounts',
      location: 'westeurope',
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS', tier: 'Standard' },
      tags: { team: 'shop' },
      provisioningState: 'Succeeded',
      allowBlobPublicAccess: false,
      enableHttpsTrafficOnly: true,
      minimumTlsVersion: 'TLS1_2',
      primaryEndpoints: {
        blob: 'https://orders.blob.core.windows.net/',
        queue: 'https://orders.queue.core.windows.net/',
      },
    })
    const { keys = [] } = await accounts().listKeys('rg', 'orders')
    expect(keys.map(({ keyName, permissions }) => [keyName, permissions])).toEqual([
      ['key1', 'FULL'],
      ['key2', 'FULL'],
    ])
    expect(keys.every((key) => Buffer.from(key.value ?? '', 'base64').length === 64 && key.creationTime)).toBe(true)
    expect(keys[0]?.value).not.toBe(keys[1]?.value)
  })

  it('keep their keys when they are put again, and change what a PATCH names', async () => {
    const before = await accounts().listKeys('rg', 'orders')
    await accounts().create('rg', 'orders', body)
    expect(await accounts().listKeys('rg', 'orders')).toEqual(before)
    const patched = await accounts().update('rg', 'orders', { tags: { a: 'b' }, minimumTlsVersion: 'TLS1_3' })
    expect(patched).toMatchObject({ tags: { a: 'b' }, minimumTlsVersion: 'TLS1_3', enableHttpsTrafficOnly: true })
    expect(await accounts().getProperties('rg', 'orders')).toMatchObject({ minimumTlsVersion: 'TLS1_3' })
  })

  it('are listed in the group and in the subscription, without a key', async () => {
    const { keys = [] } = await accounts().listKeys('rg', 'orders')
    for (const list of [accounts().listByResourceGroup('rg'), accounts().list()]) {
      const found = []
      for await (const account of list) found.push(account)
      expect(found.map((account) => account.name)).toContain('orders')
      for (const key of keys) expect(JSON.stringify(found)).not.toContain(key.value)
    }
  })

  it('have names of their own', async () => {
    for (const name of ['Orders', 'or', 'or-ders', 'x'.repeat(25)]) {
      await expect(accounts().create('rg', name, body)).rejects.toMatchObject({ code: 'AccountNameInvalid' })
    }
    await expect(cloud.arm.storageAccounts.create('rg2', 'orders', body)).rejects.toMatchObject({ statusCode: 404 })
    expect(
      await accounts().checkNameAvailability({ name: 'orders', type: 'Microsoft.Storage/storageAccounts' }),
    ).toMatchObject({
      nameAvailable: false,
      reason: 'AlreadyExists',
    })
    expect(
      await accounts().checkNameAvailability({ name: 'Or', type: 'Microsoft.Storage/storageAccounts' }),
    ).toMatchObject({
      nameAvailable: false,
      reason: 'AccountNameInvalid',
    })
    expect(
      await accounts().checkNameAvailability({ name: 'free1', type: 'Microsoft.Storage/storageAccounts' }),
    ).toMatchObject({
      nameAvailable: true,
    })
  })

  it('are refused what would not be kept', async () => {
    for (const more of [
      { isHnsEnabled: true },
      { publicNetworkAccess: 'Disabled' },
      { networkRuleSet: { defaultAction: 'Deny' as const } },
      { encryption: { keySource: 'Microsoft.Keyvault' } },
    ]) {
      await expect(accounts().create('rg', 'strange', { ...body, ...more })).rejects.toMatchObject({
        code: 'FeatureNotSupportedForAccount',
      })
    }
    await expect(accounts().getProperties('rg', 'strange')).rejects.toMatchObject({ statusCode: 404 })
  })

  it('tell the settings of their services, and take no setting that is not kept', async () => {
    const services = cloud.arm.blobServices
    expect(await services.getServiceProperties('rg', 'orders')).toMatchObject({
      name: 'default',
      type: 'Microsoft.Storage/storageAccounts/blobServices',
      deleteRetentionPolicy: { enabled: false },
    })
    expect(await cloud.arm.queueServices.getServiceProperties('rg', 'orders')).toMatchObject({ name: 'default' })
    const same = { deleteRetentionPolicy: { enabled: false } }
    expect(await services.setServiceProperties('rg', 'orders', same)).toMatchObject(same)
    for (const more of [
      { deleteRetentionPolicy: { enabled: true, days: 7 } },
      { containerDeleteRetentionPolicy: { enabled: true, days: 7 } },
      { isVersioningEnabled: true },
      { changeFeed: { enabled: true } },
    ]) {
      await expect(services.setServiceProperties('rg', 'orders', more)).rejects.toMatchObject({
        code: 'FeatureNotSupportedForAccount',
      })
    }
    await expect(services.getServiceProperties('rg', 'nobodys')).rejects.toMatchObject({
      code: 'ParentResourceNotFound',
    })
  })

  it('show their keys to who may list them only', async () => {
    const id = `${groupPath}/providers/Microsoft.Storage/storageAccounts/orders`
    const reader = await cloud.principal({ role: roles.blobContributor, scope: id })
    const token = await reader.credential.getToken('https://management.azure.com/.default')
    const answer = await cloud.send({
      method: 'POST',
      host: 'management.azure.com',
      path: `${id}/listKeys?api-version=2025-08-01`,
      headers: { Authorization: `Bearer ${token?.token}`, 'Content-Length': '0' },
    })
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('AuthorizationFailed')
  })

  it('are gone after DELETE, for every client', async () => {
    await accounts().create('rg', 'brief', body)
    const { keys = [] } = await accounts().listKeys('rg', 'brief')
    const blobs = cloud.blobs('brief', new StorageSharedKeyCredential('brief', keys[0]?.value ?? ''))
    expect((await blobs.listContainers().next()).done).toBe(true)
    await accounts().delete('rg', 'brief')
    await accounts().delete('rg', 'brief')
    await expect(blobs.listContainers().next()).rejects.toMatchObject({ statusCode: 404 })
    await expect(accounts().listKeys('rg', 'brief')).rejects.toMatchObject({ statusCode: 404 })
  })

  it('go with their resource group', async () => {
    const owner = await cloud.principal({ role: roles.owner, scope: `/subscriptions/${subscriptionId}` })
    const token = await owner.credential.getToken('https://management.azure.com/.default')
    const headers = { Authorization: `Bearer ${token?.token}`, 'Content-Type': 'application/json' }
    const path = `/subscriptions/${subscriptionId}/resourceGroups/short?api-version=2024-11-01`
    const ask = (method: string, content?: string) =>
      cloud.send({
        method,
        host: 'management.azure.com',
        path,
        headers,
        ...(content === undefined ? {} : { body: content }),
      })
    await ask('PUT', JSON.stringify({ location: 'westeurope' }))
    await accounts().create('short', 'withgroup', body)
    await ask('DELETE')
    while ((await ask('GET')).status !== 404) await new Promise(setImmediate)
    expect(
      await accounts().checkNameAvailability({ name: 'withgroup', type: 'Microsoft.Storage/storageAccounts' }),
    ).toMatchObject({
      nameAvailable: true,
    })
  })
})

describe('containers and queues', () => {
  it('are made, read, listed and deleted through Resource Manager', async () => {
    const { blobContainers, queue } = cloud.arm
    const made = await blobContainers.create('rg', 'orders', 'inbox', { metadata: { Team: 'shop' } })
    expect(made).toMatchObject({ name: 'inbox', publicAccess: 'None', metadata: { Team: 'shop' } })
    await blobContainers.create('rg', 'orders', 'inbox', {})
    expect(await blobContainers.get('rg', 'orders', 'inbox')).toMatchObject({ leaseState: 'Available' })
    const names = []
    for await (const item of blobContainers.list('rg', 'orders')) names.push(item.name)
    expect(names).toEqual(['inbox'])
    await blobContainers.delete('rg', 'orders', 'inbox')
    await expect(blobContainers.get('rg', 'orders', 'inbox')).rejects.toMatchObject({ code: 'ContainerNotFound' })

    expect(await queue.create('rg', 'orders', 'jobs', { metadata: { a: 'b' } })).toMatchObject({ name: 'jobs' })
    const queues = []
    for await (const item of queue.list('rg', 'orders')) queues.push(item.name)
    expect(queues).toEqual(['jobs'])
    await queue.delete('rg', 'orders', 'jobs')
    await expect(queue.get('rg', 'orders', 'jobs')).rejects.toMatchObject({ statusCode: 404 })
  })

  it('are refused a bad name and public access', async () => {
    await expect(cloud.arm.blobContainers.create('rg', 'orders', 'In', {})).rejects.toMatchObject({ statusCode: 400 })
    await expect(
      cloud.arm.blobContainers.create('rg', 'orders', 'public', { publicAccess: 'Blob' }),
    ).rejects.toMatchObject({ code: 'PublicAccessNotPermitted' })
  })

  it('say so while Azurite is away', async () => {
    const owner = await cloud.principal({ role: roles.owner, scope: groupPath })
    const token = await owner.credential.getToken('https://management.azure.com/.default')
    await cloud.azurite.stop('SIGTERM')
    const answer = await cloud.send({
      host: 'management.azure.com',
      path: `${groupPath}/providers/Microsoft.Storage/storageAccounts/orders/blobServices/default/containers/inbox?api-version=2025-08-01`,
      headers: { Authorization: `Bearer ${token?.token}` },
    })
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    expect(answer.text).toContain('ServiceUnavailable')
    await cloud.azurite.start()
  })
})

describe('public access', () => {
  it('works where the account and the container allow it, and only for reading', async () => {
    const { keys } = await cloud.account('shopfront', { allowBlobPublicAccess: true })
    const service = cloud.blobs('shopfront', new StorageSharedKeyCredential('shopfront', keys[0] ?? ''))
    await service.getContainerClient('images').create({ access: 'blob' })
    await service.getContainerClient('images').getBlockBlobClient('logo').upload('logo', 4)
    await service.getContainerClient('private').create()
    await service.getContainerClient('private').getBlockBlobClient('logo').upload('logo', 4)
    const get = (path: string, method = 'GET') => cloud.send({ method, host: 'shopfront.blob.core.windows.net', path })
    expect((await get('/images/logo')).text).toBe('logo')
    expect((await get('/images?restype=container&comp=list')).status).toBeGreaterThanOrEqual(400)
    expect((await get('/private/logo')).status).toBeGreaterThanOrEqual(400)
    expect((await get('/images/logo', 'DELETE')).status).toBe(409)
    await cloud.arm.storageAccounts.update('rg', 'shopfront', { allowBlobPublicAccess: false })
    expect((await get('/images/logo')).status).toBe(409)
  })
})
