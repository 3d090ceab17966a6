import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setDefaultCACertificates } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createRegistry } from '../registry.ts'
import type { StateStore } from '../state-store.ts'
import { selfSigned, signedBy } from '../testing/certificates.ts'
import { testContext } from '../testing/context.ts'
import { startPostgresServer } from '../testing/postgres-server.ts'
import { startRedisServer } from '../testing/redis-server.ts'
import { freePort } from '../testing/server-process.ts'

const cleanups: (() => Promise<void> | undefined)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const signal = () => AbortSignal.timeout(30_000)

async function open(type: string, metadata: Readonly<Record<string, string>>, version = 'v1'): Promise<StateStore> {
  const factory = await createRegistry().factory(type, version)
  if (factory?.block !== 'state') throw new TypeError(`${type} is no state store`)
  const store = await factory.init(testContext({ metadata, signal: signal() }).context)
  cleanups.push(() => store.close?.())
  return store
}

async function kept<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const server = await starting
  cleanups.push(server.close)
  return server
}

const redis = (port: number, more: Readonly<Record<string, string>> = {}) =>
  open('state.redis', { redisHost: `127.0.0.1:${port}`, ...more })
const postgres = (connectionString: string) => open('state.postgresql', { connectionString }, 'v2')

interface Killable {
  kill(): Promise<void>
  restart(): Promise<void>
}

/** Writes from many sides while the server is killed and started again, then reads what was acknowledged. */
async function killUnderLoad(store: StateStore, server: Killable): Promise<{ acknowledged: number; failed: number }> {
  const acknowledged = new Map<string, string>()
  let failed = 0
  let ended = false
  const writer = async (number: number): Promise<void> => {
    for (let count = 0; !ended; count++) {
      const [key, value] = [`app||${number}-${count % 10}`, String(count)]
      try {
        await store.set({ key, value: Buffer.from(value), metadata: {}, options: {} }, signal())
        acknowledged.set(key, value)
      } catch {
        // Done or not: what is there of this key is unknown until the next write.
        acknowledged.delete(key)
        failed++
      }
      await new Promise(setImmediate)
    }
  }
  const writers = Array.from({ length: 8 }, (_, number) => writer(number))
  await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(40)
  await server.kill()
  await expect.poll(() => failed, { timeout: 20_000 }).toBeGreaterThan(8)
  await server.restart()
  acknowledged.clear()
  await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(40)
  // A second crash, right behind an acknowledged write.
  await server.kill()
  ended = true
  await Promise.all(writers)
  await server.restart()
  for (const [key, value] of acknowledged) {
    const { data } = await store.get(key, {}, {}, signal())
    expect(Number(Buffer.from(data ?? []).toString()), key).toBe(Number(value))
  }
  return { acknowledged: acknowledged.size, failed }
}

describe('state.redis', () => {
  it('fails while the server is gone, goes on by itself, and loses nothing that it acknowledged', async () => {
    const server = await kept(startRedisServer())
    const store = await redis(server.port, { redisMaxRetries: '1', redisMinRetryInterval: '20ms' })
    expect((await killUnderLoad(store, server)).failed).toBeGreaterThan(0)
  }, 60_000)

  it.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['without the password', {}, /: NOAUTH Authentication required\.$/],
    ['with a wrong password', { redisPassword: 'hunter2' }, /: WRONGPASS invalid username-password pair/],
    ['with TLS', { enableTLS: 'true', readTimeout: '300ms' }, /: (?:i\/o timeout|EOF|tls: first record .*)$/],
  ])('does not load %s', async (_name, metadata, message) => {
    const { port } = await kept(startRedisServer({ password: 'the right one' }))
    const opened = redis(port, { redisMaxRetries: '1', ...metadata })
    await expect(opened).rejects.toThrow(new RegExp(`^redis store: error connecting to redis at 127.0.0.1:${port}`))
    await expect(opened).rejects.toThrow(message)
    await expect(opened).rejects.not.toThrow(/hunter2/)
  })

  it('takes the certificate of a server only from a trusted authority', async () => {
    const authority = selfSigned('authority')
    const { port } = await kept(startRedisServer({ certificate: signedBy(authority, ['127.0.0.1']) }))
    const few = { redisMaxRetries: '0' }
    await expect(redis(port, { ...few, enableTLS: 'true' })).rejects.toThrow(/signed by unknown authority$/)
    await expect(redis(port, few)).rejects.toThrow(/: EOF$/)
    setDefaultCACertificates([authority.certificate])
    const store = await redis(port, { enableTLS: 'true' })
    await store.set({ key: 'a', value: Buffer.from('x'), metadata: {}, options: {} }, signal())
    expect((await store.get('a', {}, {}, signal())).data?.toString()).toBe('x')
  })

  it('names the server that is not there', async () => {
    const port = await freePort()
    await expect(redis(port, { redisMaxRetries: '1', redisMinRetryInterval: '10ms' })).rejects.toThrow(
      `redis store: error connecting to redis at 127.0.0.1:${port}: dial tcp 127.0.0.1:${port}: connect: connection refused`,
    )
    await expect(open('state.redis', { redisHost: 'redis.invalid', redisMaxRetries: '0' })).rejects.toThrow(
      /^redis store: error connecting to redis at redis\.invalid:6379: dial tcp: lookup redis\.invalid: /,
    )
  })

  it.each<[Readonly<Record<string, string>>, RegExp]>([
    [{ redisHost: 'a:1', redisPort: '2' }, /redis host "a:1" already contains port 1, but redisPort is set to 2/],
    [{ redisHost: 'a', redisDB: 'x' }, /cannot parse 'RedisDB' as int/],
    [{ redisHost: 'a', dialTimeout: 'soon' }, /time: invalid duration "soon"/],
    [{ redisHost: 'a', useEntraID: 'true', redisPassword: 'p' }, /must not be specified when using Entra ID/],
  ])('refuses %j', async (metadata, message) => {
    await expect(open('state.redis', metadata)).rejects.toThrow(message)
  })

  it('refuses an etag that is no number, and options that it does not know', async () => {
    const { port } = await kept(startRedisServer())
    const store = await redis(port)
    const set = (more: object) =>
      store.set({ key: 'a', value: Buffer.from('x'), metadata: {}, options: {}, ...more }, signal())
    await expect(set({ etag: 'x' })).rejects.toThrow('invalid etag value: strconv.Atoi: parsing "x": invalid syntax')
    await expect(set({ options: { concurrency: 'maybe' } })).rejects.toThrow("unrecognized concurrency model 'maybe'")
    await expect(set({ metadata: { ttlInSeconds: 'x' } })).rejects.toThrow(/^failed to parse ttl from metadata: /)
  })
})

describe('state.postgresql', () => {
  it('fails while the server is gone, goes on by itself, and loses nothing that it acknowledged', async () => {
    const server = await kept(startPostgresServer())
    const store = await postgres(server.connectionString)
    expect((await killUnderLoad(store, server)).failed).toBeGreaterThan(0)
  }, 90_000)

  it('does not load with a wrong password, for a database that is not there, or without TLS that was asked for', async () => {
    const { connectionString, password } = await kept(startPostgresServer())
    await expect(postgres(connectionString.replace(password, 'hunter2'))).rejects.toThrow(
      /^failed to ping the database: .*password authentication failed for user "owner" \(SQLSTATE 28P01\)$/,
    )
    await expect(postgres(connectionString.replace(password, 'hunter2'))).rejects.not.toThrow(/hunter2/)
    await expect(postgres(connectionString.replace('dbname=postgres', 'dbname=nowhere'))).rejects.toThrow(
      /database "nowhere" does not exist \(SQLSTATE 3D000\)$/,
    )
    await expect(postgres(`${connectionString} sslmode=require`)).rejects.toThrow(/server refused TLS connection$/)
  })

  it('takes the certificate of a server as sslmode says', async () => {
    const authority = selfSigned('authority')
    const certificate = signedBy(authority, ['127.0.0.1'])
    const { connectionString } = await kept(startPostgresServer({ certificate }))
    const modes = (mode: string) => postgres(`${connectionString} sslmode=${mode}`)
    for (const mode of ['disable', 'prefer', 'require']) expect((await modes(mode)).features).toContain('ETAG')
    await expect(modes('verify-full')).rejects.toThrow(/signed by unknown authority$/)
    setDefaultCACertificates([authority.certificate])
    expect((await modes('verify-full')).features).toContain('ETAG')
    await expect(modes('nonsense')).rejects.toThrow(/sslmode is invalid$/)
  })

  it('names the server that is not there', async () => {
    const port = await freePort()
    await expect(postgres(`host=127.0.0.1 port=${port} user=me password=hunter2`)).rejects.toThrow(
      `failed to ping the database: failed to connect to \`user=me database=me\`: 127.0.0.1:${port} (127.0.0.1): dial error: dial tcp 127.0.0.1:${port}: connect: connection refused`,
    )
    await expect(postgres('postgres://me:hunter2@db.invalid/x')).rejects.toThrow(/dial tcp: lookup db\.invalid: /)
  })

  it.each<[Readonly<Record<string, string>>, string]>([
    [{}, 'failed to parse metadata: failed to build connection string'],
    [{ host: 'h', timeout: '10ms' }, "failed to parse metadata: invalid value for 'timeout': must be greater than 1s"],
    [{ host: 'h', tableName: 'a; drop table b' }, 'failed to parse metadata: invalid identifier: a; drop table b'],
    [{ connectionString: 'hunter2' }, 'cannot parse the connection string: it is no list of key=value'],
    [{ host: 'h', queryExecMode: 'fast' }, 'invalid queryExecMode metadata value: fast'],
    [{ host: 'h', useAWSIAM: 'true' }, 'sign-in with AWS IAM is not implemented'],
    [{ host: 'h', sslRootCert: '/no.pem' }, 'unable to read file: open /no.pem: no such file or directory'],
  ])('refuses %j', async (metadata, message) => {
    await expect(open('state.postgresql', metadata)).rejects.toThrow(message)
  })

  it('deletes expired rows from time to time, and keeps the others', async () => {
    const { connectionString } = await kept(startPostgresServer())
    const metadata = { connectionString, cleanupInterval: '1s' }
    const store = await open('state.postgresql', metadata, 'v1')
    const set = (key: string, ttlInSeconds?: string) =>
      store.set(
        {
          key,
          value: Buffer.from('1'),
          isJson: true,
          metadata: { ...(ttlInSeconds && { ttlInSeconds }) },
          options: {},
        },
        signal(),
      )
    await set('short', '1')
    await set('long')
    const { default: pg } = await import('pg')
    const client = new pg.Client(connectionOf(connectionString))
    await client.connect()
    cleanups.push(() => client.end())
    const keys = async () => (await client.query('SELECT key FROM state ORDER BY key')).rows.map(({ key }) => key)
    expect(await keys()).toEqual(['long', 'short'])
    await expect.poll(keys, { timeout: 15_000, interval: 100 }).toEqual(['long'])
  })
})

function connectionOf(text: string): object {
  const { dbname, ...rest } = Object.fromEntries(text.split(' ').map((word) => word.split('=')))
  return { ...rest, database: dbname }
}

describe('state.sqlite', () => {
  it.each<[Readonly<Record<string, string>>, RegExp]>([
    [{}, /^missing connection string$/],
    [{ connectionString: ':memory:', timeout: '1ms' }, /^invalid value for 'timeout': must be greater than 1s$/],
    [{ connectionString: ':memory:', tableName: 'a b' }, /^invalid identifier: a b$/],
    [{ connectionString: 'x?_pragma=journal_mode(OFF)' }, /^found forbidden option '_pragma=journal_mode'/],
    [{ connectionString: ':memory:?_pragma=user_version(1);drop' }, /^invalid pragma in the connection string/],
    [{ connectionString: '/not/there/state.db' }, /^failed to ping: unable to open database file \(14\)$/],
    [{ connectionString: '/dev/null/x' }, /^failed to ping: unable to open database file/],
  ])('refuses %j', async (metadata, message) => {
    await expect(open('state.sqlite', metadata)).rejects.toThrow(message)
  })

  describe('whose file another process holds', () => {
    const signal = new AbortController().signal
    const write = { key: 'a', value: Buffer.from('1'), isJson: true, metadata: {}, options: {} }

    async function held(metadata: Readonly<Record<string, string>>) {
      const folder = await mkdtemp(join(tmpdir(), 'sqlite-'))
      const path = join(folder, 'state.db')
      const store = await open('state.sqlite', { connectionString: path, ...metadata })
      const other = new DatabaseSync(path)
      cleanups.push(async () => {
        other.close()
        await rm(folder, { recursive: true })
      })
      other.exec('BEGIN IMMEDIATE')
      return { store, other }
    }

    it('waits without holding up anything else', async () => {
      const { store, other } = await held({ busyTimeout: '1m' })
      const saved = store.set(write, signal)
      const both = store.transact?.([{ operation: 'upsert', request: { ...write, key: 'b' } }], {}, signal)
      // Runs only if neither holds the event loop.
      setImmediate(() => other.exec('COMMIT'))
      await saved
      await both
      expect(Buffer.from((await store.get('b', {}, {}, signal)).data ?? []).toString()).toBe('1')
    })

    it('gives up after its time, with nothing written', async () => {
      const { store, other } = await held({ busyTimeout: '20ms' })
      await expect(store.set(write, signal)).rejects.toThrow(/^database is locked \(5\)$/)
      other.exec('ROLLBACK')
      expect(await store.get('a', {}, {}, signal)).toEqual({})
    })

    it('gives up with its caller', async () => {
      const { store } = await held({ busyTimeout: '1m' })
      const caller = new AbortController()
      const saved = store.set(write, caller.signal)
      caller.abort()
      await expect(saved).rejects.toThrow('aborted')
    })
  })
})
