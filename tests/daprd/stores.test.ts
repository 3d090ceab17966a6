/** The sidecar beside daprd, on the same components: each reads what the other wrote, and both answer in the same words. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommunicationProtocolEnum, DaprClient } from '@dapr/dapr'
import {
  freePort,
  startPostgresServer,
  startRedisServer,
  startVaultServer,
  vaultBinary,
} from '@keystead/components/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sidecarCommand } from '../support/cloud.ts'

const daprd = process.env.DAPRD
const vaultProgram = vaultBinary()

interface Running {
  readonly grpcPort: number
  request(
    path: string,
    init?: RequestInit,
  ): Promise<{ readonly status: number; readonly text: string; readonly etag: string }>
  stop(): Promise<void>
}

async function start(command: string, resources: string): Promise<Running> {
  const [httpPort, grpcPort, internalPort, metricsPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const flags = {
    'app-id': 'orders',
    'resources-path': resources,
    'dapr-http-port': httpPort,
    'dapr-grpc-port': grpcPort,
    'dapr-internal-grpc-port': internalPort,
    'metrics-port': metricsPort,
  }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let log = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk
      if (log.includes('dapr initialized. Status: Running.')) resolve()
    })
    exited.then(() => reject(new Error(`${command} ended:\n${log}`)), reject)
  })
  return {
    grpcPort,
    async request(path, init) {
      const response = await fetch(`http://127.0.0.1:${httpPort}/${path}`, init)
      return { status: response.status, text: await response.text(), etag: response.headers.get('etag') ?? '' }
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

const post = (body: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(body) })

describe.skipIf(daprd === undefined)('beside daprd (DAPRD)', () => {
  const cleanups: (() => Promise<void>)[] = []
  let sidecars: Readonly<Record<'daprd' | 'ours', Running>>

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'beside-daprd-'))
    const [redis, postgres] = await Promise.all([startRedisServer(), startPostgresServer()])
    cleanups.push(redis.close, postgres.close, () => rm(folder, { recursive: true }))
    const redisHost = `127.0.0.1:${redis.port}`
    const { connectionString } = postgres
    const write = async (name: string, type: string, version: string, metadata: Readonly<Record<string, string>>) => {
      const encrypted = name === 'encrypted'
      const key = { name: 'primaryEncryptionKey', secretKeyRef: { name: 'key', key: 'key' } }
      const items = [
        ...Object.entries(metadata).map(([field, value]) => ({ name: field, value })),
        ...(encrypted ? [key] : []),
      ]
      // JSON is YAML.
      const document = {
        apiVersion: 'dapr.io/v1alpha1',
        kind: 'Component',
        metadata: { name },
        spec: { type, version, metadata: items },
        ...(encrypted && { auth: { secretStore: 'secrets' } }),
      }
      await writeFile(join(folder, `${name}.yaml`), JSON.stringify(document))
    }
    await writeFile(join(folder, 'secrets.json'), JSON.stringify({ key: 'ab'.repeat(32) }))
    await write('secrets', 'secretstores.local.file', 'v1', { secretsFile: join(folder, 'secrets.json') })
    await write('redis', 'state.redis', 'v1', { redisHost })
    await write('encrypted', 'state.redis', 'v1', { redisHost, keyPrefix: 'encrypted' })
    await write('postgresql1', 'state.postgresql', 'v1', { connectionString })
    await write('postgresql2', 'state.postgresql', 'v2', { connectionString, tablePrefix: 'v2_' })
    await write('sqlite', 'state.sqlite', 'v1', { connectionString: join(folder, 'state.db') })
    if (vaultProgram !== undefined) {
      const vault = await startVaultServer(vaultProgram)
      cleanups.push(vault.close)
      await vault.api('POST', 'secret/data/dapr/db', { data: { user: 'orders', password: 'hunter2' } })
      await vault.api('POST', 'secret/data/dapr/number', { data: { pin: 1234 } })
      await vault.api('POST', 'secret/data/dapr/team/api', { data: { key: 'abcdef' } })
      const vaultAddr = vault.url
      await write('vault', 'secretstores.hashicorp.vault', 'v1', { vaultAddr, vaultToken: vault.rootToken })
      await write('text', 'secretstores.hashicorp.vault', 'v1', {
        ...{ vaultAddr, vaultToken: vault.rootToken },
        vaultValueType: 'text',
      })
      await write('refused', 'secretstores.hashicorp.vault', 'v1', { vaultAddr, vaultToken: 'wrong' })
      await write('gone', 'secretstores.hashicorp.vault', 'v1', {
        vaultAddr: `http://127.0.0.1:${await freePort()}`,
        vaultToken: 'wrong',
      })
    }
    // daprd makes the tables, and ours finds them.
    const first = await start(String(daprd), folder)
    cleanups.unshift(first.stop)
    const second = await start(sidecarCommand, folder)
    cleanups.unshift(second.stop)
    sidecars = { daprd: first, ours: second }
  })
  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  describe.each([
    ['daprd', 'ours'],
    ['ours', 'daprd'],
  ] as const)('what %s wrote', (writer, reader) => {
    test.each(['redis', 'postgresql1', 'postgresql2', 'sqlite', 'encrypted'])(
      'to %s is read, changed and deleted by the other',
      async (store) => {
        const [one, other] = [sidecars[writer], sidecars[reader]]
        // daprd encrypts Go's print of an object, which nothing can read back.
        const order = store === 'encrypted' ? 'teapot' : { item: 'teapot', note: 'grüße <&>' }
        const key = (name: string): string => `${writer}-${name}`
        const saved = [
          { key: key('order'), value: order },
          { key: key('number'), value: 1.5 },
        ]
        expect((await one.request(`v1.0/state/${store}`, post(saved))).status).toBe(204)
        const client = new DaprClient({
          communicationProtocol: CommunicationProtocolEnum.GRPC,
          daprHost: '127.0.0.1',
          daprPort: String(one.grpcPort),
        })
        await client.state.save(store, [{ key: key('bytes'), value: 'no JSON' }])
        await client.stop()
        for (const name of ['order', 'number', 'bytes', 'absent']) {
          const path = `v1.0/state/${store}/${key(name)}`
          expect(await other.request(path), name).toEqual(await one.request(path))
        }
        const { etag } = await other.request(`v1.0/state/${store}/${key('order')}`)
        const change = post([{ key: key('order'), value: 'changed', etag }])
        expect((await other.request(`v1.0/state/${store}`, change)).status).toBe(204)
        expect((await one.request(`v1.0/state/${store}`, change)).status).toBe(409)
        const gone = `v1.0/state/${store}/${key('number')}`
        expect((await other.request(gone, { method: 'DELETE' })).status).toBe(204)
        expect((await one.request(gone)).status).toBe(204)
      },
    )

    test('with a time to live expires for the other', async () => {
      const [one, other] = [sidecars[writer], sidecars[reader]]
      for (const store of ['redis', 'postgresql1', 'postgresql2', 'sqlite']) {
        const item = { key: `${writer}-short`, value: 1, metadata: { ttlInSeconds: '1' } }
        await one.request(`v1.0/state/${store}`, post([item]))
        await expect
          .poll(() => other.request(`v1.0/state/${store}/${item.key}`), { timeout: 10_000, interval: 100 })
          .toMatchObject({ status: 204 })
      }
    })
  })

  test('queries, and refusals to query, are answered alike', async () => {
    const query = post({ filter: { EQ: { item: 'teapot' } }, sort: [{ key: 'item' }], page: { limit: 1 } })
    for (const store of ['redis', 'postgresql1', 'postgresql2', 'sqlite', 'encrypted', 'nowhere']) {
      for (const body of [query, post({ filter: { EQ: 1 } }), post({ filter: { GT: { item: 'a' } } })]) {
        const path = `v1.0-alpha1/state/${store}/query`
        expect(await sidecars.ours.request(path, body), store).toEqual(await sidecars.daprd.request(path, body))
      }
    }
  })

  test('components are listed with the same capabilities', async () => {
    const listed = async (sidecar: Running) =>
      JSON.parse((await sidecar.request('v1.0/metadata')).text).components.sort(
        (one: { name: string }, two: { name: string }) => one.name.localeCompare(two.name),
      )
    expect(await listed(sidecars.ours)).toEqual(await listed(sidecars.daprd))
  })

  test
    .skipIf(vaultProgram === undefined)
    .each([
      ...[
        'vault/db',
        'vault/number',
        'vault/team%2Fapi',
        'vault/absent',
        'vault/db?metadata.version_id=7',
        'vault/bulk',
      ],
      ...['text/db', 'text/number', 'text/bulk', 'refused/db', 'refused/bulk', 'gone/db', 'gone/bulk'],
    ])('secret %s is answered alike', async (path) => {
    // The server counts its requests.
    const answer = async (sidecar: Running) => {
      const { status, text } = await sidecar.request(`v1.0/secrets/${path}`)
      return { status, text: text.replace(/\\"request_id\\":\\"[^"]*\\"/, '') }
    }
    expect(await answer(sidecars.ours)).toEqual(await answer(sidecars.daprd))
  })
})
