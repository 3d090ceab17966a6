import { connect as connectHttp2, constants } from 'node:http2'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { GoJsonError } from '../gojson/decode.ts'
import { readComponent } from '../loading/component.ts'
import { ConfigurationError, readConfiguration } from '../loading/configuration.ts'
import { readDocuments } from '../loading/resource-files.ts'
import { type SidecarProcess, startSidecar } from './sidecar-process.ts'

/** The same input in every run: a failure can be had again. */
function generator(seed: number) {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const bytes = (most: number) => Buffer.from(Array.from({ length: below(most) }, () => below(256)))
  const mutate = (given: Buffer): Buffer => {
    const copy = Buffer.from(given)
    for (let i = below(6); i >= 0 && copy.length > 0; i--) copy[below(copy.length)] = below(256)
    return next() < 0.3 ? Buffer.concat([copy.subarray(0, below(copy.length + 1)), bytes(20)]) : copy
  }
  return { next, below, pick, bytes, mutate }
}

const budgetMs = 6000
const component =
  'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: NAME}\nspec: {type: TYPE, version: v1}\n'
let sidecar: SidecarProcess

beforeAll(async () => {
  sidecar = await startSidecar({
    resources: {
      'state.yaml': component.replace('NAME', 'state').replace('TYPE', 'state.in-memory'),
      'secrets.json': '{"k":"v"}',
      'file.yaml': `${component.replace('NAME', 'file').replace('TYPE', 'secretstores.local.file').replace(', version: v1', ', version: v1, metadata: [{name: secretsFile, value: "{folder}/secrets.json"}]')}`,
    },
  })
  await sidecar.line('Starting to watch')
}, 30_000)

afterAll(() => sidecar?.stop())

async function residentMiB(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${sidecar.metricsPort}/`)).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? 0) / 2 ** 20
}

const paths = [
  ...['state/state', 'state/state/k', 'state/state/bulk', 'state/state/transaction', 'state/none/k', 'secrets/file/k'],
  ...[
    'secrets/file/bulk',
    'secrets/none/x',
    'metadata',
    'metadata/k',
    'healthz',
    'invoke/nobody.x.y/method/a',
    'publish/a/b',
  ],
]
const bodies = [
  '[{"key":"k","value":{"a":[1,2,3]},"etag":"1","options":{"concurrency":"first-write"},"metadata":{"ttlInSeconds":"1"}}]',
  '{"keys":["k","l"],"parallelism":2}',
  '{"operations":[{"operation":"upsert","request":{"key":"k","value":1}},{"operation":"delete","request":{"key":"k"}}]}',
]

it('is asked nonsense over HTTP, and never at fault for it', async () => {
  const { pick, next, mutate, bytes } = generator(1)
  const faults: string[] = []
  const end = performance.now() + budgetMs
  let asked = 0
  while (performance.now() < end) {
    const batch = Array.from({ length: 16 }, async () => {
      const path = next() < 0.3 ? encodeURIComponent(mutate(Buffer.from(pick(paths))).toString('latin1')) : pick(paths)
      const query = next() < 0.3 ? `?metadata.${encodeURIComponent(bytes(8).toString('latin1'))}=%41` : ''
      const method = pick(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      const body =
        method === 'GET' ? undefined : new Uint8Array(next() < 0.8 ? mutate(Buffer.from(pick(bodies))) : bytes(300))
      const response = await fetch(`${sidecar.url}/v1.0/${path}${query}`, { method, ...(body ? { body } : {}) })
      const text = await response.text()
      asked++
      // What a store says of a key that it does not have is Dapr's own 500, and so is a building block that is not there.
      const known =
        /"ERR_(SECRET_GET|STATE_GET|DIRECT_INVOKE|STATE_TRANSACTION|STATE_SAVE|STATE_BULK_GET)"|CONFIGURED|NOT_SUPPORTED/
      if (response.status >= 500 && !known.test(text)) faults.push(`${method} ${path}: ${response.status} ${text}`)
    })
    await Promise.all(batch)
  }
  expect(faults.slice(0, 5)).toEqual([])
  expect(asked).toBeGreaterThan(100)
}, 30_000)

it('reads bytes that are no HTTP without a crash', async () => {
  const { mutate, bytes, next } = generator(2)
  const request = Buffer.from('POST /v1.0/state/state HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n[1]')
  for (let i = 0; i < 200; i++) await send(next() < 0.7 ? mutate(request) : bytes(200), sidecar.httpPort)
  expect((await fetch(`${sidecar.url}/v1.0/healthz`)).status).toBe(204)
}, 30_000)

function send(data: Buffer, port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.end(data))
    socket.setTimeout(300, () => socket.destroy())
    socket.on('error', () => undefined).on('data', () => undefined)
    socket.once('close', () => resolve())
  })
}

it('is asked nonsense over gRPC, and answers each call', async () => {
  const { pick, mutate, bytes, next, below } = generator(3)
  const session = connectHttp2(`http://127.0.0.1:${sidecar.grpcPort}`)
  session.on('error', () => undefined)
  const methods = [
    'GetSecret',
    'GetBulkSecret',
    'GetState',
    'SaveState',
    'ExecuteStateTransaction',
    'InvokeService',
    'Nope',
  ]
  const message = Buffer.from('0a05737461746512016b', 'hex')
  const end = performance.now() + budgetMs
  const statuses = new Set<string>()
  let asked = 0
  while (performance.now() < end) {
    await Promise.all(
      Array.from({ length: 16 }, () => {
        const content = next() < 0.7 ? mutate(message) : bytes(100)
        const frame = Buffer.concat([Buffer.from([next() < 0.9 ? 0 : below(256)]), Buffer.alloc(4), content])
        frame.writeUInt32BE(next() < 0.9 ? content.length : below(2 ** 31), 1)
        return call(`/dapr.proto.runtime.v1.Dapr/${pick(methods)}`, frame)
      }),
    ).then((codes) => {
      asked += codes.length
      for (const code of codes) statuses.add(code)
    })
  }
  session.close()
  expect(asked).toBeGreaterThan(100)
  expect([...statuses].filter((status) => !/^\d+$/.test(status))).toEqual([])

  function call(path: string, frame: Buffer): Promise<string> {
    return new Promise((resolve) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': '3S',
      })
      let status = ''
      stream.on('response', (headers) => {
        status = String(headers['grpc-status'] ?? status)
      })
      stream.on('trailers', (trailers) => {
        status = String(trailers['grpc-status'] ?? status)
      })
      stream.on('data', () => undefined).on('error', () => undefined)
      stream.once('close', () =>
        resolve(status === '' && stream.rstCode !== constants.NGHTTP2_NO_ERROR ? `reset ${stream.rstCode}` : status),
      )
      stream.end(frame)
    })
  }
}, 30_000)

it('reads any component or configuration file to an end, with an error of its own kind', () => {
  const { mutate, pick } = generator(5)
  const files = [
    component,
    'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  secrets:\n    scopes:\n    - {storeName: s, defaultAccess: deny, allowedSecrets: [a]}\n  api:\n    allowed: [{name: state, version: v1, protocol: http}]\n  metrics: {http: {pathMatching: [/a]}}\n  tracing: {samplingRate: "1", otel: {endpointAddress: x, headers: ["a=b"]}}\n',
  ]
  const end = performance.now() + 3000
  let read = 0
  while (performance.now() < end) {
    const text = mutate(Buffer.from(pick(files))).toString('utf8')
    for (const { body } of readDocuments('x.yaml', text).documents) {
      for (const reader of [readComponent, readConfiguration]) {
        try {
          reader(body)
        } catch (error) {
          if (!(error instanceof GoJsonError || error instanceof ConfigurationError)) throw error
        }
      }
    }
    read++
  }
  expect(read).toBeGreaterThan(100)
}, 20_000)

it('has lost no memory, and runs', async () => {
  expect(await residentMiB()).toBeLessThan(250)
  expect(sidecar.child.exitCode).toBeNull()
  expect(sidecar.lines.filter((line) => line.includes('Unexpected error'))).toEqual([])
})
