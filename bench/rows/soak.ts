/** The sidecar's resident memory over very many requests: after the first tenth of them, and at the end. */
import type { OpenTarget } from '../load/load-generator.ts'
import { residentBytes } from '../process-usage.ts'
import { goal, type Scenario } from '../row.ts'
import { keysteadSidecar, makeComponents, startSidecar } from '../servers/sidecar.ts'
import { serialize } from '../servers/wire.ts'
import { spread } from '../statistics.ts'
import { calls } from './sidecar.ts'

const row = 'soak/sidecar'
const connections = 16

/** `requests` in all, the same number of each call. */
export function soak(requests: number): Scenario {
  return {
    rows: [row],
    async run(bench) {
      bench.progress(`${row}: ${requests} requests`)
      await using components = await makeComponents()
      await using sidecar = await startSidecar(keysteadSidecar, components.folder)
      const { pid, address } = sidecar
      const targets: OpenTarget[] = []
      for (const { request, status } of calls) {
        targets.push(
          await bench.generator.open({ port: address.port, connections, requests: [serialize(request)], status }),
        )
      }
      let answered = 0
      const until = async (count: number): Promise<number> => {
        while (answered < count) for (const target of targets) answered += (await target.run(bench.seconds)).requests
        const bytes = await residentBytes(pid)
        bench.progress(`  ${answered} requests: ${Math.round(bytes / 1024 / 1024)} MiB`)
        return bytes
      }
      const first = await until(requests / 10)
      const last = await until(requests)
      const ratio = spread([last / first])
      const names = { row, subject: `after ${answered} requests`, reference: 'itself after the first tenth' }
      const limit = goal('at most', 1.05, ratio)
      return [
        {
          ...names,
          results: [
            { figure: 'memory after load', ratio, subject: spread([last]), reference: spread([first]), goal: limit },
          ],
        },
      ]
    },
  }
}
