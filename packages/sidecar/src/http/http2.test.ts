import { execFile } from 'node:child_process'
import { type ClientHttp2Session, connect } from 'node:http2'
import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SidecarProcess, startSidecar } from '../testing/sidecar-process.ts'

let sidecar: SidecarProcess
let session: ClientHttp2Session
beforeAll(async () => {
  const resources = {
    'components.yaml': `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: state}
spec: {type: state.in-memory, version: v1}
`,
  }
  sidecar = await startSidecar({ resources })
  await sidecar.line('dapr initialized')
  session = connect(sidecar.url)
})
afterAll(async () => {
  session?.close()
  await sidecar?.stop()
})

async function call(
  method: string,
  path: string,
  body?: string,
): Promise<{ status: unknown; type: unknown; body: string }> {
  const stream = session.request({ ':method': method, ':path': path })
  stream.end(body)
  const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) => {
    stream.once('response', (...args) => resolve([args[0]]))
    stream.once('error', reject)
  })
  return { status: headers[':status'], type: headers['content-type'], body: await text(stream) }
}

test('serves the API over HTTP/2 with prior knowledge', async () => {
  expect(await call('GET', '/v1.0/healthz')).toEqual({ status: 204, type: undefined, body: '' })
  expect(await call('POST', '/v1.0/state/state', '[{"key":"a","value":"teapot"}]')).toMatchObject({ status: 204 })
  expect(await call('GET', '/v1.0/state/state/a')).toEqual({ status: 200, type: 'application/json', body: '"teapot"' })
  expect(await call('GET', '/v1.0/state/nowhere/a')).toMatchObject({
    status: 400,
    body: expect.stringContaining('ERR_STATE_STORE_NOT_FOUND'),
  })
})

test('serves many streams of one connection at once, beside HTTP/1.1', async () => {
  const answers = await Promise.all([
    ...Array.from({ length: 50 }, () => call('GET', '/v1.0/state/state/a')),
    fetch(`${sidecar.url}/v1.0/healthz`),
  ])
  for (const { status } of answers.slice(0, 50)) expect(status).toBe(200)
  expect(answers.at(-1)?.status).toBe(204)
})

test('refuses a body that is too large, and goes on', async () => {
  const body = `[{"key":"a","value":"${'x'.repeat(5 << 20)}"}]`
  const { status } = await fetch(`${sidecar.url}/v1.0/state/state`, { method: 'POST', body })
  expect(status).toBeGreaterThanOrEqual(400)
  expect(await call('POST', '/v1.0/state/state', body)).toMatchObject({ status })
  expect(await call('GET', '/v1.0/healthz')).toMatchObject({ status: 204 })
})

test('takes a preface in pieces, and ends what only began with it', async () => {
  const socket = createConnection(sidecar.httpPort, '127.0.0.1')
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => undefined)
  socket.write('PRI * HT')
  await new Promise((resolve) => setImmediate(resolve))
  socket.write('TP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write('no frame at all, which is nothing that HTTP/2 has')
  socket.resume()
  await closed
  expect(await call('GET', '/v1.0/healthz')).toMatchObject({ status: 204 })
})

test('changes from HTTP/1.1 to HTTP/2 when curl asks for it', async () => {
  const run = promisify(execFile)
  const token = `x-long: ${'x'.repeat(300)}`
  const format = '%{http_version} %{http_code} '
  const url = `${sidecar.url}/v1.0/state/state/a`
  // The second URL goes over the connection that the first has changed.
  const { stdout } = await run('curl', ['-sS', '--http2', '-H', token, '-w', format, url, url])
  expect(stdout).toBe('"teapot"2 200 "teapot"2 200 ')
  const { stdout: refused } = await run('curl', [
    '-sS',
    '--http2',
    '-o',
    '/dev/null',
    '-w',
    format,
    `${url}/nothing/here`,
  ])
  expect(refused).toMatch(/^2 404 /)
})

test('ends its connections when the sidecar stops', async () => {
  await call('GET', '/v1.0/healthz')
  const closed = new Promise((resolve) => session.once('close', resolve))
  expect(await sidecar.stop()).toBe(0)
  await closed
})
