import {
  BlobSASPermissions,
  type BlobServiceClient,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roles, startCloud, type TestCloud } from './testing/cloud.ts'

let cloud: TestCloud
const ids: Record<string, string> = {}
const keys: Record<string, StorageSharedKeyCredential> = {}
const services: Record<string, BlobServiceClient> = {}

const key = (account: string) => keys[account] as StorageSharedKeyCredential
const container = (account: string) => (services[account] as BlobServiceClient).getContainerClient('inbox')

beforeAll(async () => {
  cloud = await startCloud()
  for (const name of ['orders', 'archive']) {
    const account = await cloud.account(name)
    ids[name] = account.id
    keys[name] = new StorageSharedKeyCredential(name, account.keys[0] ?? '')
    services[name] = cloud.blobs(name, key(name))
    await container(name).create()
    await container(name)
      .getBlockBlobClient('a')
      .upload(`of ${name}`, `of ${name}`.length, {
        metadata: { From: name },
        blobHTTPHeaders: { blobContentType: 'text/x-o' },
      })
  }
}, 60_000)
afterAll(() => cloud?.stop())

function sourceUrl(account: string, permissions = 'r', blobName = 'a'): string {
  const sas = generateBlobSASQueryParameters(
    {
      containerName: 'inbox',
      blobName,
      permissions: BlobSASPermissions.parse(permissions),
      expiresOn: new Date(Date.now() + 3_600_000),
    },
    key(account),
  )
  return `https://${account}.blob.core.windows.net/inbox/${blobName}?${sas}`
}
const bare = (account: string) => `https://${account}.blob.core.windows.net/inbox/a`

describe('Copy Blob', () => {
  it('within one account goes by the key alone, and names the source as clients know it', async () => {
    const target = container('orders').getBlobClient('copy')
    await (await target.beginCopyFromURL(bare('orders'))).pollUntilDone()
    const properties = await target.getProperties()
    expect(properties.copySource).toBe(bare('orders'))
    expect(properties.metadata).toEqual({ from: 'orders' })
    expect((await target.downloadToBuffer()).toString()).toBe('of orders')
  })

  it('from another account needs a SAS that reads the source', async () => {
    const target = container('orders').getBlobClient('from-archive')
    await expect(target.beginCopyFromURL(bare('archive'))).rejects.toMatchObject({
      statusCode: 401,
      code: 'CannotVerifyCopySource',
    })
    await expect(target.beginCopyFromURL(sourceUrl('archive', 'w'))).rejects.toMatchObject({
      statusCode: 403,
      code: 'CannotVerifyCopySource',
    })
    await expect(target.beginCopyFromURL(sourceUrl('archive').replace(/sig=.{6}/, 'sig=AAAAAA'))).rejects.toMatchObject(
      {
        statusCode: 403,
        code: 'CannotVerifyCopySource',
      },
    )
    await (await target.beginCopyFromURL(sourceUrl('archive'))).pollUntilDone()
    const { copySource = '' } = await target.getProperties()
    expect(copySource).toBe(bare('archive'))
    expect((await target.downloadToBuffer()).toString()).toBe('of archive')
    for await (const item of container('orders').listBlobsFlat({ includeCopy: true, prefix: 'from-archive' })) {
      expect(item.properties.copySource).toBe(bare('archive'))
    }
  })

  it('by a token needs the role at both ends', async () => {
    const scope = (name: string) => `${ids.orders}/blobServices/default/containers/${name}`
    await container('orders').getBlobClient('a').getProperties()
    const target = services.orders?.getContainerClient('drop')
    await target?.create()
    const writer = await cloud.principal({ role: roles.blobContributor, scope: scope('drop') })
    const drop = cloud.blobs('orders', writer.credential).getContainerClient('drop').getBlobClient('x')
    await expect(drop.beginCopyFromURL(bare('orders'))).rejects.toMatchObject({ code: 'CannotVerifyCopySource' })
    await cloud.grant(writer, roles.blobReader, scope('inbox'))
    await (await drop.beginCopyFromURL(bare('orders'))).pollUntilDone()
    expect((await drop.downloadToBuffer()).toString()).toBe('of orders')
  })

  it('takes no source outside this cloud, and none that nobody has', async () => {
    const target = container('orders').getBlobClient('x')
    for (const url of ['http://127.0.0.1:1/x/y', 'http://169.254.169.254/metadata', 'https://example.com/a/b']) {
      await expect(target.beginCopyFromURL(url)).rejects.toMatchObject({ statusCode: 501 })
    }
    await expect(target.beginCopyFromURL(bare('nobody'))).rejects.toMatchObject({ statusCode: 404 })
    await expect(target.beginCopyFromURL('file:///etc/passwd')).rejects.toMatchObject({ statusCode: 400 })
  })
})

describe('putting from a URL', () => {
  it('copies at once, puts blobs, blocks, pages and appended blocks by a SAS', async () => {
    const url = sourceUrl('archive')
    const target = container('orders')
    await target.getBlobClient('sync').syncCopyFromURL(url)
    expect((await target.getBlobClient('sync').downloadToBuffer()).toString()).toBe('of archive')

    const put = target.getBlockBlobClient('put')
    await put.syncUploadFromURL(url)
    expect((await put.downloadToBuffer()).toString()).toBe('of archive')
    expect(await put.getProperties()).toMatchObject({ contentType: 'text/x-o', metadata: { from: 'archive' } })

    const staged = target.getBlockBlobClient('staged')
    const block = Buffer.from('1').toString('base64')
    await staged.stageBlockFromURL(block, url, 3, 7)
    await staged.commitBlockList([block])
    expect((await staged.downloadToBuffer()).toString()).toBe('archive')

    const appended = target.getAppendBlobClient('appended')
    await appended.create()
    await appended.appendBlockFromURL(url, 0, 10)
    expect((await appended.downloadToBuffer()).toString()).toBe('of archive')
  })

  it('by x-ms-copy-source-authorization needs the role at the source', async () => {
    const reader = await cloud.principal()
    const blob = container('orders').getBlockBlobClient('authorized')
    const sourceAuthorization = { scheme: 'Bearer', value: reader.token }
    await expect(blob.syncUploadFromURL(bare('archive'), { sourceAuthorization })).rejects.toMatchObject({
      statusCode: 403,
      code: 'CannotVerifyCopySource',
    })
    expect((await cloud.audit()).at(-1)).toMatchObject({
      operation: 'PutBlobFromURLSource',
      status: 403,
      resource: `${ids.archive}/blobServices/default/containers/inbox/blobs/a`,
      decision: { allowed: false, reason: 'noRoleAssignment' },
    })
    await cloud.grant(reader, roles.blobReader, ids.archive ?? '')
    await blob.syncUploadFromURL(bare('archive'), { sourceAuthorization })
    expect((await blob.downloadToBuffer()).toString()).toBe('of archive')
  })

  it('without authorization of the source is refused, even within the account', async () => {
    await expect(container('orders').getBlockBlobClient('x').syncUploadFromURL(bare('orders'))).rejects.toMatchObject({
      code: 'CannotVerifyCopySource',
    })
  })

  it('keeps source conditions and tells of a missing source', async () => {
    const blob = container('orders').getBlockBlobClient('x')
    const missing = sourceUrl('archive', 'r', 'missing')
    await expect(blob.syncUploadFromURL(missing)).rejects.toMatchObject({ statusCode: 404 })
    await expect(blob.beginCopyFromURL(missing)).rejects.toMatchObject({ statusCode: 404 })
    await expect(
      blob.syncUploadFromURL(sourceUrl('archive'), { sourceConditions: { ifMatch: '"0x1"' } }),
    ).rejects.toMatchObject({ statusCode: 412 })
  })
})

describe('Blob Batch', () => {
  const upload = async (names: string[]) => {
    for (const name of names) await container('orders').getBlockBlobClient(name).upload('x', 1)
    return names.map((name) => container('orders').getBlobClient(name).url)
  }

  it('deletes by a shared key', async () => {
    const urls = await upload(['one', 'two words'])
    const answer = await services.orders?.getBlobBatchClient().deleteBlobs(urls, key('orders'))
    expect(answer?.subResponsesSucceededCount).toBe(2)
    expect(await container('orders').getBlobClient('one').exists()).toBe(false)
  })

  it('decides each part on its own', async () => {
    const scope = (name: string) => `${ids.orders}/blobServices/default/containers/${name}`
    await services.orders?.getContainerClient('kept').create()
    const kept = services.orders?.getContainerClient('kept').getBlockBlobClient('safe')
    await kept?.upload('x', 1)
    const urls = [...(await upload(['three'])), kept?.url ?? '']
    const writer = await cloud.principal({ role: roles.blobContributor, scope: scope('inbox') })
    const batch = cloud.blobs('orders', writer.credential).getBlobBatchClient()
    const answer = await batch.deleteBlobs(urls, writer.credential)
    expect(answer.subResponses.map((part) => [part.status, part.errorCode])).toEqual([
      [202, undefined],
      [403, 'AuthorizationPermissionMismatch'],
    ])
    expect(await kept?.exists()).toBe(true)
    const refused = (await cloud.audit()).filter((event) => event.caller?.objectId === writer.objectId)
    expect(refused.map((event) => [event.operation, event.status])).toEqual([
      ['DeleteBlob', 202],
      ['DeleteBlob', 403],
      ['BlobBatch', 202],
    ])
  })

  it('does nothing for a part with another key, without one, or of another operation', async () => {
    const [url = ''] = await upload(['four'])
    const wrong = new StorageSharedKeyCredential('orders', Buffer.alloc(64).toString('base64'))
    const answer = await services.orders?.getBlobBatchClient().deleteBlobs([url], wrong)
    expect(answer?.subResponses[0]?.status).toBe(403)
    const writer = await cloud.principal({ role: roles.blobContributor, scope: ids.orders ?? '' })
    const send = (part: string) =>
      cloud.send({
        method: 'POST',
        host: 'orders.blob.core.windows.net',
        path: '/?comp=batch',
        headers: {
          Authorization: `Bearer ${writer.token}`,
          'x-ms-version': '2025-11-05',
          'Content-Type': 'multipart/mixed; boundary=b',
        },
        body: `--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n${part}\r\n\r\n--b--\r\n`,
      })
    const anonymous = await send('DELETE /inbox/four HTTP/1.1\r\nContent-Length: 0\r\n')
    expect(anonymous.text).toContain('HTTP/1.1 401 NoAuthenticationInformation')
    const bearer = `Authorization: Bearer ${writer.token}\r\n`
    expect((await send(`DELETE /inbox?restype=container HTTP/1.1\r\n${bearer}`)).text).toContain('HTTP/1.1 501')
    expect((await send('not a request')).status).toBe(400)
    expect(await container('orders').getBlobClient('four').exists()).toBe(true)
  })
})
