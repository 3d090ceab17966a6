/** The sidecar against daprd: the same calls on the same components, over HTTP and gRPC, and the memory of both. */
import type { Target } from '../load/messages.ts'
import { compare } from '../measure.ts'
import { residentBytes } from '../process-usage.ts'
import { type Bench, goal, type RowResult, type Scenario } from '../row.ts'
import { keysteadSidecar, makeComponents, type SidecarServer, startSidecar } from '../servers/sidecar.ts'
import { serialize } from '../servers/wire.ts'
import { pairwiseRatios, spread } from '../statistics.ts'
import { comparisonRow } from './comparison-row.ts'
import { answersOf, type Call, host, calls as localCalls, order } from './sidecar.ts'

const calls: readonly Call[] = [
  ...localCalls,
  {
    name: 'secret-bulk',
    title: 'GET /v1.0/secrets/secretstore/bulk',
    status: 200,
    request: { method: 'GET', path: '/v1.0/secrets/secretstore/bulk', headers: host },
  },
  {
    name: 'state-transaction',
    title: 'POST /v1.0/state/statestore/transaction',
    status: 204,
    request: {
      method: 'POST',
      path: '/v1.0/state/statestore/transaction',
      headers: { ...host, 'Content-Type': 'application/json' },
      body: `{"operations":[{"operation":"upsert","request":{"key":"order-18","value":${order}}},{"operation":"delete","request":{"key":"order-19"}}]}`,
    },
  },
]

/** At the first of these the goals for many connections hold, at one only that it is not slower. */
const atOnce = { many: 16, one: 1 } as const
const grpcAtOnce = [4, 32, 50] as const

interface GrpcMethod {
  readonly name: string
  readonly path: string
  readonly message: Buffer
}

/** A field of bytes or text (Protocol Buffers, Encoding): all that these three messages are made of, and short. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length > 0x7f) throw new RangeError('A field of a message of the benchmark is too long.')
  return Buffer.concat([Buffer.of((number << 3) | 2, bytes.length), bytes])
}

function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields)
}

/** The saves come first here too. */
const grpcMethods: readonly GrpcMethod[] = [
  {
    name: 'state-save',
    path: '/dapr.proto.runtime.v1.Dapr/SaveState',
    message: message(field(1, 'statestore'), field(2, message(field(1, 'order-17'), field(2, order)))),
  },
  {
    name: 'state-get',
    path: '/dapr.proto.runtime.v1.Dapr/GetState',
    message: message(field(1, 'statestore'), field(2, 'order-17')),
  },
  {
    name: 'secret-get',
    path: '/dapr.proto.runtime.v1.Dapr/GetSecret',
    message: message(field(1, 'secretstore'), field(2, 'database-password')),
  },
]

const rowOf = {
  http: (call: Call, connections: number) =>
    `daprd/http/${call.name}${connections === atOnce.one ? '/one-connection' : ''}`,
  grpc: (method: GrpcMethod, count: number) => `daprd/grpc/${method.name}/${count}`,
}

/** Both load the same components; the first is ours. */
type Pair = readonly [SidecarServer, SidecarServer]

export function sidecarAgainstDaprd(daprd: string): Scenario {
  return {
    rows: [
      ...calls.flatMap((call) => Object.values(atOnce).map((count) => rowOf.http(call, count))),
      ...grpcMethods.flatMap((method) => grpcAtOnce.map((count) => rowOf.grpc(method, count))),
    ],
    async run(bench, wanted) {
      await using components = await makeComponents()
      await using own = await startSidecar(keysteadSidecar, components.folder)
      await using other = await startSidecar(daprd, components.folder)
      const pair: Pair = [own, other]
      await checkAlike(pair)
      const rows: RowResult[] = []
      for (const call of calls) {
        for (const count of Object.values(atOnce)) {
          if (wanted.has(rowOf.http(call, count))) rows.push(await overHttp(bench, call, count, pair))
        }
      }
      for (const method of grpcMethods) {
        for (const count of grpcAtOnce) {
          if (wanted.has(rowOf.grpc(method, count))) rows.push(await overGrpc(bench, method, count, pair))
        }
      }
      return rows
    },
  }
}

async function checkAlike([own, other]: Pair): Promise<void> {
  const [answers, others] = [await answersOf(own, calls), await answersOf(other, calls)]
  for (const { name, title } of calls) {
    // Go's maps have no order.
    const members = (body: string | undefined) => [...(body ?? '').trimEnd()].toSorted().join('')
    if (members(answers.get(name)?.body) !== members(others.get(name)?.body)) {
      throw new Error(`${title} is not answered alike by daprd.`)
    }
  }
}

function httpTarget(sidecar: SidecarServer, call: Call, connections: number): Target {
  return { port: sidecar.address.port, connections, requests: [serialize(call.request)], status: call.status }
}

function grpcTarget(sidecar: SidecarServer, { path, message }: GrpcMethod, count: number): Target {
  const request = message.toString('base64')
  return { port: sidecar.grpcPort, connections: count, grpc: { path }, requests: [request], status: 200 }
}

/** Go spreads over all processors: neither side is kept from one of them. */
async function againstDaprd(
  bench: Bench,
  names: { readonly row: string; readonly subject: string },
  pair: Pair,
  target: (sidecar: SidecarServer) => Target,
  goals: Parameters<typeof comparisonRow>[2],
): Promise<RowResult> {
  bench.progress(`${names.row}: ${names.subject} against daprd`)
  const [own, other] = pair.map((sidecar) => ({ pid: sidecar.pid, target: target(sidecar) }))
  if (!own || !other) throw new Error('There is nothing to compare.')
  const comparison = await compare(bench, own, other, bench.processors.all)
  return comparisonRow({ ...names, reference: 'daprd' }, comparison, goals)
}

function overHttp(bench: Bench, call: Call, connections: number, pair: Pair): Promise<RowResult> {
  const names = { row: rowOf.http(call, connections), subject: `${call.title}, ${connections} at a time` }
  const goals =
    connections === atOnce.one ? { requestsPerSecond: 1 } : { requestsPerSecond: 2, requestsPerCpuSecond: 3, p99: 0.5 }
  return againstDaprd(bench, names, pair, (sidecar) => httpTarget(sidecar, call, connections), goals)
}

function overGrpc(bench: Bench, method: GrpcMethod, count: number, pair: Pair): Promise<RowResult> {
  const names = { row: rowOf.grpc(method, count), subject: `gRPC ${method.name}, ${count} at a time` }
  const goals = { requestsPerSecond: 1, requestsPerCpuSecond: 1.5 }
  return againstDaprd(bench, names, pair, (sidecar) => grpcTarget(sidecar, method, count), goals)
}

const memoryLoads = [
  { row: 'daprd/memory/http', atMost: 0.5 },
  { row: 'daprd/memory/grpc', atMost: 0.75 },
] as const

/** Resident memory of both, fresh from their start and after each call of one protocol was loaded. */
export function memoryAgainstDaprd(daprd: string): Scenario {
  return {
    rows: memoryLoads.map(({ row }) => row),
    async run(bench, wanted) {
      const rows: RowResult[] = []
      for (const { row, atMost } of memoryLoads) {
        if (!wanted.has(row)) continue
        bench.progress(`${row}: resident memory against daprd`)
        const targets = (sidecar: SidecarServer): readonly Target[] =>
          row === 'daprd/memory/http'
            ? calls.map((call) => httpTarget(sidecar, call, atOnce.many))
            : grpcMethods.map((method) => grpcTarget(sidecar, method, 32))
        const own: Memory[] = []
        const others: Memory[] = []
        for (let round = 0; round < bench.rounds; round += 1) {
          own.push(await memoryOf(bench, keysteadSidecar, targets))
          others.push(await memoryOf(bench, daprd, targets))
        }
        const result = (figure: 'idle memory' | 'memory after load', member: keyof Memory) => {
          const [subject, reference] = [own.map((one) => one[member]), others.map((one) => one[member])]
          const ratio = pairwiseRatios(subject, reference)
          const limit = goal('at most', atMost, ratio)
          return { figure, ratio, subject: spread(subject), reference: spread(reference), goal: limit }
        }
        const results = [result('idle memory', 'idle'), result('memory after load', 'loaded')]
        rows.push({ row, subject: 'sidecar', reference: 'daprd', results })
      }
      return rows
    },
  }
}

interface Memory {
  readonly idle: number
  readonly loaded: number
}

async function memoryOf(
  bench: Bench,
  executable: string,
  targets: (sidecar: SidecarServer) => readonly Target[],
): Promise<Memory> {
  await using components = await makeComponents()
  await using sidecar = await startSidecar(executable, components.folder)
  const idle = await residentBytes(sidecar.pid)
  for (const target of targets(sidecar)) await (await bench.generator.open(target)).run(bench.seconds)
  return { idle, loaded: await residentBytes(sidecar.pid) }
}
