/** The sidecar's secrets and state APIs on local stores, against bare `node:http`. */
import { compare, type Measured } from '../measure.ts'
import type { RowResult, Scenario } from '../row.ts'
import { startBareServer } from '../servers/bare.ts'
import { keysteadSidecar, makeComponents, type SidecarServer, startSidecar } from '../servers/sidecar.ts'
import { send, serialize, type WireAnswer, type WireRequest } from '../servers/wire.ts'
import { comparisonRow } from './comparison-row.ts'

const connections = 16

export interface Call {
  readonly name: string
  readonly title: string
  readonly status: number
  readonly request: WireRequest
}

export const host = { Host: 'localhost:3500' }
export const order = JSON.stringify({ orderId: 17, item: 'a bicycle', quantity: 1 })

/** The saves come first: what is read has been written then. */
export const calls: readonly Call[] = [
  {
    name: 'state-save',
    title: 'POST /v1.0/state/statestore',
    status: 204,
    request: {
      method: 'POST',
      path: '/v1.0/state/statestore',
      headers: { ...host, 'Content-Type': 'application/json' },
      body: `[{"key":"order-17","value":${order}}]`,
    },
  },
  {
    name: 'state-get',
    title: 'GET /v1.0/state/statestore/order-17',
    status: 200,
    request: { method: 'GET', path: '/v1.0/state/statestore/order-17', headers: host },
  },
  {
    name: 'secret-get',
    title: 'GET /v1.0/secrets/secretstore/database-password',
    status: 200,
    request: { method: 'GET', path: '/v1.0/secrets/secretstore/database-password', headers: host },
  },
]

/** Sends each call once, so that what is compared answers alike. */
export async function answersOf(
  sidecar: SidecarServer,
  calls: readonly Call[],
): Promise<ReadonlyMap<string, WireAnswer>> {
  const answers = new Map<string, WireAnswer>()
  for (const { name, title, status, request } of calls) {
    const answer = await send(sidecar.address, request)
    if (answer.status !== status) throw new Error(`${title} answered ${answer.status}: ${answer.body}`)
    answers.set(name, answer)
  }
  return answers
}

function measured(pid: number, port: number, call: Call): Measured {
  return { pid, target: { port, connections, requests: [serialize(call.request)], status: call.status } }
}

export const sidecarAgainstBare: Scenario = {
  rows: calls.map(({ name }) => `sidecar/${name}`),
  async run(bench, wanted) {
    await using components = await makeComponents()
    await using sidecar = await startSidecar(keysteadSidecar, components.folder)
    const answers = await answersOf(sidecar, calls)
    const rows: RowResult[] = []
    for (const call of calls) {
      const row = `sidecar/${call.name}`
      const answer = answers.get(call.name)
      if (!wanted.has(row) || !answer) continue
      bench.progress(`${row}: ${call.title} against bare node:http`)
      await using bare = await startBareServer(call.request, answer)
      const comparison = await compare(
        bench,
        measured(sidecar.pid, sidecar.address.port, call),
        measured(bare.pid, bare.address.port, call),
        bench.processors.server,
      )
      const names = { row, subject: call.title, reference: 'bare node:http, the same bytes' }
      rows.push(comparisonRow(names, comparison, { requestsPerSecond: 0.7, requestsPerCpuSecond: 0.7 }))
    }
    return rows
  },
}
