import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobSASPermissions,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import {
  generateQueueSASQueryParameters,
  StorageSharedKeyCredential as QueueKey,
  QueueSASPermissions,
} from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roles, startCloud, type TestCloud } from './testing/cloud.ts'

let cloud: TestCloud
let key: StorageSharedKeyCredential
let accountId: string
let accountKeys: string[]

const hour = 3_600_000
const inAnHour = () => new Date(Date.now() + hour)

beforeAll(async () => {
  cloud = await startCloud()
  const { id, keys } = await cloud.account('orders')
  accountId = id
  accountKeys = keys
  key = new StorageSharedKeyCredential('orders', keys[0] ?? '')
  const container = cloud.blobs('orders', key).getContainerClient('inbox')
  await container.create()
  await container.getBlockBlobClient('a').upload('first', 5)
}, 60_000)
afterAll(() => cloud?.stop())

const containerWith = (query: string) => cloud.blobs('orders', undefined, query).getContainerClient('inbox')
const refusal = (code: string, statusCode = 403) => ({ code, statusCode })

function blobSas(permissions: string, more: object = {}): string {
  return generateBlobSASQueryParameters(
    {
      containerName: 'inbox',
      blobName: 'a',
      permissions: BlobSASPermissions.parse(permissions),
      expiresOn: inAnHour(),
      ...more,
    },
    key,
  ).toString()
}

function accountSas(services: string, types: string, permissions: string, more: object = {}): string {
  return generateAccountSASQueryParameters(
    {
      services: AccountSASServices.parse(services).toString(),
      resourceTypes: AccountSASResourceTypes.parse(types).toString(),
      permissions: AccountSASPermissions.parse(permissions),
      expiresOn: inAnHour(),
      ...more,
    },
    key,
  ).toString()
}

describe('a service SAS of a blob', () => {
  it('reads the blob it signs and no other', async () => {
    const container = containerWith(blobSas('r'))
    expect((await container.getBlobClient('a').downloadToBuffer()).toString()).toBe('first')
    await expect(container.getBlobClient('b').getProperties()).rejects.toMatchObject({ statusCode: 403 })
    await expect(container.listBlobsFlat().next()).rejects.toMatchObject(refusal('AuthenticationFailed'))
  })

  it('allows what its letters say and nothing else', async () => {
    const blob = containerWith(blobSas('r')).getBlockBlobClient('a')
    await expect(blob.upload('x', 1)).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(blob.delete()).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(blob.setTags({ a: 'b' })).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(
      containerWith(blobSas('w'))
        .getBlockBlobClient('a')
        .upload('x', 1, { tags: { a: 'b' } }),
    ).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
  })

  it('that may only create overwrites nothing', async () => {
    const created = (name: string) => containerWith(blobSas('c', { blobName: name })).getBlockBlobClient(name)
    await created('fresh').upload('1', 1)
    await expect(created('fresh').upload('2', 1)).rejects.toMatchObject(refusal('UnauthorizedBlobOverwrite'))
    const fresh = cloud.blobs('orders', key).getContainerClient('inbox').getBlobClient('fresh')
    expect((await fresh.downloadToBuffer()).toString()).toBe('1')
  })

  it('is refused before its start and after its expiry', async () => {
    const past = { expiresOn: new Date(Date.now() - 1000) }
    const future = { startsOn: inAnHour(), expiresOn: new Date(Date.now() + 2 * hour) }
    for (const more of [past, future]) {
      await expect(containerWith(blobSas('r', more)).getBlobClient('a').download()).rejects.toMatchObject(
        refusal('AuthenticationFailed'),
      )
    }
  })

  it('is refused when any of its fields is changed', async () => {
    const good = new URLSearchParams(blobSas('r', { ipRange: { start: '127.0.0.1' } }))
    for (const [name, value] of [
      ['sp', 'rw'],
      ['se', new Date(Date.now() + 2 * hour).toISOString().slice(0, 19)],
      ['sr', 'c'],
      ['sip', '0.0.0.0-255.255.255.255'],
      ['sig', Buffer.alloc(32).toString('base64')],
      ['sv', '2021-01-01'],
      ['rsct', 'text/html'],
    ] as const) {
      const changed = new URLSearchParams(good)
      changed.set(name, value)
      const answer = await cloud.send({ host: 'orders.blob.core.windows.net', path: `/inbox/a?${changed}` })
      expect([name, answer.status]).toEqual([name, 403])
      expect(answer.headers['x-ms-error-code']).toBe('AuthenticationFailed')
      expect(answer.text).toContain('<Code>AuthenticationFailed</Code>')
    }
    const answer = await cloud.send({ host: 'orders.blob.core.windows.net', path: `/inbox/a?${good}` })
    expect(answer.status).toBe(200)
  })

  it('holds for its addresses and its protocol', async () => {
    await expect(
      containerWith(blobSas('r', { ipRange: { start: '10.0.0.1', end: '10.0.0.9' } }))
        .getBlobClient('a')
        .download(),
    ).rejects.toMatchObject(refusal('AuthorizationSourceIPMismatch'))
    await cloud.account('plain', { enableHttpsTrafficOnly: false })
    const sas = blobSas('r', { protocol: SASProtocol.Https })
    const plain = await cloud.send({ host: 'orders.blob.core.windows.net', path: `/inbox/a?${sas}`, plain: true })
    expect(plain.headers['x-ms-error-code']).toBe('AccountRequiresHttps')
  })

  it('puts the headers it signs in the answer', async () => {
    const blob = containerWith(
      blobSas('r', { contentType: 'text/x-order', contentDisposition: 'inline' }),
    ).getBlobClient('a')
    expect(await blob.getProperties()).toMatchObject({ contentType: 'text/x-order', contentDisposition: 'inline' })
  })

  it('of a blob does not reach its snapshots; of a snapshot does not reach the blob', async () => {
    const blob = cloud.blobs('orders', key).getContainerClient('inbox').getBlobClient('a')
    const { snapshot = '' } = await blob.createSnapshot()
    const ofBlob = containerWith(blobSas('r')).getBlobClient('a')
    await expect(ofBlob.withSnapshot(snapshot).download()).rejects.toMatchObject({ statusCode: 403 })
    const ofSnapshot = blobSas('r', { snapshotTime: snapshot })
    const path = `/inbox/a?snapshot=${encodeURIComponent(snapshot)}&${ofSnapshot}`
    expect((await cloud.send({ host: 'orders.blob.core.windows.net', path })).status).toBe(200)
    expect((await cloud.send({ host: 'orders.blob.core.windows.net', path: `/inbox/a?${ofSnapshot}` })).status).toBe(
      403,
    )
  })
})

describe('a stored access policy', () => {
  const sas = () => generateBlobSASQueryParameters({ containerName: 'inbox', identifier: 'readers' }, key).toString()

  it('gives a SAS its letters and its end, and takes them back when it is removed', async () => {
    const container = cloud.blobs('orders', key).getContainerClient('inbox')
    await container.setAccessPolicy(undefined, [
      {
        id: 'readers',
        accessPolicy: { permissions: 'rl', startsOn: new Date(Date.now() - hour), expiresOn: inAnHour() },
      },
    ])
    const reader = containerWith(sas())
    expect((await reader.getBlobClient('a').downloadToBuffer()).toString()).toBe('first')
    await expect(reader.getBlockBlobClient('a').upload('x', 1)).rejects.toMatchObject(
      refusal('AuthorizationPermissionMismatch'),
    )
    await container.setAccessPolicy(undefined, [])
    await expect(reader.getBlobClient('a').download()).rejects.toMatchObject(refusal('AuthenticationFailed'))
  })
})

describe('an account SAS', () => {
  it('holds for its services, resource types and letters', async () => {
    expect(
      (
        await containerWith(accountSas('b', 'o', 'r'))
          .getBlobClient('a')
          .downloadToBuffer()
      ).toString(),
    ).toBe('first')
    await expect(
      containerWith(accountSas('q', 'o', 'r'))
        .getBlobClient('a')
        .download(),
    ).rejects.toMatchObject(refusal('AuthorizationServiceMismatch'))
    await expect(
      containerWith(accountSas('b', 'c', 'r'))
        .getBlobClient('a')
        .download(),
    ).rejects.toMatchObject(refusal('AuthorizationResourceTypeMismatch'))
    await expect(
      containerWith(accountSas('b', 'o', 'r'))
        .getBlobClient('a')
        .delete(),
    ).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    const names: string[] = []
    for await (const item of cloud.blobs('orders', undefined, accountSas('b', 's', 'l')).listContainers())
      names.push(item.name)
    expect(names).toContain('inbox')
  })

  it('never reads or sets access policies', async () => {
    const all = accountSas('bqtf', 'sco', 'rwdlacuptfi')
    await expect(containerWith(all).getAccessPolicy()).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(containerWith(all).setAccessPolicy()).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
  })

  it('is made by Resource Manager too', async () => {
    const { accountSasToken = '' } = await cloud.arm.storageAccounts.listAccountSAS('rg', 'orders', {
      services: 'b',
      resourceTypes: 'o',
      permissions: 'r',
      sharedAccessExpiryTime: inAnHour(),
      keyToSign: 'key2',
    })
    expect((await containerWith(accountSasToken).getBlobClient('a').downloadToBuffer()).toString()).toBe('first')
    const { serviceSasToken = '' } = await cloud.arm.storageAccounts.listServiceSAS('rg', 'orders', {
      canonicalizedResource: '/blob/orders/inbox',
      resource: 'c',
      permissions: 'l',
      sharedAccessExpiryTime: inAnHour(),
    })
    expect((await containerWith(serviceSasToken).listBlobsFlat().next()).value?.name).toBe('a')
  })
})

describe('a SAS of a queue', () => {
  it('allows what its letters say and nothing else', async () => {
    const queueKey = new QueueKey('orders', accountKeys[1] ?? '')
    await cloud.queues('orders', queueKey).getQueueClient('jobs').create()
    const sas = generateQueueSASQueryParameters(
      { queueName: 'jobs', permissions: QueueSASPermissions.parse('a'), expiresOn: inAnHour() },
      queueKey,
    ).toString()
    const queue = cloud.queues('orders', undefined, sas).getQueueClient('jobs')
    await queue.sendMessage('one')
    await expect(queue.receiveMessages()).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(queue.peekMessages()).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(queue.delete()).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(cloud.queues('orders', undefined, sas).getQueueClient('other').sendMessage('x')).rejects.toMatchObject(
      refusal('AuthenticationFailed'),
    )
  })
})

describe('a user delegation SAS', () => {
  async function delegated(objectRoles: readonly { role: string; scope: string }[]) {
    const principal = await cloud.principal(...objectRoles)
    const service = cloud.blobs('orders', principal.credential)
    const delegationKey = await service.getUserDelegationKey(new Date(Date.now() - hour), inAnHour())
    const sas = (permissions: string, more: object = {}) =>
      generateBlobSASQueryParameters(
        {
          containerName: 'inbox',
          permissions: ContainerSASPermissions.parse(permissions),
          expiresOn: inAnHour(),
          ...more,
        },
        delegationKey,
        'orders',
      ).toString()
    return { principal, delegationKey, sas }
  }

  it('gives no more than its letters and no more than the role of who made it', async () => {
    const { sas } = await delegated([{ role: roles.blobReader, scope: accountId }])
    expect((await containerWith(sas('rw')).getBlobClient('a').downloadToBuffer()).toString()).toBe('first')
    await expect(containerWith(sas('rw')).getBlockBlobClient('a').upload('x', 1)).rejects.toMatchObject(
      refusal('AuthorizationPermissionMismatch'),
    )
    await expect(containerWith(sas('l')).getBlobClient('a').download()).rejects.toMatchObject(
      refusal('AuthorizationPermissionMismatch'),
    )
  })

  it('stops with the role of who made it', async () => {
    const { principal, sas } = await delegated([{ role: roles.blobReader, scope: accountId }])
    const token = sas('r')
    expect(await containerWith(token).getBlobClient('a').exists()).toBe(true)
    for (const assignment of [...cloud.authorizer.assignments({ principalId: principal.objectId })]) {
      await cloud.authorizer.deleteAssignment(assignment.scope, assignment.name)
    }
    await expect(containerWith(token).getBlobClient('a').download()).rejects.toMatchObject({ statusCode: 403 })
  })

  it('is bound to the identity, the window and the account', async () => {
    const { sas } = await delegated([{ role: roles.blobReader, scope: accountId }])
    const other = await cloud.principal({ role: roles.blobContributor, scope: accountId })
    for (const [name, value] of [
      ['skoid', other.objectId],
      ['ske', new Date(Date.now() + 48 * hour).toISOString()],
      ['sktid', '00000000-0000-0000-0000-000000000000'],
    ] as const) {
      const changed = new URLSearchParams(sas('r'))
      changed.set(name, value)
      const answer = await cloud.send({ host: 'orders.blob.core.windows.net', path: `/inbox/a?${changed}` })
      expect(answer.headers['x-ms-error-code']).toBe('AuthenticationFailed')
    }
  })

  it('needs the right to make one, and a token', async () => {
    const nobody = await cloud.principal()
    await expect(
      cloud.blobs('orders', nobody.credential).getUserDelegationKey(new Date(), inAnHour()),
    ).rejects.toMatchObject(refusal('AuthorizationPermissionMismatch'))
    await expect(cloud.blobs('orders', key).getUserDelegationKey(new Date(), inAnHour())).rejects.toMatchObject({
      statusCode: 403,
    })
    const reader = await cloud.principal({ role: roles.blobReader, scope: accountId })
    await expect(
      cloud.blobs('orders', reader.credential).getUserDelegationKey(new Date(), new Date(Date.now() + 8 * 24 * hour)),
    ).rejects.toMatchObject({ statusCode: 400 })
  })

  it('stops when the account revokes its delegation keys', async () => {
    const { sas } = await delegated([{ role: roles.blobReader, scope: accountId }])
    const token = sas('r')
    expect(await containerWith(token).getBlobClient('a').exists()).toBe(true)
    await cloud.arm.storageAccounts.revokeUserDelegationKeys('rg', 'orders')
    await expect(containerWith(token).getBlobClient('a').download()).rejects.toMatchObject({ statusCode: 403 })
  })
})
