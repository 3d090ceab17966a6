import { StorageSharedKeyCredential } from '@azure/storage-blob'
import { StorageSharedKeyCredential as QueueKey } from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Principal, roles, startCloud, type TestCloud, tenantId } from './testing/cloud.ts'

let cloud: TestCloud
let account: { id: string; keys: string[] }

beforeAll(async () => {
  cloud = await startCloud()
  account = await cloud.account('orders')
  const key = new StorageSharedKeyCredential('orders', account.keys[0] ?? '')
  for (const name of ['inbox', 'outbox']) {
    const container = cloud.blobs('orders', key).getContainerClient(name)
    await container.create()
    await container.getBlockBlobClient('a').upload('first', 5)
    await container.getBlockBlobClient('b/c').upload('second', 6)
  }
  const queueKey = new QueueKey('orders', account.keys[0] ?? '')
  for (const name of ['jobs', 'other']) {
    const queue = cloud.queues('orders', queueKey).getQueueClient(name)
    await queue.create()
    await queue.sendMessage('one')
    await queue.sendMessage('two')
  }
}, 60_000)
afterAll(() => cloud?.stop())

const mismatch = { statusCode: 403, code: 'AuthorizationPermissionMismatch' }
const container = (who: Principal, name = 'inbox') => cloud.blobs('orders', who.credential).getContainerClient(name)
const queue = (who: Principal, name = 'jobs') => cloud.queues('orders', who.credential).getQueueClient(name)

describe('a role at the account', () => {
  it('reads everything below it and writes nothing, as a reader', async () => {
    const reader = await cloud.principal({ role: roles.blobReader, scope: account.id })
    expect((await container(reader).getBlobClient('a').downloadToBuffer()).toString()).toBe('first')
    expect((await container(reader, 'outbox').listBlobsFlat().next()).value?.name).toBe('a')
    expect((await cloud.blobs('orders', reader.credential).listContainers().next()).value?.name).toBe('inbox')
    await expect(container(reader).getBlockBlobClient('x').upload('x', 1)).rejects.toMatchObject(mismatch)
    await expect(container(reader).getBlobClient('a').delete()).rejects.toMatchObject(mismatch)
    await expect(container(reader, 'fresh').create()).rejects.toMatchObject(mismatch)
    await expect(container(reader).delete()).rejects.toMatchObject(mismatch)
    await expect(queue(reader).peekMessages()).rejects.toMatchObject(mismatch)
  })

  it('writes, as a contributor', async () => {
    const writer = await cloud.principal({ role: roles.blobContributor, scope: account.id })
    await container(writer, 'made').create()
    const blob = container(writer, 'made').getBlockBlobClient('x')
    await blob.uploadData(Buffer.alloc(2_000_000), { blockSize: 500_000, maxSingleShotSize: 1 })
    await blob.setMetadata({ a: 'b' })
    await blob.delete()
    await container(writer, 'made').delete()
  })

  it('of an Owner or Contributor reads no data', async () => {
    for (const role of [roles.owner, roles.contributor]) {
      const principal = await cloud.principal({ role, scope: account.id })
      await expect(container(principal).getBlobClient('a').download()).rejects.toMatchObject(mismatch)
      await expect(container(principal).listBlobsFlat().next()).rejects.toMatchObject(mismatch)
      await expect(queue(principal).peekMessages()).rejects.toMatchObject(mismatch)
    }
  })
})

describe('a role at one container or blob', () => {
  it('holds there and nowhere beside it', async () => {
    const scope = `${account.id}/blobServices/default/containers/inbox`
    const reader = await cloud.principal({ role: roles.blobReader, scope })
    expect((await container(reader).getBlobClient('b/c').downloadToBuffer()).toString()).toBe('second')
    expect((await container(reader).listBlobsFlat().next()).value?.name).toBe('a')
    await expect(container(reader, 'outbox').getBlobClient('a').download()).rejects.toMatchObject(mismatch)
    await expect(cloud.blobs('orders', reader.credential).listContainers().next()).rejects.toMatchObject(mismatch)
  })

  it('on a blob does not reach its container or its siblings', async () => {
    const scope = `${account.id}/blobServices/default/containers/inbox/blobs/b%2Fc`
    const reader = await cloud.principal({ role: roles.blobReader, scope })
    expect((await container(reader).getBlobClient('b/c').downloadToBuffer()).toString()).toBe('second')
    await expect(container(reader).getBlobClient('a').download()).rejects.toMatchObject(mismatch)
    await expect(container(reader).listBlobsFlat().next()).rejects.toMatchObject(mismatch)
  })

  it('takes effect and stops with the next request', async () => {
    const someone = await cloud.principal()
    const blob = container(someone).getBlobClient('a')
    await expect(blob.download()).rejects.toMatchObject(mismatch)
    const remove = await cloud.grant(someone, roles.blobReader, account.id)
    expect((await blob.downloadToBuffer()).toString()).toBe('first')
    await remove()
    await expect(blob.download()).rejects.toMatchObject(mismatch)
  })
})

describe('a role at a queue', () => {
  const scope = (name: string) => `${account.id}/queueServices/default/queues/${name}`

  it('sends and does not receive, as a sender', async () => {
    const sender = await cloud.principal({ role: roles.queueSender, scope: scope('jobs') })
    await queue(sender).sendMessage('three')
    await expect(queue(sender).receiveMessages()).rejects.toMatchObject(mismatch)
    await expect(queue(sender).peekMessages()).rejects.toMatchObject(mismatch)
    await expect(queue(sender, 'other').sendMessage('x')).rejects.toMatchObject(mismatch)
  })

  it('receives and deletes and does not send, as a processor', async () => {
    const processor = await cloud.principal({ role: roles.queueProcessor, scope: scope('jobs') })
    const { receivedMessageItems } = await queue(processor).receiveMessages()
    const [message] = receivedMessageItems
    await queue(processor).deleteMessage(message?.messageId ?? '', message?.popReceipt ?? '')
    await expect(queue(processor).sendMessage('x')).rejects.toMatchObject(mismatch)
    await expect(queue(processor).clearMessages()).rejects.toMatchObject(mismatch)
  })

  it('peeks, as a reader, and makes queues, as a contributor', async () => {
    const reader = await cloud.principal({ role: roles.queueReader, scope: scope('other') })
    expect((await queue(reader, 'other').peekMessages()).peekedMessageItems).toHaveLength(1)
    await expect(queue(reader, 'other').receiveMessages()).rejects.toMatchObject(mismatch)
    const writer = await cloud.principal({ role: roles.queueContributor, scope: account.id })
    await queue(writer, 'made').create()
    await queue(writer, 'made').delete()
    await expect(container(writer).getBlobClient('a').download()).rejects.toMatchObject(mismatch)
  })
})

describe('a token', () => {
  const host = 'orders.blob.core.windows.net'
  const challenge = `Bearer authorization_uri=https://login.microsoftonline.com/${tenantId}/oauth2/authorize resource_id=https://storage.azure.com`

  it('that is malformed, forged or for another audience is 401 with the challenge', async () => {
    const good = await cloud.principal({ role: roles.blobReader, scope: account.id })
    const other = await good.credential.getToken('https://management.azure.com/.default')
    const [head, body] = good.token.split('.')
    for (const token of ['nonsense', 'a.b.c', `${head}.${body}.AAAA`, other?.token]) {
      const answer = await cloud.send({
        host,
        path: '/inbox/a',
        headers: { Authorization: `Bearer ${token}`, 'x-ms-version': '2025-11-05' },
      })
      expect(answer.status).toBe(401)
      expect(answer.headers['x-ms-error-code']).toBe('InvalidAuthenticationInfo')
      expect(answer.headers['www-authenticate']).toBe(challenge)
      expect(answer.text).not.toContain(token)
    }
  })

  it('is not taken over plain HTTP, nor by a version that does not know it', async () => {
    const good = await cloud.principal({ role: roles.blobReader, scope: account.id })
    const headers = { Authorization: `Bearer ${good.token}` }
    const old = await cloud.send({ host, path: '/inbox/a', headers: { ...headers, 'x-ms-version': '2017-07-29' } })
    expect(old.status).toBe(403)
    expect((await cloud.send({ host, path: '/inbox/a', headers })).status).toBe(403)
    await cloud.account('plain', { enableHttpsTrafficOnly: false })
    const plain = await cloud.send({
      host: 'plain.blob.core.windows.net',
      path: '/inbox/a',
      headers: { ...headers, 'x-ms-version': '2025-11-05' },
      plain: true,
    })
    expect(plain.headers['x-ms-error-code']).toBe('AuthenticationFailed')
  })

  it('is asked for when there is none', async () => {
    const answer = await cloud.send({ host, path: '/inbox/a', headers: { 'x-ms-version': '2025-11-05' } })
    expect(answer.status).toBe(401)
    expect(answer.headers['x-ms-error-code']).toBe('NoAuthenticationInformation')
    expect(answer.headers['www-authenticate']).toBe(challenge)
    const anonymous = await cloud.send({ host, path: '/inbox/a' })
    expect(anonymous.status).toBe(409)
    expect(anonymous.headers['x-ms-error-code']).toBe('PublicAccessNotPermitted')
  })
})

describe('the audit trail', () => {
  it('has every write and every refusal, with who and why, and no token', async () => {
    const writer = await cloud.principal({ role: roles.blobContributor, scope: account.id })
    await container(writer).getBlockBlobClient('audited').upload('x', 1)
    const nobody = await cloud.principal()
    await expect(container(nobody).getBlobClient('audited').download()).rejects.toMatchObject(mismatch)
    const events = await cloud.audit()
    expect(events.findLast((event) => event.caller?.objectId === writer.objectId)).toMatchObject({
      service: 'storage',
      operation: 'PutBlob',
      status: 201,
      resource: `${account.id}/blobServices/default/containers/inbox/blobs/audited`,
      decision: { allowed: true, roleName: 'Storage Blob Data Contributor' },
    })
    expect(events.findLast((event) => event.caller?.objectId === nobody.objectId)).toMatchObject({
      operation: 'GetBlob',
      status: 403,
      decision: { allowed: false, reason: 'noRoleAssignment' },
    })
    expect(JSON.stringify(events)).not.toContain(writer.token)
  })
})
