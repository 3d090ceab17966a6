/** Stores that can not be reached, answer badly, or need each other: what the sidecar does, and how it goes on. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort, type RedisServer, startRedisServer } from '@keystead/components/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type SidecarProcess, startSidecar } from './testing/sidecar-process.ts'

const initialized = 'dapr initialized. Status: Running.'
const running: SidecarProcess[] = []
afterEach(async () => {
  for (const sidecar of running.splice(0)) await sidecar.stop()
})

async function start(yaml: string, files: Readonly<Record<string, string>> = {}): Promise<SidecarProcess> {
  const sidecar = await startSidecar({ resources: { 'components.yaml': yaml, ...files } })
  running.push(sidecar)
  return sidecar
}

type Value = string | { readonly secret: string; readonly key?: string }

function component(
  name: string,
  type: string,
  metadata: Readonly<Record<string, Value>>,
  more: { readonly secretStore?: string; readonly spec?: string } = {},
): string {
  const items = Object.entries(metadata).map(([field, value]) =>
    typeof value === 'string'
      ? `  - name: ${field}\n    value: '${value}'\n`
      : `  - name: ${field}\n    secretKeyRef:\n      name: ${value.secret}\n      key: ${value.key ?? value.secret}\n`,
  )
  return `---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: v1
${more.spec ?? ''}  metadata:
${items.join('')}${more.secretStore === undefined ? '' : `auth:\n  secretStore: ${more.secretStore}\n`}`
}

async function get(sidecar: SidecarProcess, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${sidecar.url}/v1.0/${path}`)
  return { status: response.status, text: (await response.text()).trim() }
}

describe('a state store', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedisServer()
  })
  afterAll(async () => await redis?.close())
  const few = { redisMaxRetries: '1', redisMinRetryInterval: '10ms' }

  it('that can not be reached at start ends the sidecar with the reason', async () => {
    const port = await freePort()
    const sidecar = await start(component('orders', 'state.redis', { redisHost: `127.0.0.1:${port}`, ...few }))
    expect(await sidecar.exit).toBe(1)
    expect(sidecar.lines.at(-1)).toContain(
      `level=fatal msg="Fatal error from runtime: process component orders error: [INIT_COMPONENT_FAILURE]: initialization error occurred for orders (state.redis/v1): [INIT_COMPONENT_FAILURE]: initialization error occurred for orders (state.redis/v1): redis store: error connecting to redis at 127.0.0.1:${port}: dial tcp 127.0.0.1:${port}: connect: connection refused"`,
    )
  })

  it('that never answers at start is given up after initTimeout', async () => {
    const hanging = createServer()
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    hanging.removeAllListeners('connection')
    const { port } = hanging.address() as AddressInfo
    const sidecar = await start(
      component(
        'orders',
        'state.postgresql',
        { connectionString: `host=127.0.0.1 port=${port} user=a sslmode=disable` },
        {
          spec: '  initTimeout: 500ms\n',
        },
      ),
    )
    expect(await sidecar.exit).toBe(1)
    expect(sidecar.lines.at(-1)).toContain('init timeout for component orders (state.postgresql/v1)')
    hanging.close()
  })

  it('that goes away later fails its requests only, and serves again when it is back', async () => {
    const yaml = component('orders', 'state.redis', { redisHost: `127.0.0.1:${redis.port}`, ...few })
    const sidecar = await start(yaml + component('memory', 'state.in-memory', {}))
    await sidecar.line(initialized)
    const save = (store: string) =>
      fetch(`${sidecar.url}/v1.0/state/${store}`, { method: 'POST', body: '[{"key":"a","value":1}]' })
    expect((await save('orders')).status).toBe(204)
    await redis.kill()
    const { status, text } = await get(sidecar, 'state/orders/a')
    expect(status).toBe(500)
    expect(JSON.parse(text)).toMatchObject({
      errorCode: 'ERR_STATE_GET',
      message: expect.stringMatching(/^fail to get a from state store orders: .*(?:connection refused|EOF)/),
    })
    expect((await save('orders')).status).toBe(500)
    expect((await save('memory')).status).toBe(204)
    expect((await get(sidecar, 'healthz')).status).toBe(204)
    await redis.restart()
    await expect.poll(() => get(sidecar, 'state/orders/a'), { timeout: 10_000 }).toEqual({ status: 200, text: '1' })
  })
})

describe('secret stores', () => {
  it('that need a secret from each other wait, and the sidecar serves without them', async () => {
    const sidecar = await start(
      component('one', 'secretstores.local.file', { secretsFile: { secret: 'x' } }, { secretStore: 'two' }) +
        component('two', 'secretstores.local.file', { secretsFile: { secret: 'x' } }, { secretStore: 'one' }) +
        component('self', 'secretstores.local.file', { secretsFile: { secret: 'x' } }, { secretStore: 'self' }) +
        component('orders', 'state.in-memory', { anything: { secret: 'x' } }, { secretStore: 'one' }) +
        component('memory', 'state.in-memory', {}),
    )
    await sidecar.line(initialized)
    for (const [name, store] of [
      ['one', 'two'],
      ['two', 'one'],
      ['self', 'self'],
      ['orders', 'one'],
    ]) {
      await sidecar.line(`Component ${name} references a secret store that isn't loaded: ${store}`)
    }
    expect((await get(sidecar, 'healthz')).status).toBe(204)
    expect(await get(sidecar, 'secrets/one/x')).toMatchObject({
      status: 500,
      text: expect.stringContaining('ERR_SECRET_STORES_NOT_CONFIGURED'),
    })
    expect((await get(sidecar, 'state/orders/a')).status).toBe(400)
    expect((await get(sidecar, 'state/memory/a')).status).toBe(204)
  })

  it('can get what they need from another, in whatever order they are written', async () => {
    const sidecar = await start(
      component('orders', 'state.in-memory', { anything: { secret: 'deep' } }, { secretStore: 'second' }) +
        component('second', 'secretstores.local.file', { secretsFile: { secret: 'path' } }, { secretStore: 'first' }) +
        component('first', 'secretstores.local.file', { secretsFile: '{folder}/first.json' }),
      { 'first.json': '{"path":"{folder}/second.json"}', 'second.json': '{"deep":"found"}' },
    )
    await sidecar.line(initialized)
    expect(await get(sidecar, 'secrets/second/deep')).toEqual({ status: 200, text: '{"deep":"found"}' })
    expect((await get(sidecar, 'state/orders/a')).status).toBe(204)
  })

  describe('of a server', () => {
    let vault: Server
    let answer: (response: import('node:http').ServerResponse) => void
    let vaultAddr: string
    beforeAll(async () => {
      vault = createServer((_request, response) => answer(response))
      await new Promise<void>((resolve) => vault.listen(0, '127.0.0.1', resolve))
      vaultAddr = `http://127.0.0.1:${(vault.address() as AddressInfo).port}`
    })
    afterAll(() => {
      vault.close()
      vault.closeAllConnections()
    })
    const store = () => component('vault', 'secretstores.hashicorp.vault', { vaultAddr, vaultToken: 'hunter2' })

    it('that refuse or break off are said with their own words, and work again with the next request', async () => {
      const sidecar = await start(store())
      await sidecar.line(initialized)
      answer = (response) => response.writeHead(503).end('{"errors":["Vault is sealed"]}')
      expect(await get(sidecar, 'secrets/vault/db')).toEqual({
        status: 500,
        text: JSON.stringify({
          errorCode: 'ERR_SECRET_GET',
          message:
            'failed getting secret with key db from secret store vault: couldn\'t get successful response, status code 503, body {"errors":["Vault is sealed"]}',
        }),
      })
      answer = (response) => response.destroy()
      expect((await get(sidecar, 'secrets/vault/db')).text).toMatch(/: EOF"/)
      answer = (response) => response.writeHead(200, { 'Content-Length': 50 }).write('{', () => response.destroy())
      expect((await get(sidecar, 'secrets/vault/db')).text).toMatch(/: unexpected EOF"/)
      answer = (response) => response.end('{"data":{"data":{"db":"here again"}}}')
      expect(await get(sidecar, 'secrets/vault/db')).toEqual({ status: 200, text: '{"db":"here again"}' })
      expect(sidecar.lines.join('\n')).not.toContain('hunter2')
    })

    it('that can not be reached at start leave the value out, as daprd does, and say so', async () => {
      const nowhere = component('vault', 'secretstores.hashicorp.vault', {
        vaultAddr: `http://127.0.0.1:${await freePort()}`,
        vaultToken: 'hunter2',
      })
      const sidecar = await start(
        nowhere + component('orders', 'state.in-memory', { anything: { secret: 'db' } }, { secretStore: 'vault' }),
      )
      await sidecar.line(initialized)
      await sidecar.line('level=error msg="Error getting secret: couldn\'t get secret: Get ')
      expect((await get(sidecar, 'state/orders/a')).status).toBe(204)
    })

    it('that never answer at start do not keep the sidecar from ending', async () => {
      const asked = new Promise<void>((resolve) => {
        answer = () => resolve()
      })
      const sidecar = await start(
        store() + component('orders', 'state.in-memory', { anything: { secret: 'db' } }, { secretStore: 'vault' }),
      )
      await asked
      sidecar.child.kill('SIGTERM')
      expect(await sidecar.exit).not.toBeNull()
    })
  })
})
