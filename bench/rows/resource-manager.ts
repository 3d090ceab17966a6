/** Reads of a resource through Resource Manager over TLS, against bare `node:https`. */
import { compare, type Measured } from '../measure.ts'
import type { Scenario } from '../row.ts'
import { startBareServer } from '../servers/bare.ts'
import { armHost, Cloud } from '../servers/cloud.ts'
import { send, serialize } from '../servers/wire.ts'
import { comparisonRow } from './comparison-row.ts'

const connections = 32
const row = 'resource-manager/get'

export const resourceManager: Scenario = {
  rows: [row],
  async run(bench) {
    bench.progress(`${row}: GET of a vault's resource over TLS, against bare node:https`)
    await using cloud = await Cloud.start()
    await cloud.makeVault([], 1)
    const request = await cloud.vaultResource()
    const address = cloud.address(armHost)
    const answer = await send(address, request)
    if (answer.status !== 200) throw new Error(`GET of the resource answered ${answer.status}: ${answer.body}`)
    await using bare = await startBareServer(request, answer, armHost)
    const target = { ...address, connections, requests: [serialize(request)], status: 200 }
    const subject: Measured = { pid: await cloud.core(), target }
    const reference: Measured = { pid: bare.pid, target: { ...target, ...bare.address } }
    const comparison = await compare(bench, subject, reference, bench.processors.server)
    const names = { row, subject: 'GET of a resource', reference: 'bare node:https, the same bytes' }
    return [comparisonRow(names, comparison, { requestsPerSecond: 0.4, requestsPerCpuSecond: 0.4 })]
  },
}
