import { StorageSharedKeyCredential } from '@azure/storage-blob'
import { StorageSharedKeyCredential as QueueKey } from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCloud, type TestCloud } from './testing/cloud.ts'

let cloud: TestCloud
let keys: string[]

beforeAll(async () => {
  cloud = await startCloud()
  keys = (await cloud.account('orders')).keys
}, 60_000)
afterAll(() => cloud?.stop())

const blobs = (key = 0) => cloud.blobs('orders', new StorageSharedKeyCredential('orders', keys[key] ?? ''))

describe('a shared key', () => {
  it('uploads, lists, downloads and deletes blobs with either key', async () => {
    for (const key of [0, 1]) {
      const container = blobs(key).getContainerClient(`c${key}-container`)
      await container.create({ metadata: { Team: 'shop' } })
      const blob = container.getBlockBlobClient('a folder/ä&b=1+2%?.txt')
      await blob.upload('order', 5, { metadata: { Order_No: '1' }, tags: { kind: 'order' } })
      expect((await blob.downloadToBuffer()).toString()).toBe('order')
      expect((await blob.getProperties()).metadata).toEqual({ order_no: '1' })
      const names: string[] = []
      for await (const item of container.listBlobsFlat({ includeMetadata: true })) {
        names.push(item.name)
        expect(item.metadata).toEqual({ Order_No: '1' })
      }
      expect(names).toEqual(['a folder/ä&b=1+2%?.txt'])
      await blob.delete()
      await container.delete()
    }
  })

  it('names the account, not Azurite, in a list', async () => {
    const service = blobs()
    await service.getContainerClient('listed').create()
    const page = (await service.listContainers().byPage().next()).value
    expect(page?.serviceEndpoint).toBe('https://orders.blob.core.windows.net/')
  })

  it('stages and commits blocks, appends, writes pages, leases and snapshots', async () => {
    const container = blobs().getContainerClient('kinds')
    await container.create()
    const block = container.getBlockBlobClient('block')
    await block.uploadData(Buffer.alloc(3_000_000, 7), { blockSize: 1_000_000, maxSingleShotSize: 1 })
    expect((await block.downloadToBuffer()).equals(Buffer.alloc(3_000_000, 7))).toBe(true)
    const append = container.getAppendBlobClient('append')
    await append.create()
    await append.appendBlock('a', 1)
    const page = container.getPageBlobClient('page')
    await page.create(512)
    await page.uploadPages(Buffer.alloc(512), 0, 512)
    expect((await page.getPageRanges(0, 512)).pageRange).toHaveLength(1)
    const lease = block.getBlobLeaseClient()
    await lease.acquireLease(15)
    await lease.releaseLease()
    const { snapshot = '' } = await block.createSnapshot()
    expect((await block.withSnapshot(snapshot).getProperties()).contentLength).toBe(3_000_000)
    await block.delete({ deleteSnapshots: 'include' })
  })

  it('sends, peeks, receives, updates and deletes messages', async () => {
    const queue = cloud.queues('orders', new QueueKey('orders', keys[0] ?? '')).getQueueClient('orders-in')
    await queue.create({ metadata: { a: 'b' } })
    await queue.sendMessage('one')
    expect((await queue.peekMessages()).peekedMessageItems[0]?.messageText).toBe('one')
    const { receivedMessageItems } = await queue.receiveMessages()
    const [message] = receivedMessageItems
    const updated = await queue.updateMessage(message?.messageId ?? '', message?.popReceipt ?? '', 'two', 0)
    await queue.deleteMessage(message?.messageId ?? '', updated.popReceipt ?? '')
    await queue.clearMessages()
    expect((await queue.getProperties()).metadata).toEqual({ a: 'b' })
    const names: string[] = []
    for await (const item of cloud.queues('orders', new QueueKey('orders', keys[0] ?? '')).listQueues())
      names.push(item.name)
    expect(names).toEqual(['orders-in'])
    await queue.delete()
  })

  it('is refused when it is another one', async () => {
    const wrong = new StorageSharedKeyCredential('orders', Buffer.alloc(64, 1).toString('base64'))
    await expect(cloud.blobs('orders', wrong).getContainerClient('listed').getProperties()).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthenticationFailed',
    })
  })

  it('stops working the moment it is regenerated, while the other goes on', async () => {
    const before = new StorageSharedKeyCredential('orders', keys[1] ?? '')
    const answer = await cloud.arm.storageAccounts.regenerateKey('rg', 'orders', { keyName: 'key2' })
    await expect(cloud.blobs('orders', before).getContainerClient('listed').exists()).rejects.toMatchObject({
      statusCode: 403,
    })
    keys[1] = answer.keys?.[1]?.value ?? ''
    expect(await blobs(1).getContainerClient('listed').exists()).toBe(true)
    expect(await blobs(0).getContainerClient('listed').exists()).toBe(true)
  })
})
