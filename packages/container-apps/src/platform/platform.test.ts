import { readdir, readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  appId,
  container,
  echo,
  type Harness,
  isAlive,
  parentOf,
  revision,
  startHarness,
} from '../testing/platform-harness.ts'
import type { LogLine } from './platform.ts'

let harness: Harness

beforeEach(async () => {
  harness = await startHarness()
})
afterEach(() => harness.close())

interface Echo {
  readonly pid: number
  readonly env: Readonly<Record<string, string>>
}

async function ask(address: string | undefined): Promise<Echo> {
  const response = await fetch(address ?? '')
  return (await response.json()) as Echo
}

const running = ({ runningState }: { readonly runningState: string }): boolean => runningState === 'Running'
const failed = ({ runningState }: { readonly runningState: string }): boolean => runningState === 'Failed'

async function lines(of: AsyncIterable<LogLine>): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { text } of of) found.push(text)
  return found
}

function log(name: string, replica: string, tail = 300): AsyncIterable<LogLine> {
  const { signal } = new AbortController()
  return harness.platform.consoleLog({ appId, revision: name, replica, container: 'app', tail, follow: false, signal })
}

async function reasons(): Promise<readonly string[]> {
  const { signal } = new AbortController()
  const found: string[] = []
  for await (const { reason } of harness.platform.systemLog({ appId, tail: 300, follow: false, signal }))
    found.push(reason)
  return found
}

test('an app has its own variables, those of Container Apps, and nothing of the platform', async () => {
  await harness.image('demos/echo:v1', echo)
  const text = 'line one\nline "two" $HOME ü'
  harness.platform.run(
    revision('web--v1', {
      containers: [
        container('demos/echo:v1', {
          variables: [
            { name: 'GREETING', value: text },
            { name: 'KEY', secretRef: 'key' },
          ],
        }),
      ],
      secrets: [{ name: 'key', value: 'hush' }],
      identities: ['/identities/one'],
      targetPort: 8123,
    }),
  )
  const { replicas } = await harness.status('web--v1', running)
  const [replica] = replicas
  const { env } = await ask(replica?.address)
  const { PATH, HOME, PWD, OLDPWD, SHLVL, _, ...own } = env
  expect(own).toEqual({
    GREETING: text,
    KEY: 'hush',
    CONTAINER_APP_NAME: 'web',
    CONTAINER_APP_REVISION: 'web--v1',
    CONTAINER_APP_REPLICA_NAME: replica?.name,
    CONTAINER_APP_HOSTNAME: 'web--v1.calm-sea.westeurope.azurecontainerapps.io',
    CONTAINER_APP_ENV_DNS_SUFFIX: 'calm-sea.westeurope.azurecontainerapps.io',
    CONTAINER_APP_PORT: '8123',
    PORT: '8123',
    IDENTITY_ENDPOINT: 'http://127.0.0.1:1/msi/token',
    IDENTITY_HEADER: `header-of-${replica?.name}`,
  })
  expect(harness.registered.get(replica?.name ?? '')).toEqual(['/identities/one'])
  expect(await reasons()).toEqual(['AssigningReplica', 'ContainerCreated', 'ContainerStarted', 'RevisionReady'])
  await harness.platform.stop(appId, 'web--v1')
  expect(harness.registered.size).toBe(0)
  expect(await harness.processes()).toEqual([])
  expect(harness.platform.status(appId, 'web--v1')).toBeUndefined()
})

test('an app gets another port when its own is taken on this machine', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await harness.image('demos/echo:v1', echo)
  harness.platform.run(revision('web--v1', { containers: [container('demos/echo:v1')], targetPort: port }))
  const { replicas } = await harness.status('web--v1', running)
  const { env } = await ask(replicas[0]?.address)
  expect(env.PORT).not.toBe(String(port))
  expect(replicas[0]?.address).toBe(`http://127.0.0.1:${env.PORT}`)
  await new Promise((resolve) => server.close(resolve))
})

test('an image that is not mapped fails the revision with the command that maps it, and runs once it is', async () => {
  harness.platform.run(revision('web--v1', { containers: [container('demos/none:v1')] }))
  const { details } = await harness.status('web--v1', failed)
  expect(details).toContain('keystead image add demos/none:v1 --dir')
  await harness.image('demos/none:v1', 'setInterval(() => {}, 1000)')
  await harness.status('web--v1', running)
})

test('a container that exits is started again, ever later, and the revision says how it ended', async () => {
  await harness.image('demos/exits:v1', 'console.log("bye"); process.exit(3)')
  harness.platform.run(revision('web--v1', { containers: [container('demos/exits:v1')], targetPort: 8124 }))
  const status = await harness.status(
    'web--v1',
    ({ replicas }) =>
      (replicas[0]?.containers[0]?.restartCount ?? 0) >= 2 && replicas[0]?.containers[0]?.runningState === 'Waiting',
  )
  expect(status).toMatchObject({ runningState: 'Failed', details: "Container 'app' ended with exit code 3." })
  expect(status.replicas[0]?.containers[0]?.runningStateDetails).toContain('CrashLoopBackOff')
  expect(await lines(log('web--v1', status.replicas[0]?.name ?? ''))).toEqual(expect.arrayContaining(['bye', 'bye']))
  expect(await reasons()).toEqual(
    expect.arrayContaining(['ContainerTerminated', 'ContainerBackOff', 'RevisionUpdateFailed']),
  )
})

test('a restart sees new secrets, and the new replica is ready before the old one goes', async () => {
  await harness.image('demos/echo:v1', echo)
  const spec = revision('web--v1', {
    containers: [container('demos/echo:v1', { variables: [{ name: 'KEY', secretRef: 'key' }] })],
    secrets: [{ name: 'key', value: 'old' }],
    targetPort: 8125,
  })
  harness.platform.run(spec)
  const before = await harness.status('web--v1', running)
  const seen: number[] = []
  const stop = harness.platform.onStatus(({ replicas }) => {
    seen.push(replicas.filter(({ runningState }) => runningState === 'Running').length)
  })
  harness.platform.refresh(appId, 'web--v1', { secrets: [{ name: 'key', value: 'new' }], identities: [] })
  expect((await ask(before.replicas[0]?.address)).env.KEY).toBe('old')
  await harness.platform.restart(appId, 'web--v1')
  stop()
  const after = await harness.status('web--v1', running)
  expect((await ask(after.replicas[0]?.address)).env.KEY).toBe('new')
  expect(after.replicas).toHaveLength(1)
  expect(Math.min(...seen)).toBe(1)
})

test('a killed platform leaves no orphan, and its apps run again, once each', async () => {
  await harness.image('demos/echo:v1', echo)
  const dapr = {
    appId: 'web',
    appProtocol: 'http' as const,
    logLevel: 'info' as const,
    enableApiLogging: false,
    components: [],
  }
  harness.platform.run(revision('web--v1', { containers: [container('demos/echo:v1')], targetPort: 8126, dapr }))
  const before = await harness.status('web--v1', running)
  const { pid, env } = await ask(before.replicas[0]?.address)
  expect((await fetch(`http://127.0.0.1:${env.DAPR_HTTP_PORT}/v1.0/healthz`)).status).toBe(204)
  const old = await harness.processes()
  expect(old).toHaveLength(2)
  process.kill(await parentOf(old[0] ?? 0), 'SIGKILL')
  const after = await harness.status(
    'web--v1',
    (status) => running(status) && status.replicas[0]?.name !== before.replicas[0]?.name,
  )
  expect((await ask(after.replicas[0]?.address)).pid).not.toBe(pid)
  expect(after.replicas).toHaveLength(1)
  expect([...old, pid].filter(isAlive)).toEqual([])
  expect(await harness.processes()).toHaveLength(2)
})

test("a sidecar that can not start fails the revision with its own line, and a component's secret is on no disk", async () => {
  await harness.image('demos/echo:v1', echo)
  const component = {
    name: 'statestore',
    componentType: 'state.azure.blobstorage',
    version: 'v1',
    ignoreErrors: false,
    secrets: [{ name: 'account-key', value: 'hush' }],
    metadata: [{ name: 'accountKey', secretRef: 'account-key' }],
    scopes: [],
  }
  harness.platform.run(
    revision('web--v1', {
      containers: [container('demos/echo:v1')],
      targetPort: 8127,
      dapr: { appId: 'web', appProtocol: 'http', logLevel: 'info', enableApiLogging: false, components: [component] },
    }),
  )
  const { details } = await harness.status('web--v1', ({ details }) => details?.includes('level=fatal') ?? false)
  expect(details).toContain('missing or empty accountName field from metadata')
  expect(details).not.toContain('hush')
  const files = await readdir(harness.directory, { recursive: true, withFileTypes: true })
  const texts = await Promise.all(
    files.filter((file) => file.isFile()).map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')),
  )
  expect(texts.join('\n')).toContain('accountKey')
  expect(texts.join('\n')).not.toContain('hush')
})

test('a flood of output is counted and dropped, and what comes after it is seen', async () => {
  await harness.image(
    'demos/flood:v1',
    `const line = 'x'.repeat(99) + '\\n'
     const write = (left) => left === 0 ? setTimeout(() => console.log('after'), 1500) : process.stdout.write(line.repeat(1000), () => write(left - 1))
     write(300); setInterval(() => {}, 1000)`,
  )
  harness.platform.run(revision('web--v1', { containers: [container('demos/flood:v1')] }))
  const { replicas } = await harness.status('web--v1', running)
  const following = new AbortController()
  const options = { appId, revision: 'web--v1', replica: replicas[0]?.name ?? '', container: 'app' }
  const seen: string[] = []
  for await (const { text } of harness.platform.consoleLog({
    ...options,
    tail: 300,
    follow: true,
    signal: following.signal,
  })) {
    if (!text.startsWith('xxx')) seen.push(text)
    if (text === 'after') following.abort()
  }
  expect(seen.at(-1)).toBe('after')
  const dropped = seen.slice(0, -1).map((text) => Number(/^dropped (\d+) lines/.exec(text)?.[1]))
  expect(dropped.reduce((sum, count) => sum + count)).toBeGreaterThan(250_000)
  expect(dropped.length).toBeLessThan(20)
})

test('requests reach an app by its host name through the ingress', async () => {
  await harness.image('demos/echo:v1', echo)
  const spec = revision('web--v1', { containers: [container('demos/echo:v1')], targetPort: 8128 })
  harness.platform.run(spec)
  harness.platform.route({
    place: spec.place,
    external: true,
    transport: 'auto',
    allowInsecure: true,
    stickySessions: false,
    traffic: [{ revision: 'web--v1', weight: 100 }],
    ipRestrictions: [],
  })
  const { env } = await throughIngress(`web.${spec.place.defaultDomain}`)
  expect(env.CONTAINER_APP_REVISION).toBe('web--v1')
})

test('an app without requests is scaled to none, and the next request waits for a replica', async () => {
  await harness.image('demos/echo:v1', echo)
  const scale = { minReplicas: 0, maxReplicas: 2, pollingInterval: 1, cooldownPeriod: 1, rules: [] }
  const spec = revision('web--rest', { containers: [container('demos/echo:v1')], targetPort: 8129, scale })
  harness.platform.run(spec)
  harness.platform.route({
    place: spec.place,
    external: true,
    transport: 'auto',
    allowInsecure: true,
    stickySessions: false,
    traffic: [{ revision: 'web--rest', weight: 100 }],
    ipRestrictions: [],
  })
  const empty = await harness.status('web--rest', ({ runningState }) => runningState === 'ScaledToZero')
  expect(empty.replicas).toEqual([])
  const { env } = await throughIngress(`web.${spec.place.defaultDomain}`)
  expect(env.CONTAINER_APP_REVISION).toBe('web--rest')
})

/** `fetch` does not let a host be named. */
function throughIngress(host: string): Promise<Echo> {
  return new Promise((resolve, reject) => {
    const port = harness.platform.ingressPorts()?.plain
    const asking = request({ host: '127.0.0.1', port, headers: { host } }, (response) => {
      json(response).then((body) => resolve(body as Echo), reject)
    })
    asking.on('error', reject)
    asking.end()
  })
}
