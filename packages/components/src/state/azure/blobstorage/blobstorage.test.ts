import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StateStore } from '../../../state-store.ts'
import { type Azurite, startAzurite } from '../../../testing/azurite.ts'
import { testContext } from '../../../testing/context.ts'
import { v1, v2 } from './blobstorage.ts'

let azurite: Azurite
let service: BlobServiceClient
const stores: StateStore[] = []
const signal = (): AbortSignal => AbortSignal.timeout(15_000)

beforeAll(async () => {
  azurite = await startAzurite()
  const { endpoint, accountName, accountKey } = azurite
  const credential = new StorageSharedKeyCredential(accountName, accountKey)
  service = new BlobServiceClient(`${endpoint}/${accountName}`, credential)
}, 60_000)

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close?.()))
  await azurite.close()
})

async function open(factory: typeof v1, over: Readonly<Record<string, string>> = {}) {
  const { endpoint, accountName, accountKey } = azurite
  const metadata = { endpoint, accountName, accountKey, containerName: 'state', ...over }
  const { context, lines } = testContext({ metadata })
  const store = await factory.init(context)
  stores.push(store)
  return { store, lines }
}

const request = (key: string, over: Partial<Parameters<StateStore['set']>[0]> = {}) => ({
  key,
  value: Buffer.from('"v"'),
  metadata: {},
  options: {},
  ...over,
})

async function names(container: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of service.getContainerClient(container).listBlobsFlat()) found.push(name)
  return found
}

describe('a key', () => {
  it('is the name of the blob without its prefix in v1, and with it in v2', async () => {
    const { store: first } = await open(v1, { containerName: 'names1' })
    const { store: second } = await open(v2, { containerName: 'names2' })
    for (const key of ['app||order', 'plain', 'app||actor||1']) {
      await first.set(request(key), signal())
      await second.set(request(key), signal())
    }
    expect((await names('names1')).sort()).toEqual(['app', 'order', 'plain'])
    expect((await names('names2')).sort()).toEqual(['app||actor||1', 'app||order', 'plain'])
  })
})

describe('a blob', () => {
  it("has the headers and metadata of the request, and the request's content type first", async () => {
    const { store, lines } = await open(v2)
    const metadata = {
      ContentType: 'text/plain',
      contentEncoding: 'identity',
      CONTENTLANGUAGE: 'en',
      contentDisposition: 'inline',
      cacheControl: 'no-cache',
      'odd-name_1': 'ü value\u0001',
      ttlInSeconds: '5',
    }
    await store.set(request('headers', { metadata, contentType: 'application/json' }), signal())
    const blob = await service.getContainerClient('state').getBlobClient('headers').getProperties()
    expect(blob).toMatchObject({
      contentType: 'application/json',
      contentEncoding: 'identity',
      contentLanguage: 'en',
      contentDisposition: 'inline',
      cacheControl: 'no-cache',
      metadata: { oddname1: 'value', ttlinseconds: '5' },
    })
    expect(lines.at(-1)).toBe(
      'warn ContentType received from request Metadata text/plain, as well as ContentType property application/json, choosing value from contentType property',
    )
    expect((await store.get('headers', {}, {}, signal())).contentType).toBe('application/json')
  })

  it('is not written with an MD5 that is none', async () => {
    const { store } = await open(v2)
    await expect(store.set(request('md5', { metadata: { contentMD5: 'c2hvcnQ=' } }), signal())).rejects.toThrow(
      'the MD5 value specified in Content MD5 is invalid, MD5 value must be 128 bits and base64 encoded',
    )
  })

  it('is stored under a mebibyte or two just as well', async () => {
    const { store } = await open(v2)
    const value = Buffer.alloc(2_500_000, 'x')
    await store.set(request('large', { value }), signal())
    expect(Buffer.from((await store.get('large', {}, {}, signal())).data ?? []).equals(value)).toBe(true)
  })
})

describe('a refusal', () => {
  it('of an etag carries what the service said', async () => {
    const { store } = await open(v2)
    await store.set(request('etag'), signal())
    await expect(store.set(request('etag', { etag: '"0x0"' }), signal())).rejects.toThrow(
      /^possible etag mismatch\. error from state store: PUT http:\/\/127\.0\.0\.1:\d+\/orders\/state\/etag\n-{80}\nRESPONSE 412: 412 .+\nERROR CODE: ConditionNotMet\n/,
    )
  })

  it('of a first write that came second is told as a failed upload, as daprd does', async () => {
    const { store } = await open(v2)
    const first = request('first', { options: { concurrency: 'first-write' } })
    await store.set(first, signal())
    await expect(store.set(first, signal())).rejects.toThrow(/^error uploading blob: PUT .+\n-{80}\nRESPONSE 409: 409 /)
  })

  it('of a wrong account key ends init with the service’s words and without the key', async () => {
    const accountKey = Buffer.from('some other key').toString('base64')
    const refusal = await open(v1, { accountKey }).catch((error: Error) => error.message)
    expect(refusal).toMatch(
      /^failed to create Azure Storage container state: PUT http:\/\/127\.0\.0\.1:\d+\/orders\/state\n-{80}\nRESPONSE 403: 403 .+\nERROR CODE: AuthorizationFailure\n/,
    )
    expect(refusal).not.toContain(accountKey)
  })

  it('of a container that is not there is told at each request where it is not to be made', async () => {
    const { store } = await open(v2, { containerName: 'absent', disableEntityManagement: 'true' })
    await expect(store.get('x', {}, {}, signal())).rejects.toThrow('ERROR CODE: ContainerNotFound')
    await expect(store.set(request('x'), signal())).rejects.toThrow(/^error uploading blob: PUT /)
    await expect(store.delete(request('x'), signal())).rejects.toThrow(/^DELETE /)
  })

  it('of a container name that can not be', async () => {
    await expect(open(v2, { containerName: 'x' })).rejects.toThrow(/^failed to create Azure Storage container x: PUT /)
  })
})

describe('the container', () => {
  it('may be there already', async () => {
    await open(v1, { containerName: 'twice' })
    await open(v2, { containerName: 'twice' })
  })

  it('is private unless publicAccessLevel says otherwise', async () => {
    await open(v2, { containerName: 'private' })
    await open(v2, { containerName: 'open', publicAccessLevel: 'blob' })
    expect((await service.getContainerClient('private').getProperties()).blobPublicAccess).toBeUndefined()
    expect((await service.getContainerClient('open').getProperties()).blobPublicAccess).toBe('blob')
  })

  it('is reached by a connection string too', async () => {
    const { endpoint, accountName, accountKey } = azurite
    const connectionString = `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${endpoint}/${accountName};`
    const { context } = testContext({ metadata: { connectionString, containerName: 'connected' } })
    const store = await v2.init(context)
    stores.push(store)
    await store.set(request('a'), signal())
    expect(await names('connected')).toEqual(['a'])
  })

  it('under an Azure endpoint that was spelled out is warned of', async () => {
    const { lines } = await open(v2, {
      endpoint: 'https://orders.blob.core.windows.net/state',
      disableEntityManagement: 'true',
    })
    expect(lines).toEqual([
      'warn Metadata property endpoint is set to an Azure Blob Storage endpoint and will be ignored',
    ])
  })

  it('that is slow to be made is left when init is over', async () => {
    const { endpoint, accountName, accountKey } = azurite
    const metadata = { endpoint, accountName, accountKey, containerName: 'late' }
    const { context } = testContext({ metadata, signal: AbortSignal.abort() })
    await expect(v2.init(context)).rejects.toThrow('failed to create Azure Storage container late: context canceled')
  })
})
