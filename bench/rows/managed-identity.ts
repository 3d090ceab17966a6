/** Managed-identity tokens from `IDENTITY_ENDPOINT`, against bare `node:http`. */
import { compare, type Measured } from '../measure.ts'
import type { Scenario } from '../row.ts'
import { startBareServer } from '../servers/bare.ts'
import { Cloud } from '../servers/cloud.ts'
import { send, serialize, type WireRequest } from '../servers/wire.ts'
import { comparisonRow } from './comparison-row.ts'

const connections = 16
const row = 'managed-identity/token'

export const managedIdentity: Scenario = {
  rows: [row],
  async run(bench) {
    bench.progress(`${row}: tokens from IDENTITY_ENDPOINT, against bare node:http`)
    await using cloud = await Cloud.start()
    const { endpoint, header, clientId } = await cloud.makeReplica()
    const query = new URLSearchParams({
      'api-version': '2019-08-01',
      resource: 'https://vault.azure.net',
      client_id: clientId,
    })
    const request: WireRequest = {
      method: 'GET',
      path: `${endpoint.pathname}?${query}`,
      headers: { Host: endpoint.host, 'X-IDENTITY-HEADER': header, Accept: 'application/json' },
    }
    const port = Number(endpoint.port)
    const answer = await send({ port }, request)
    if (answer.status !== 200) throw new Error(`IDENTITY_ENDPOINT answered ${answer.status}: ${answer.body}`)
    await using bare = await startBareServer(request, answer)
    const target = { port, connections, requests: [serialize(request)], status: 200 }
    const subject: Measured = { pid: await cloud.core(), target }
    const reference: Measured = { pid: bare.pid, target: { ...target, ...bare.address } }
    const comparison = await compare(bench, subject, reference, bench.processors.server)
    const names = { row, subject: 'GET IDENTITY_ENDPOINT', reference: 'bare node:http, the same bytes' }
    return [comparisonRow(names, comparison, {})]
  },
}
