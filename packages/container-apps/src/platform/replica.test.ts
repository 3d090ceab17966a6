import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { appId, container, type Harness, revision, startHarness } from '../testing/platform-harness.ts'
import type { Probe } from './platform.ts'

/** What the platform sends to the logs process. */
const rows: Record<string, unknown>[] = []
const logs = createServer((request, response) => {
  void json(request).then((body) => {
    rows.push(...(body as { rows: Record<string, unknown>[] }).rows)
    response.end('{}')
  })
})
let harness: Harness
let folder: string
const begun: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystead-replica-'))
  await new Promise<void>((resolve) => logs.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(logs.address() as AddressInfo).port}`
  harness = await startHarness({ logs: { url, secret: 'between-processes' } })
})
afterEach(async () => {
  await Promise.all(begun.splice(0).map((name) => harness.platform.stop(appId, name)))
})
afterAll(async () => {
  await harness.close()
  await new Promise((resolve) => logs.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

const running = ({ runningState }: { readonly runningState: string }): boolean => runningState === 'Running'

function begin(...parameters: Parameters<typeof revision>): void {
  begun.push(parameters[0])
  harness.platform.run(revision(...parameters))
}

async function events(): Promise<readonly { readonly reason: string; readonly message: string }[]> {
  const { signal } = new AbortController()
  const found = []
  for await (const event of harness.platform.systemLog({ appId, tail: 300, follow: false, signal })) found.push(event)
  return found
}

function probe(type: Probe['type'], path: string): Probe {
  return {
    type,
    httpGet: { path, port: 8300, scheme: 'HTTP', headers: [{ name: 'x-probe', value: 'yes' }] },
    initialDelaySeconds: 0,
    periodSeconds: 0.05,
    timeoutSeconds: 1,
    failureThreshold: 2,
    successThreshold: 1,
  }
}

/** Ready once it was asked three times; `/live` fails when it was told to. */
const probed = `
  let asked = 0, live = 200
  require('node:http').createServer((request, response) => {
    if (request.url === '/ready') response.statusCode = request.headers['x-probe'] && ++asked > 3 ? 200 : 503
    if (request.url === '/live') response.statusCode = live
    if (request.url === '/hang') live = 500
    response.end()
  }).listen(process.env.PORT, '127.0.0.1')`

test('a replica is ready when its readiness probe says so, and a failing liveness probe starts it again', async () => {
  await harness.image('demos/probed:v1', probed)
  const probes = [probe('Readiness', '/ready'), probe('Liveness', '/live')]
  begin('web--probed', { containers: [container('demos/probed:v1', { probes })], targetPort: 8300 })
  const { replicas } = await harness.status('web--probed', running)
  expect(await events()).toContainEqual(
    expect.objectContaining({
      reason: 'ProbeFailed',
      message: "Container 'app': Readiness probe failed: HTTP probe failed with statuscode: 503",
    }),
  )
  await fetch(`${replicas[0]?.address}/hang`)
  const again = await harness.status(
    'web--probed',
    (status) => running(status) && status.replicas[0]?.containers[0]?.restartCount === 1,
  )
  expect(again.replicas[0]?.name).toBe(replicas[0]?.name)
})

test('init containers run one after another, before the app, until they succeed', async () => {
  const file = join(folder, 'order')
  const append = (text: string) =>
    `require('node:fs').appendFileSync(${JSON.stringify(file)}, ${JSON.stringify(text)});`
  await harness.image('demos/first:v1', append('first '))
  await harness.image(
    'demos/second:v1',
    `const before = require('node:fs').readFileSync(${JSON.stringify(file)}, 'utf8'); ${append('second ')}
     process.exit(before.includes('second') ? 0 : 1)`,
  )
  await harness.image('demos/app:v1', `${append('app')} setInterval(() => {}, 1000)`)
  begin('web--init', {
    containers: [container('demos/app:v1')],
    initContainers: [container('demos/first:v1', { name: 'one' }), container('demos/second:v1', { name: 'two' })],
  })
  await harness.status('web--init', running)
  await expect.poll(() => readFile(file, 'utf8')).toBe('first second second app')
})

test('mounted secrets are files that only their owner reads, and gone with the replica', async () => {
  await harness.image('demos/mounts:v1', `console.log(process.env.KEYSTEAD_MOUNTS); setInterval(() => {}, 1000)`)
  const secretMounts = [
    {
      path: '/mnt/secrets',
      secrets: [
        { name: 'key', file: 'key' },
        { name: 'key', file: '../../up' },
      ],
    },
  ]
  begin('web--mounts', {
    containers: [container('demos/mounts:v1', { secretMounts })],
    secrets: [{ name: 'key', value: 'hush\n' }],
  })
  const { replicas } = await harness.status('web--mounts', running)
  const replica = replicas[0]?.name ?? ''
  const reading = new AbortController()
  let root = ''
  for await (const { text } of harness.platform.consoleLog({
    ...{ appId, revision: 'web--mounts', replica, container: 'app' },
    ...{ tail: 300, follow: true, signal: reading.signal },
  })) {
    root = text
    reading.abort()
  }
  expect(await readFile(join(root, 'mnt/secrets/key'), 'utf8')).toBe('hush\n')
  expect((await stat(join(root, 'mnt/secrets/key'))).mode & 0o777).toBe(0o600)
  expect(await readFile(join(root, 'mnt/secrets/up'), 'utf8')).toBe('hush\n')
  await harness.platform.stop(appId, 'web--mounts')
  await expect(stat(root)).rejects.toThrow('ENOENT')
})

test('an app that is stopped gets its time, and what it says then is in the log tables', async () => {
  await harness.image(
    'demos/slow:v1',
    `process.on('SIGTERM', () => setTimeout(() => { console.error('saved'); process.exit(0) }, 100))
     console.log('begun'); setInterval(() => {}, 1000)`,
  )
  const place = { ...revision('x', { containers: [] }).place, workspaceId: 'workspace' }
  begin('web--slow', { containers: [container('demos/slow:v1')], place })
  const { replicas } = await harness.status('web--slow', running)
  await expect.poll(() => rows.map(({ Log_s }) => Log_s)).toContain('begun')
  await harness.platform.stop(appId, 'web--slow')
  await expect.poll(() => rows.map(({ Log_s }) => Log_s)).toContain('saved')
  expect(rows.find(({ Log_s }) => Log_s === 'saved')).toMatchObject({
    ContainerAppName_s: 'web',
    ContainerGroupName_s: replicas[0]?.name,
    ContainerImage_s: 'demos/slow:v1',
    ContainerName_s: 'app',
    EnvironmentName_s: 'env',
    RevisionName_s: 'web--slow',
    Stream_s: 'stderr',
    time_t: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  })
  const terminated = () => rows.filter(({ Reason_s }) => Reason_s === 'ContainerTerminated')
  await expect.poll(terminated).toMatchObject([
    {
      Type_s: 'Normal',
      ReplicaName_s: replicas[0]?.name,
      Log_s: "Container 'app' was terminated with exit code '0'",
    },
  ])
})
