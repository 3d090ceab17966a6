import { spawn } from 'node:child_process'
import { QueueClient } from '@azure/storage-queue'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { RevisionSpec, ScaleRule } from '../platform/platform.ts'
import { startAzuriteQueue } from '../testing/azurite-queue.ts'
import { Autoscaler } from './autoscaler.ts'
import { cpuSeconds } from './process-cpu.ts'

const place = { appId: 'app', appName: 'web', environmentId: 'e', environmentName: 'e', defaultDomain: 'x.io' }
const container = { name: 'web', image: 'web', command: [], args: [], variables: [], probes: [], secretMounts: [] }

function spec(rule: Partial<ScaleRule>, cooldownPeriod = 60): RevisionSpec {
  const rules = [{ name: 'rule', type: 'custom' as const, metadata: {}, auth: [], ...rule }]
  return {
    name: 'web--1',
    place,
    containers: [{ ...container, cpu: 0.5, memoryBytes: 1 }],
    initContainers: [],
    secrets: [],
    identities: [],
    targetPort: 80,
    scale: { minReplicas: 0, maxReplicas: 10, pollingInterval: 30, cooldownPeriod, rules },
    terminationGracePeriodSeconds: 30,
  }
}

let now: number
let replicas: number
let average: number
let connection: string
let replicaGroups: ReadonlyMap<string, number>
const problems: string[] = []
let autoscaler: Autoscaler

beforeEach(() => {
  now = 0
  replicas = 1
  average = 0
  connection = ''
  replicaGroups = new Map()
  problems.length = 0
  autoscaler = new Autoscaler({
    clock: () => now,
    concurrency: () => ({ average, inFlight: 0 }),
    replicas: () => replicas,
    cpuSeconds: async () => {
      const seconds = new Map<string, number>()
      for (const [replica, group] of replicaGroups) seconds.set(replica, (await cpuSeconds(group)) ?? 0)
      return seconds
    },
    queues: () => ({
      secret: (name) => Promise.resolve(name === 'queue-connection' ? connection : ''),
      credential: () => {
        throw new Error('no identity here')
      },
    }),
    scaleTo: (_appId, _revision, wanted) => {
      replicas = wanted
    },
    problem: (_spec, _reason, message) => problems.push(message),
  })
})
afterEach(() => autoscaler.close())

async function lookAfter(seconds: number): Promise<number> {
  now += seconds * 1000
  await autoscaler.look('app', 'web--1')
  return replicas
}

test('requests scale a revision up, to none after the cool-down, and the next one wakes it', async () => {
  autoscaler.add(spec({ type: 'http', metadata: { concurrentRequests: '10' } }))
  average = 35
  expect(await lookAfter(15)).toBe(4)
  average = 0
  expect(await lookAfter(59)).toBe(4)
  expect(await lookAfter(1)).toBe(0)
  expect(autoscaler.wake('app', 'web--1')).toBe(true)
  expect(replicas).toBe(1)
  expect(await lookAfter(15)).toBe(1)
  autoscaler.remove('app', 'web--1')
  expect(autoscaler.wake('app', 'web--1')).toBe(false)
})

test('a queue’s messages scale a revision, and a queue that can not be read takes no replica away', async () => {
  await using azurite = await startAzuriteQueue()
  const queue = new QueueClient(azurite.connectionString, 'orders')
  const auth = [{ secretRef: 'queue-connection', triggerParameter: 'connection' }]
  autoscaler.add(spec({ type: 'azure-queue', metadata: { queueName: 'orders', queueLength: '2' }, auth }))
  connection = azurite.connectionString
  expect(await lookAfter(30)).toBe(1)
  expect(problems).toEqual(['scale rule "rule" can not be measured: there is no queue "orders"'])
  await queue.create()
  for (const order of ['a', 'b', 'c', 'd', 'e']) await queue.sendMessage(order)
  expect(await lookAfter(30)).toBe(3)
  await queue.delete()
  expect(await lookAfter(600)).toBe(3)
  expect(problems).toHaveLength(2)
  await queue.create()
  expect(await lookAfter(600)).toBe(0)
})

test('the CPU time of the replicas’ processes scales a revision, but not to none', async () => {
  // A shell whose child has the work: both are of its process group.
  const busy = spawn('sh', ['-c', 'while :; do :; done & wait'], { detached: true, stdio: 'ignore' })
  const group = busy.pid ?? 0
  onTestFinished(() => void process.kill(-group, 'SIGKILL'))
  autoscaler.add(spec({ customType: 'cpu', metadata: { type: 'Utilization', value: '50' } }))
  replicaGroups = new Map([['web--1-abc', group]])
  await lookAfter(0)
  const before = (await cpuSeconds(group)) ?? Number.NaN
  await vi.waitUntil(async () => ((await cpuSeconds(group)) ?? 0) >= before + 0.1, { timeout: 10_000 })
  // At least 0.1 seconds of CPU in 0.1 by the revision's clock: the double of half a core, four times the target.
  expect(await lookAfter(0.1)).toBe(4)
  replicaGroups = new Map()
  expect(await lookAfter(3600)).toBe(1)
})

test('a rule that is not implemented is told, and takes no part', async () => {
  autoscaler.add(spec({ customType: 'kafka' }))
  expect(problems).toEqual([expect.stringContaining('kafka rules are not implemented')])
})
