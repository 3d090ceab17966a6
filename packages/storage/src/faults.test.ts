import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import { StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCloud, type TestCloud } from './testing/cloud.ts'

let cloud: TestCloud
let keys: string[]
let sas: string

const host = 'orders.blob.core.windows.net'

beforeAll(async () => {
  cloud = await startCloud()
  keys = (await cloud.account('orders')).keys
  const container = cloud.blobs('orders', credential()).getContainerClient('inbox')
  await container.create()
  await container.getBlockBlobClient('a').upload('first', 5)
  const answer = await cloud.arm.storageAccounts.listAccountSAS('rg', 'orders', {
    services: 'b',
    resourceTypes: 'sco',
    permissions: 'rwdlactuf' as 'r',
    sharedAccessExpiryTime: new Date(Date.now() + 3_600_000),
  })
  sas = answer.accountSasToken ?? ''
}, 60_000)
afterAll(() => cloud?.stop())

const credential = () => new StorageSharedKeyCredential('orders', keys[0] ?? '')
const send = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  cloud.send({
    method,
    host,
    path: `${path}${path.includes('?') ? '&' : '?'}${sas}`,
    headers: { 'x-ms-version': '2025-11-05', ...headers },
    ...(body === undefined ? {} : { body }),
  })
const code = async (...request: Parameters<typeof send>) => {
  const { status, headers } = await send(...request)
  return [status, headers['x-ms-error-code']]
}

describe('a request outside the table', () => {
  it('is not let through', async () => {
    for (const [method, path] of [
      ['GET', '/inbox/a?comp=query'],
      ['POST', '/inbox/a?comp=query'],
      ['PUT', '/inbox/a?comp=undelete'],
      ['PUT', '/inbox/a?comp=immutabilityPolicies'],
      ['PUT', '/inbox/a?comp=expiry'],
      ['PUT', '/inbox/a?comp=incrementalcopy'],
      ['PUT', '/inbox/a'],
      ['PUT', '/inbox?restype=container&comp=rename'],
      ['PUT', '/inbox?restype=container&comp=undelete'],
      ['GET', '/inbox'],
      ['GET', '/?restype=service&comp=stats'],
      ['GET', '/inbox/a?restype=container&comp=list'],
      ['PATCH', '/inbox/a'],
      ['OPTIONS', '/inbox/a'],
      ['MERGE', '/inbox/a'],
    ] as const) {
      expect([method, path, ...(await code(method, path, { 'Content-Length': '0' }))]).toEqual([
        method,
        path,
        501,
        'NotImplemented',
      ])
    }
  })

  it('can not be smuggled in by a second parameter, another spelling or an overriding header', async () => {
    expect(await code('GET', '/inbox?restype=container&comp=list&comp=acl')).toEqual([
      400,
      'InvalidQueryParameterValue',
    ])
    expect(await code('GET', '/inbox?restype=container&comp=list&COMP=acl')).toEqual([
      400,
      'InvalidQueryParameterValue',
    ])
    expect(await code('GET', '/inbox/a?versionid=1')).toEqual([400, 'UnsupportedQueryParameter'])
    expect(await code('GET', '/inbox/a', { 'X-HTTP-Method': 'DELETE' })).toEqual([400, 'UnsupportedHeader'])
    expect(await code('PUT', '/inbox/a?comp=metadata', { 'x-ms-copy-source': 'https://example.com/a' })).toEqual([
      400,
      'UnsupportedHeader',
    ])
    expect((await send('GET', '/inbox/a')).status).toBe(200)
  })

  it('with a bad name or path is refused by name', async () => {
    expect(await code('GET', '/..%2finbox/a')).toEqual([400, 'OutOfRangeInput'])
    expect(await code('GET', '/INBOX/a')).toEqual([400, 'InvalidResourceName'])
    expect(await code('GET', `/${'x'.repeat(10_000)}/a`)).toEqual([400, 'OutOfRangeInput'])
    expect(await code('GET', '/inbox/%00')).toEqual([400, 'InvalidUri'])
    expect(await code('GET', '/inbox/%zz')).toEqual([400, 'InvalidUri'])
    expect(await code('GET', '/inbox/%F0%9F%8D%95')).toEqual([404, 'BlobNotFound'])
  })

  it('asks for a length and for public access in vain', async () => {
    expect(
      await code('PUT', '/fresh?restype=container', { 'Content-Length': '0', 'x-ms-blob-public-access': 'blob' }),
    ).toEqual([409, 'PublicAccessNotPermitted'])
  })
})

describe('an account that forbids its keys', () => {
  it('refuses keys and what is signed with them', async () => {
    const { keys: others } = await cloud.account('keyless', { allowSharedKeyAccess: false })
    const service = cloud.blobs('keyless', new StorageSharedKeyCredential('keyless', others[0] ?? ''))
    await expect(service.listContainers().next()).rejects.toMatchObject({
      statusCode: 403,
      code: 'KeyBasedAuthenticationNotPermitted',
    })
    await cloud.arm.storageAccounts.update('rg', 'keyless', { allowSharedKeyAccess: true })
    expect((await service.listContainers().next()).done).toBe(true)
  })
})

describe('a client', () => {
  it('with a clock that is off is refused', async () => {
    cloud.time.ahead = 16 * 60 * 1000
    await expect(cloud.blobs('orders', credential()).listContainers().next()).rejects.toMatchObject({
      code: 'AuthenticationFailed',
    })
    cloud.time.ahead = 0
  })

  it('that hangs up half-way leaves nothing behind', async () => {
    const request = https.request({
      host,
      agent: cloud.agent,
      method: 'PUT',
      path: `/inbox/half?${sas}`,
      headers: { 'Content-Length': 1_000_000, 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2025-11-05' },
    })
    request.on('error', () => {})
    await new Promise((sent) => request.write(Buffer.alloc(1000), sent))
    const closed = new Promise((close) => request.once('close', close))
    request.destroy()
    await closed
    expect((await send('HEAD', '/inbox/half')).status).toBe(404)
    expect((await send('GET', '/inbox/a')).status).toBe(200)
  })

  it('that waits for 100-continue gets it', async () => {
    const request = https.request({
      host,
      agent: cloud.agent,
      method: 'PUT',
      path: `/inbox/continued?${sas}`,
      headers: {
        'Content-Length': 2,
        Expect: '100-continue',
        'x-ms-blob-type': 'BlockBlob',
        'x-ms-version': '2025-11-05',
      },
    })
    request.flushHeaders()
    await once(request, 'continue')
    request.end('ok')
    const [response] = await once(request, 'response')
    response.resume()
    expect(response.statusCode).toBe(201)
  })
})

describe('Azurite', () => {
  it('killed under load: clients are told, none hangs, and the service comes back', async () => {
    // What is there is saved: Azurite loses up to 5 seconds of what it acknowledged when it is killed.
    await cloud.azurite.stop('SIGTERM')
    await cloud.azurite.start()
    const blob = cloud.blobs('orders', credential()).getContainerClient('inbox').getBlobClient('a')
    const outcomes = new Set<number | undefined>()
    const underWay = Promise.withResolvers<void>()
    const back = Promise.withResolvers<void>()
    let answered = 0
    let restarted = false
    // Each client asks until it has been refused, waits for Azurite, and asks until it is answered again.
    const client = async () => {
      for (;;) {
        try {
          await blob.downloadToBuffer()
          outcomes.add(200)
          if (++answered === 50) underWay.resolve()
          if (restarted) return
        } catch (error) {
          outcomes.add((error as { statusCode?: number }).statusCode)
          await back.promise
        }
      }
    }
    const load = Array.from({ length: 8 }, client)
    await underWay.promise
    await cloud.azurite.stop('SIGKILL')
    const told = await send('GET', '/inbox/a')
    expect([told.status, told.headers['x-ms-error-code'], told.headers['retry-after']]).toEqual([
      503,
      'ServerBusy',
      '1',
    ])
    await cloud.azurite.start()
    restarted = true
    back.resolve()
    await Promise.all(load)
    expect(outcomes).toEqual(new Set([200, 503]))
  }, 90_000)

  it('keeps on SIGTERM what was acknowledged a moment before', async () => {
    const container = cloud.blobs('orders', credential()).getContainerClient('inbox')
    await container.getBlockBlobClient('last').upload('kept', 4)
    expect(await cloud.azurite.stop('SIGTERM')).toBe(0)
    await cloud.azurite.start()
    expect((await container.getBlockBlobClient('last').downloadToBuffer()).toString()).toBe('kept')
  }, 60_000)
})

describe('a deleted account', () => {
  it('takes its data with it: an account of the same name starts empty', async () => {
    const first = await cloud.account('phoenix')
    const service = (key?: string) => cloud.blobs('phoenix', new StorageSharedKeyCredential('phoenix', key ?? ''))
    await service(first.keys[0]).getContainerClient('secret').create()
    await cloud.arm.storageAccounts.delete('rg', 'phoenix')
    const second = await cloud.account('phoenix')
    expect((await service(second.keys[0]).listContainers().next()).done).toBe(true)
    await expect(service(first.keys[0]).listContainers().next()).rejects.toMatchObject({ statusCode: 403 })
  })
})

describe('secrets', () => {
  it('are in no log, event, argument or file', async () => {
    const forms = keys.flatMap((key) => {
      const bytes = Buffer.from(key, 'base64')
      return [
        key,
        bytes.toString('hex'),
        encodeURIComponent(key),
        JSON.stringify(key).slice(1, -1),
        bytes.toString('latin1'),
      ]
    })
    const signature = new URLSearchParams(sas).get('sig') ?? ''
    const searched = [...forms, signature, encodeURIComponent(signature), cloud.azurite.secret]
    const files: [string, string][] = [
      ['argv', cloud.azurite.argv.join(' ')],
      ['logged', cloud.logged.join('\n')],
    ]
    for (const entry of await readdir(cloud.directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      files.push([path, await readFile(path, 'latin1')])
    }
    expect(files.some(([name, text]) => name.endsWith('azurite.log') && text.length > 0)).toBe(true)
    for (const [name, text] of files) {
      for (const secret of searched) expect([name, text.includes(secret)]).toEqual([name, false])
    }
  })
})
