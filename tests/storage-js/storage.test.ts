import { ClientSecretCredential, type TokenCredential } from '@azure/identity'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  AnonymousCredential,
  type BlobClient,
  BlobSASPermissions,
  BlobServiceClient,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import {
  generateQueueSASQueryParameters,
  StorageSharedKeyCredential as QueueKey,
  QueueSASPermissions,
  QueueServiceClient,
} from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { TestCloud } from '../support/cloud.ts'
import { type Account, all, Provisioner, required } from '../support/provisioner.ts'

const blobUrl = 'https://storders.blob.core.windows.net'
const queueUrl = 'https://storders.queue.core.windows.net'
const once = { retryOptions: { maxTries: 1 } }
const inAnHour = (): Date => new Date(Date.now() + 3_600_000)
const anHourAgo = (): Date => new Date(Date.now() - 3_600_000)

let cloud: TestCloud
let owner: Provisioner
let reader: TestApplication
let account: Account
let key: StorageSharedKeyCredential
let queueKey: QueueKey

beforeAll(async () => {
  cloud = await TestCloud.start()
  ;({ reader } = await addApplications(cloud, ['reader']))
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  account = await owner.account('storders')
  key = new StorageSharedKeyCredential('storders', required(account.keys[0]))
  queueKey = new QueueKey('storders', required(account.keys[0]))
  for (const name of ['inbox', 'outbox']) {
    const { containerClient } = await blobs(key).createContainer(name)
    await containerClient.uploadBlockBlob('note', `from ${name}`, `from ${name}`.length)
    await containerClient.uploadBlockBlob('folder/other', 'other', 5)
  }
  for (const name of ['jobs', 'other']) {
    await queues(queueKey).createQueue(name)
    await queues(queueKey).getQueueClient(name).sendMessage(`from ${name}`)
  }
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

const blobs = (credential: StorageSharedKeyCredential | TokenCredential | AnonymousCredential, query = '') =>
  new BlobServiceClient(`${blobUrl}${query && `?${query}`}`, credential, once)
const queues = (credential: QueueKey | TokenCredential | AnonymousCredential, query = '') =>
  new QueueServiceClient(`${queueUrl}${query && `?${query}`}`, credential, once)
const asReader = (): TokenCredential => new ClientSecretCredential(owner.tenantId, reader.clientId, reader.clientSecret)
const container = (name = 'inbox', credential: TokenCredential | StorageSharedKeyCredential = asReader()) =>
  blobs(credential).getContainerClient(name)
const queue = (name = 'jobs') => queues(asReader()).getQueueClient(name)
const withSas = (query: string, name = 'inbox') => blobs(new AnonymousCredential(), query).getContainerClient(name)
const text = async (blob: BlobClient): Promise<string> => (await blob.downloadToBuffer()).toString()

async function granted(scope: string, role: string): Promise<() => Promise<void>> {
  const revoke = await owner.grant(scope, role, reader.objectId)
  onTestFinished(revoke)
  return revoke
}

const refusal = (code: string) => ({ statusCode: 403, code })
const mismatch = refusal('AuthorizationPermissionMismatch')

describe('a shared key', () => {
  test('of the account writes, reads, lists, copies and deletes blobs', async () => {
    const made = (await blobs(key).createContainer('by-key')).containerClient
    const blob = made.getBlockBlobClient('dir/ü 漢.txt')
    const content = Buffer.alloc(6_000_000, 'content')
    await blob.uploadData(content, { blockSize: 1_000_000, maxSingleShotSize: 1, metadata: { a: 'b' } })
    expect((await blob.downloadToBuffer()).equals(content)).toBe(true)
    expect((await blob.downloadToBuffer(100, 7)).toString()).toBe(content.subarray(100, 107).toString())
    const { etag, metadata } = await blob.getProperties()
    expect(metadata).toEqual({ a: 'b' })
    await expect(blob.upload('x', 1, { conditions: { ifMatch: '"0x0"' } })).rejects.toMatchObject({ statusCode: 412 })
    await blob.upload('x', 1, { conditions: { ifMatch: required(etag) } })
    const copy = made.getBlockBlobClient('copy')
    await (await copy.beginCopyFromURL(blob.url)).pollUntilDone()
    expect((await all(made.listBlobsFlat())).map(({ name }) => name)).toEqual(['copy', 'dir/ü 漢.txt'])
    await made.delete()
    expect(await made.exists()).toBe(false)
  })

  test('of the account sends, peeks, receives and deletes messages', async () => {
    const made = queues(queueKey).getQueueClient('by-key')
    await made.create()
    await made.sendMessage('first <&>')
    await made.sendMessage('second')
    expect((await made.peekMessages({ numberOfMessages: 2 })).peekedMessageItems).toHaveLength(2)
    const [first] = (await made.receiveMessages()).receivedMessageItems
    expect(first?.messageText).toBe('first <&>')
    await made.deleteMessage(required(first).messageId, required(first).popReceipt)
    expect((await made.getProperties()).approximateMessagesCount).toBe(1)
    await made.delete()
  })

  test.each(['second', 'wrong', 'of another account'])('the %s one', async (which) => {
    const value =
      which === 'second'
        ? required(account.keys[1])
        : which === 'wrong'
          ? Buffer.alloc(64, 1).toString('base64')
          : required((await owner.account('stbeside')).keys[0])
    const read = text(container('inbox', new StorageSharedKeyCredential('storders', value)).getBlobClient('note'))
    if (which === 'second') expect(await read).toBe('from inbox')
    else await expect(read).rejects.toMatchObject({ statusCode: 403 })
  })

  test('is taken by nobody who holds none', async () => {
    await expect(all(blobs(new AnonymousCredential()).listContainers())).rejects.toMatchObject({
      statusCode: expect.toSatisfy((status: number) => status === 401 || status === 403 || status === 409),
    })
    await expect(text(withSas('').getBlobClient('note'))).rejects.toThrow()
  })

  test('is good for nothing from the moment it is regenerated', async () => {
    const { keys } = await owner.account('strotated')
    const service = (value?: string) =>
      new BlobServiceClient(
        'https://strotated.blob.core.windows.net',
        new StorageSharedKeyCredential('strotated', required(value)),
        once,
      )
    const sas = generateAccountSASQueryParameters(
      {
        services: 'b',
        resourceTypes: 'sco',
        permissions: AccountSASPermissions.parse('rl'),
        expiresOn: inAnHour(),
      },
      new StorageSharedKeyCredential('strotated', required(keys[0])),
    ).toString()
    const bySas = new BlobServiceClient(
      `https://strotated.blob.core.windows.net?${sas}`,
      new AnonymousCredential(),
      once,
    )
    await service(keys[0]).createContainer('kept')
    expect(await all(bySas.listContainers())).toHaveLength(1)

    const renewed = await owner.storage.storageAccounts.regenerateKey('rg', 'strotated', { keyName: 'key1' })
    await expect(all(service(keys[0]).listContainers())).rejects.toMatchObject(refusal('AuthenticationFailed'))
    await expect(all(bySas.listContainers())).rejects.toMatchObject(refusal('AuthenticationFailed'))
    expect(await all(service(keys[1]).listContainers())).toHaveLength(1)
    expect(await all(service(renewed.keys?.[0]?.value).listContainers())).toHaveLength(1)
  })
})

describe('a shared access signature', () => {
  const blobSas = (permissions: string, more: object = {}) =>
    generateBlobSASQueryParameters(
      {
        containerName: 'inbox',
        blobName: 'note',
        permissions: BlobSASPermissions.parse(permissions),
        expiresOn: inAnHour(),
        ...more,
      },
      key,
    ).toString()

  test('for reading one blob reads that one, and nothing else', async () => {
    const sas = withSas(blobSas('r'))
    expect(await text(sas.getBlobClient('note'))).toBe('from inbox')
    await expect(sas.getBlobClient('folder/other').download()).rejects.toMatchObject({ statusCode: 403 })
    await expect(sas.getBlockBlobClient('note').upload('x', 1)).rejects.toMatchObject(mismatch)
    await expect(sas.getBlobClient('note').delete()).rejects.toMatchObject(mismatch)
    await expect(all(sas.listBlobsFlat())).rejects.toMatchObject({ statusCode: 403 })
  })

  test('for a container lists and writes in it, and not beside it', async () => {
    const query = generateBlobSASQueryParameters(
      { containerName: 'inbox', permissions: ContainerSASPermissions.parse('lcw'), expiresOn: inAnHour() },
      key,
    ).toString()
    await withSas(query).getBlockBlobClient('by-sas').upload('x', 1)
    expect((await all(withSas(query).listBlobsFlat())).map(({ name }) => name)).toContain('by-sas')
    await expect(all(withSas(query, 'outbox').listBlobsFlat())).rejects.toMatchObject({ statusCode: 403 })
  })

  test.each([
    ['has expired', () => blobSas('r', { startsOn: new Date(0), expiresOn: anHourAgo() })],
    ['is for later', () => blobSas('r', { startsOn: inAnHour(), expiresOn: new Date(Date.now() + 7_200_000) })],
    ['was widened', () => blobSas('r').replace('sp=r', 'sp=rw')],
    ['was lengthened', () => blobSas('r').replace(/se=20\d\d/, 'se=2099')],
    [
      'is signed by another',
      () => blobSas('r').replace(/sig=.*?(&|$)/, `sig=${encodeURIComponent(Buffer.alloc(32).toString('base64'))}$1`),
    ],
  ])('that %s is refused', async (_, query) => {
    await expect(withSas(query()).getBlobClient('note').download()).rejects.toMatchObject(
      refusal('AuthenticationFailed'),
    )
  })

  test('of the account does what its services and letters say', async () => {
    const query = generateAccountSASQueryParameters(
      {
        services: AccountSASServices.parse('b').toString(),
        resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
        permissions: AccountSASPermissions.parse('rl'),
        expiresOn: inAnHour(),
      },
      key,
    ).toString()
    expect(await text(withSas(query).getBlobClient('note'))).toBe('from inbox')
    await expect(withSas(query, 'made').create()).rejects.toMatchObject({ statusCode: 403 })
    await expect(queues(new AnonymousCredential(), query).getQueueClient('jobs').peekMessages()).rejects.toMatchObject({
      statusCode: 403,
    })
  })

  test('of a queue adds messages and receives none', async () => {
    const query = generateQueueSASQueryParameters(
      { queueName: 'jobs', permissions: QueueSASPermissions.parse('a'), expiresOn: inAnHour() },
      queueKey,
    ).toString()
    const jobs = queues(new AnonymousCredential(), query).getQueueClient('jobs')
    expect((await jobs.sendMessage('by sas')).messageId).toBeTruthy()
    await expect(jobs.receiveMessages()).rejects.toMatchObject(mismatch)
  })
})

describe('a user delegation signature', () => {
  const delegationSas = async (permissions: string): Promise<string> => {
    const service = blobs(asReader())
    const delegation = await service.getUserDelegationKey(new Date(Date.now() - 60_000), inAnHour())
    return generateBlobSASQueryParameters(
      {
        containerName: 'inbox',
        blobName: 'note',
        permissions: BlobSASPermissions.parse(permissions),
        expiresOn: inAnHour(),
      },
      delegation,
      'storders',
    ).toString()
  }

  test('passes on what its maker may do, and no more', async () => {
    await granted(account.id, 'Storage Blob Delegator')
    const revoke = await granted(`${account.id}/blobServices/default/containers/inbox`, 'Storage Blob Data Reader')
    const sas = await delegationSas('rw')
    expect(await text(withSas(sas).getBlobClient('note'))).toBe('from inbox')
    await expect(withSas(sas).getBlockBlobClient('note').upload('x', 1)).rejects.toMatchObject({ statusCode: 403 })
    await revoke()
    await expect(text(withSas(sas).getBlobClient('note'))).rejects.toMatchObject({ statusCode: 403 })
  })

  test('is made by nobody who may not', async () => {
    await granted(`${account.id}/blobServices/default/containers/inbox`, 'Storage Blob Data Reader')
    await expect(delegationSas('r')).rejects.toMatchObject({ statusCode: 403 })
  })
})

describe('a bearer token', () => {
  test('without a role is refused everywhere', async () => {
    await expect(container().getBlobClient('note').download()).rejects.toMatchObject(mismatch)
    await expect(container().getBlockBlobClient('note').upload('x', 1)).rejects.toMatchObject(mismatch)
    await expect(all(container().listBlobsFlat())).rejects.toMatchObject(mismatch)
    await expect(all(blobs(asReader()).listContainers())).rejects.toMatchObject(mismatch)
    await expect(queue().peekMessages()).rejects.toMatchObject(mismatch)
    await expect(queue().sendMessage('x')).rejects.toMatchObject(mismatch)
    await expect(all(queues(asReader()).listQueues())).rejects.toMatchObject(mismatch)
  })

  test.each(['Owner', 'Contributor', 'Reader', 'Storage Queue Data Contributor'])(
    'of a %s of the account reads no blob',
    async (role) => {
      await granted(account.id, role)
      await expect(container().getBlobClient('note').download()).rejects.toMatchObject(mismatch)
    },
  )

  test('reads everything below the account with a role there, and writes nothing as a reader', async () => {
    const revoke = await granted(account.id, 'Storage Blob Data Reader')
    expect(await text(container('outbox').getBlobClient('note'))).toBe('from outbox')
    expect((await all(blobs(asReader()).listContainers())).map(({ name }) => name)).toContain('inbox')
    await expect(container().getBlockBlobClient('note').upload('x', 1)).rejects.toMatchObject(mismatch)
    await expect(container().getBlobClient('note').delete()).rejects.toMatchObject(mismatch)
    await expect(container('fresh').create()).rejects.toMatchObject(mismatch)
    await expect(queue().peekMessages()).rejects.toMatchObject(mismatch)
    await revoke()
    await expect(container('outbox').getBlobClient('note').download()).rejects.toMatchObject(mismatch)
  })

  test('writes in one container with a role there, and not beside it', async () => {
    await granted(`${account.id}/blobServices/default/containers/inbox`, 'Storage Blob Data Contributor')
    await container().getBlockBlobClient('by-token').upload('x', 1)
    await container().getBlobClient('by-token').delete()
    await expect(container('outbox').getBlockBlobClient('by-token').upload('x', 1)).rejects.toMatchObject(mismatch)
    await expect(container('outbox').getBlobClient('note').download()).rejects.toMatchObject(mismatch)
    await expect(all(blobs(asReader()).listContainers())).rejects.toMatchObject(mismatch)
  })

  test('copies nothing that it may not read', async () => {
    await granted(`${account.id}/blobServices/default/containers/inbox`, 'Storage Blob Data Contributor')
    const target = container().getBlockBlobClient('stolen')
    await expect(target.beginCopyFromURL(`${blobUrl}/outbox/note`)).rejects.toMatchObject({
      statusCode: expect.toSatisfy((status: number) => status >= 401 && status <= 404),
    })
    await expect(target.syncUploadFromURL(`${blobUrl}/outbox/note`)).rejects.toThrow()
    expect(await target.exists()).toBe(false)
  })

  test('sends to one queue as its sender, and receives from it as its processor', async () => {
    const jobs = `${account.id}/queueServices/default/queues/jobs`
    const revoke = await granted(jobs, 'Storage Queue Data Message Sender')
    await queue().sendMessage('by token')
    await expect(queue().receiveMessages()).rejects.toMatchObject(mismatch)
    await expect(queue('other').sendMessage('x')).rejects.toMatchObject(mismatch)
    await revoke()
    await granted(jobs, 'Storage Queue Data Message Processor')
    const [message] = (await queue().receiveMessages()).receivedMessageItems
    await queue().deleteMessage(required(message).messageId, required(message).popReceipt)
    await expect(queue().sendMessage('x')).rejects.toMatchObject(mismatch)
    await expect(queue('other').receiveMessages()).rejects.toMatchObject(mismatch)
  })

  test('of a queue reader peeks and changes nothing', async () => {
    await granted(`${account.id}/queueServices/default/queues/other`, 'Storage Queue Data Reader')
    expect((await queue('other').peekMessages()).peekedMessageItems[0]?.messageText).toBe('from other')
    await expect(queue('other').clearMessages()).rejects.toMatchObject(mismatch)
    await expect(queue().peekMessages()).rejects.toMatchObject(mismatch)
  })
})

test('an account that was deleted is unknown at once, and made again knows neither its keys nor its blobs', async () => {
  const { keys } = await owner.account('stpassing')
  const service = (value?: string) =>
    new BlobServiceClient(
      'https://stpassing.blob.core.windows.net',
      new StorageSharedKeyCredential('stpassing', required(value)),
      once,
    )
  await service(keys[0]).createContainer('kept')
  await owner.storage.storageAccounts.delete('rg', 'stpassing')
  await expect(all(service(keys[0]).listContainers())).rejects.toThrow()
  const again = await owner.account('stpassing')
  await expect(all(service(keys[0]).listContainers())).rejects.toMatchObject(refusal('AuthenticationFailed'))
  expect(await all(service(again.keys[0]).listContainers())).toEqual([])
})
