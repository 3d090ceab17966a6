import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { succeed, TestCloud } from '../support/cloud.ts'
import { Gateway, type RawAnswer } from '../support/gateway.ts'
import { statusOf } from '../support/processes.ts'
import { Provisioner, required } from '../support/provisioner.ts'
import { ownObjectId } from '../support/secret-peer.ts'

const vaultHost = 'kv-full.vault.azure.net'

describe.runIf(process.platform === 'linux')('a disk that is full', () => {
  let folder: string
  /** The disk is full while this file exists. */
  let full: string
  let cloud: TestCloud
  let gateway: Gateway
  let owner: Provisioner
  let accountKey: string
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'keystead-full-')))
    full = join(folder, 'full')
    const library = join(folder, 'full-disk.so')
    const source = fileURLToPath(new URL('full-disk.c', import.meta.url))
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, source])
    cloud = await TestCloud.start({
      LD_PRELOAD: library,
      FULL_DISK_ROOT: await realpath(tmpdir()),
      FULL_DISK_WHEN: full,
    })
    await cloud.connect()
    gateway = await Gateway.of(cloud.environment)
    owner = await Provisioner.asOwner(cloud.environment)
    await owner.grant(await owner.vault('kv-full'), 'Key Vault Secrets Officer', await ownObjectId(owner))
    const { keys } = await owner.account('stfull')
    accountKey = required(keys[0])
    await owner.putBlob('stfull', accountKey, 'inbox', 'before', 'kept')
    for (const [host, resource] of [
      [vaultHost, 'https://vault.azure.net'],
      ['management.azure.com', 'https://management.azure.com'],
      ['graph.microsoft.com', 'https://graph.microsoft.com'],
    ] as const) {
      tokens.set(host, await gateway.ownerToken(resource))
    }
    expect((await setSecret('before', 'kept')).status).toBe(200)
  })
  afterAll(async () => {
    await rm(full, { force: true })
    await cloud?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const send = (method: string, host: string, path: string, body?: unknown): Promise<RawAnswer> =>
    gateway.send({
      method,
      host,
      path,
      headers: { authorization: `Bearer ${tokens.get(host)}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const setSecret = (name: string, value: string) =>
    send('PUT', vaultHost, `/secrets/${name}?api-version=7.5`, { value })
  const getSecret = (name: string) => send('GET', vaultHost, `/secrets/${name}?api-version=7.5`)
  const group = (name: string) => `/subscriptions/${owner.subscriptionId}/resourceGroups/${name}?api-version=2021-04-01`
  const makeGroup = (name: string) => send('PUT', 'management.azure.com', group(name), { location: 'westeurope' })

  test('is told by every service in its own form, without details, and nothing that was acknowledged is lost', async () => {
    await writeFile(full, '')
    const before = await statusOf(cloud.dataDirectory)
    const answers: Record<string, RawAnswer> = {
      'a secret': await setSecret('during', 'lost'),
      'a group': await makeGroup('rg-during'),
      'an application': await send('POST', 'graph.microsoft.com', '/v1.0/applications', { displayName: 'during' }),
    }
    for (const [name, { status, json, text }] of Object.entries(answers)) {
      expect(status, `${name}: ${text}`).toBeGreaterThanOrEqual(500)
      expect(status, `${name}: ${text}`).toBeLessThanOrEqual(507)
      expect((json as { error: { code: string } }).error.code, name).toEqual(expect.stringMatching(/^\w+$/))
      expect(text).not.toMatch(/SQL|ENOSPC|keystead\.db|at .*\.js/)
    }
    const credential = new StorageSharedKeyCredential('stfull', accountKey)
    const impatient = new BlobServiceClient('https://stfull.blob.core.windows.net', credential, {
      retryOptions: { maxTries: 1 },
    })
    const blob = impatient.getContainerClient('inbox').getBlockBlobClient('during')
    await expect(blob.upload('x', 1)).rejects.toMatchObject({ statusCode: expect.any(Number) })
    // Without its audit event nothing is answered, a secret least of all.
    const read = await getSecret('before')
    expect([read.status, read.text.includes('kept')]).toEqual([503, false])

    await rm(full)
    expect((await getSecret('before')).json).toMatchObject({ value: 'kept' })
    expect((await getSecret('during')).status).toBe(404)
    expect((await send('GET', 'management.azure.com', group('rg-during'))).status).toBe(404)
    expect((await setSecret('after', 'kept')).status).toBe(200)
    expect((await makeGroup('rg-after')).status).toBe(201)
    await owner.putBlob('stfull', accountKey, 'inbox', 'after', 'x')
    // Nobody died of it.
    const after = await statusOf(cloud.dataDirectory)
    expect(after.processes.map(({ name, pid }) => [name, pid])).toEqual(
      before.processes.map(({ name, pid }) => [name, pid]),
    )
    // The next line of the log tells that some are missing.
    await gateway.ownerToken('https://vault.azure.net')
    await vi.waitFor(async () => {
      const log = await readFile(join(cloud.dataDirectory, 'logs/core.log'), 'utf8')
      expect(log).toMatch(/bytes of this log could not be written/)
    })
  })

  test('is told by `up`, which starts once there is space', async () => {
    await succeed(cloud.keystead('down'))
    await writeFile(full, '')
    const { code, stderr } = await cloud.keystead('up', '--detach')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: .*no space/im)
    expect(stderr).toContain('Free some space on the disk, then try again.')
    await rm(full)
    await succeed(cloud.keystead('up', '--detach'))
    expect((await getSecret('after')).json).toMatchObject({ value: 'kept' })
  })
})
