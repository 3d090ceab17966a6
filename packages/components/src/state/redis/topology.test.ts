/** state.redis where several servers are one: a cluster, and a master that sentinels name. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { stateStoreChecks } from '../../conformance/state-store.ts'
import { testContext } from '../../testing/context.ts'
import { type RedisServer, startRedisServer } from '../../testing/redis-server.ts'
import { freePort, serverProgram, startServer } from '../../testing/server-process.ts'
import { factory } from './redis.ts'

const cleanups: (() => Promise<void> | undefined)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const signal = () => AbortSignal.timeout(30_000)

async function open(metadata: Readonly<Record<string, string>>) {
  if (factory.block !== 'state') throw new TypeError('no state store')
  const store = await factory.init(testContext({ metadata, signal: signal() }).context)
  cleanups.push(() => store.close?.())
  return store
}

async function started(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedisServer({ arguments: args })
  cleanups.push(server.close)
  return server
}

async function command(port: number, ...words: string[]): Promise<unknown> {
  const client = new Redis({ port, host: '127.0.0.1' })
  try {
    return await client.call(String(words[0]), ...words.slice(1))
  } finally {
    client.disconnect()
  }
}

describe('a cluster', () => {
  it('serves keys of all its servers, and transactions within one slot', async () => {
    const servers = [await started(['--cluster-enabled', 'yes']), await started(['--cluster-enabled', 'yes'])]
    const [one = 0, other = 0] = servers.map(({ port }) => port)
    await command(one, 'CLUSTER', 'ADDSLOTSRANGE', '0', '8191')
    await command(other, 'CLUSTER', 'ADDSLOTSRANGE', '8192', '16383')
    await command(one, 'CLUSTER', 'MEET', '127.0.0.1', String(other))
    for (const port of [one, other]) {
      await expect
        .poll(async () => String(await command(port, 'CLUSTER', 'INFO')), { timeout: 20_000 })
        .toContain('cluster_state:ok')
    }
    const store = await open({ redisHost: `127.0.0.1:${one}`, redisType: 'cluster' })
    const value = Buffer.from('x')
    const keys = Array.from({ length: 20 }, (_, number) => `app||key-${number}`)
    for (const key of keys) await store.set({ key, value, metadata: {}, options: {} }, signal())
    for (const key of keys) expect((await store.get(key, {}, {}, signal())).data).toEqual(value)
    for (const port of [one, other]) expect(await command(port, 'DBSIZE')).toBeGreaterThan(0)
    const upsert = (key: string) => ({
      operation: 'upsert' as const,
      request: { key, value, metadata: {}, options: {} },
    })
    await store.transact?.([upsert('{order}||a'), upsert('{order}||b')], {}, signal())
    expect((await store.get('{order}||b', {}, {}, signal())).data).toEqual(value)
    await expect(store.transact?.([upsert('a'), upsert('b'), upsert('c')], {}, signal())).rejects.toThrow(
      /CROSSSLOT|slot/,
    )
  }, 60_000)
})

describe('sentinels', () => {
  it('name the master, and the one after it', async () => {
    const master = await started(['--repl-diskless-sync-delay', '0'])
    const replica = await started(['--replicaof', '127.0.0.1', String(master.port)])
    await expect
      .poll(async () => String(await command(replica.port, 'INFO', 'replication')), { timeout: 20_000 })
      .toContain('master_link_status:up')
    const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const port = await freePort()
    const config = join(folder, 'sentinel.conf')
    const lines = [`sentinel monitor orders 127.0.0.1 ${master.port} 1`, 'sentinel down-after-milliseconds orders 500']
    await writeFile(
      config,
      `port ${port}\nbind 127.0.0.1\n${lines.join('\n')}\nsentinel failover-timeout orders 2000\n`,
    )
    const sentinel = await startServer(
      serverProgram('redis-server'),
      [config, '--sentinel'],
      /\+monitor master orders/,
      {
        cwd: folder,
      },
    )
    cleanups.push(() => sentinel.kill())
    await expect
      .poll(async () => String(await command(port, 'SENTINEL', 'REPLICAS', 'orders')), { timeout: 20_000 })
      .toContain(String(replica.port))
    const store = await open({
      redisHost: `127.0.0.1:${port}`,
      failover: 'true',
      sentinelMasterName: 'orders',
      redisMinRetryInterval: '50ms',
    })
    for (const check of stateStoreChecks.filter(({ needs }) => needs === 'ETAG')) await check.run({ store })
    const request = {
      key: 'app||kept',
      value: Buffer.from('kept'),
      metadata: {},
      options: { consistency: 'strong' } as const,
    }
    await store.set(request, signal())
    await master.kill()
    await expect
      .poll(async () => (await store.get('app||kept', {}, {}, signal()).catch(() => undefined))?.data?.toString(), {
        timeout: 30_000,
      })
      .toBe('kept')
    await expect
      .poll(() => store.set(request, signal()).then(() => 'written', String), { timeout: 30_000 })
      .toBe('written')
    expect(await command(replica.port, 'ROLE')).toContain('master')
  }, 90_000)
})
