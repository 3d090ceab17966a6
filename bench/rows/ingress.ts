/** Requests to an app through the ingress: against the app called directly, and against `http-proxy` in front of it. */
import { compare, type Measured } from '../measure.ts'
import type { RowResult, Scenario } from '../row.ts'
import { startBareServer } from '../servers/bare.ts'
import { startForwarder } from '../servers/forwarder.ts'
import { send, serialize, type WireAnswer, type WireRequest } from '../servers/wire.ts'
import { comparisonRow } from './comparison-row.ts'

const connections = 32
const row = { app: 'ingress/app', httpProxy: 'ingress/http-proxy' } as const

const host = 'web.kindsea-1a2b3c4d.westeurope.azurecontainerapps.io'
const request: WireRequest = {
  method: 'GET',
  path: '/orders?customer=42',
  headers: { Host: host, Accept: 'application/json', 'User-Agent': 'bench' },
}
const body = JSON.stringify({ orders: Array.from({ length: 10 }, (_, id) => ({ id, item: 'book', quantity: 1 })) })
const answer: WireAnswer = {
  status: 200,
  rawHeaders: [
    ...['Content-Type', 'application/json', 'Content-Length', String(body.length)],
    ...['Date', new Date().toUTCString(), 'Connection', 'keep-alive', 'Keep-Alive', 'timeout=5'],
  ],
  body,
}

export const ingress: Scenario = {
  rows: [row.app, row.httpProxy],
  async run(bench, wanted) {
    await using app = await startBareServer(request, answer)
    const settings = { app: `http://127.0.0.1:${app.address.port}`, host }
    await using forwarder = await startForwarder({ ...settings, forwarder: 'ingress' })
    const through = await send({ port: forwarder.port }, request)
    if (through.status !== 200 || through.body !== body) throw new Error(`The ingress answered ${through.status}.`)
    const target = { connections, requests: [serialize(request)], status: 200 }
    const subject: Measured = { pid: forwarder.pid, target: { ...target, port: forwarder.port } }
    const rows: RowResult[] = []
    if (wanted.has(row.app)) {
      bench.progress(`${row.app}: GET through the ingress, against the app called directly`)
      const reference: Measured = { pid: app.pid, target: { ...target, ...app.address } }
      const comparison = await compare(bench, subject, reference, bench.processors.server)
      const names = { row: row.app, subject: 'GET through the ingress', reference: 'the app called directly' }
      rows.push(comparisonRow(names, comparison, { requestsPerSecond: 0.5 }))
    }
    if (wanted.has(row.httpProxy)) {
      bench.progress(`${row.httpProxy}: GET through the ingress, against http-proxy in front of the same app`)
      await using proxy = await startForwarder({ ...settings, forwarder: 'http-proxy' })
      const reference: Measured = { pid: proxy.pid, target: { ...target, port: proxy.port } }
      const comparison = await compare(bench, subject, reference, bench.processors.server)
      const names = { row: row.httpProxy, subject: 'GET through the ingress', reference: 'http-proxy, same app' }
      rows.push(comparisonRow(names, comparison, { requestsPerSecond: 1, requestsPerCpuSecond: 1 }))
    }
    return rows
  },
}
