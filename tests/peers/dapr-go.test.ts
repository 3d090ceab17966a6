import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, run, sidecarCommand, succeed } from '../support/cloud.ts'
import { writeLocalComponents } from '../support/local-components.ts'
import { builtPeer } from '../support/peer-build.ts'
import { Started } from '../support/started.ts'

const sources = join(root, 'tests/peers/dapr-go')
let folder: string
let app: Server
let sidecar: Started
let grpc: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dapr-go-'))
  await writeLocalComponents(folder, '{"k":"v","other":"w"}')
  app = createServer((request, response) => request.pipe(response))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  const [http, metrics] = [await freePort(), await freePort()]
  grpc = await freePort()
  const flags = {
    ...{ 'app-id': 'app1', 'app-port': (app.address() as AddressInfo).port, 'resources-path': folder },
    ...{
      'dapr-http-port': http,
      'dapr-grpc-port': grpc,
      'metrics-port': metrics,
      'dapr-listen-addresses': '127.0.0.1',
    },
  }
  sidecar = new Started(
    sidecarCommand,
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  )
  await sidecar.until(/dapr initialized/)
})

afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]()
  app?.close()
  await rm(folder, { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const server = createSocket()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('the Dapr SDK for Go gets secrets, keeps state and calls an app', async () => {
  const built = await builtPeer({
    name: 'dapr-go',
    sources,
    tools: [['go', 'version']],
    needs: 'Go 1.25 or newer (https://go.dev/dl)',
    build: async (output) => {
      await succeed(run('go', ['build', '-trimpath', '-o', join(output, 'peer'), '.'], { cwd: sources }))
    },
  })
  const { stdout } = await succeed(run(join(built, 'peer'), [`127.0.0.1:${grpc}`]))
  const outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
  expect(outcome).toMatchObject({
    secret: { k: 'v' },
    secretError: '',
    bulk: { k: { k: 'v' }, other: { other: 'w' } },
    save: '',
    get: '{"n":1}',
    etag: true,
    transaction: '',
    bulkState: { a: '', b: '3' },
    delete: '',
    invoke: 'hi',
    invokeError: '',
  })
  expect(outcome['refused']).toContain('code = InvalidArgument desc = failed finding secret store with key nowhere')
  expect(outcome['mismatch']).toContain('code = Aborted')
})
