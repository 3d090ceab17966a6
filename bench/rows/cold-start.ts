/** From nothing to healthy: the sidecar's start against that of the runtime alone, and against daprd's. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { goal, type RowResult, type Scenario } from '../row.ts'
import { keysteadSidecar, makeComponents, startSidecar } from '../servers/sidecar.ts'
import { pairwiseRatios, spread } from '../statistics.ts'

const row = { node: 'cold-start/node', daprd: 'cold-start/daprd' } as const

/** Starts are short: more of them than rounds of load, for the same confidence. */
const startsPerRound = 3

async function runtimeAlone(): Promise<number> {
  const begin = performance.now()
  await promisify(execFile)(process.execPath, ['-e', '0'])
  return performance.now() - begin
}

async function sidecarStart(executable: string, folder: string): Promise<number> {
  await using sidecar = await startSidecar(executable, folder)
  return sidecar.startedInMs
}

export function coldStart(daprd: string | undefined): Scenario {
  return {
    rows: daprd === undefined ? [row.node] : [row.node, row.daprd],
    async run(bench, wanted) {
      bench.progress(`${[...wanted].join(', ')}: sidecar starts`)
      await using components = await makeComponents()
      const { folder } = components
      const own: number[] = []
      const runtime: number[] = []
      const others: number[] = []
      for (let start = 0; start <= bench.rounds * startsPerRound; start += 1) {
        const times = [
          await sidecarStart(keysteadSidecar, folder),
          await runtimeAlone(),
          daprd !== undefined && wanted.has(row.daprd) ? await sidecarStart(daprd, folder) : Number.NaN,
        ] as const
        // The first of each reads its program from disk.
        if (start === 0) continue
        own.push(times[0])
        runtime.push(times[1])
        others.push(times[2])
      }
      const results: RowResult[] = []
      const subject = { subject: 'sidecar, start to healthy' }
      if (wanted.has(row.node)) {
        const ratio = pairwiseRatios(own, runtime)
        results.push({
          row: row.node,
          ...subject,
          reference: 'node -e 0',
          results: [
            {
              figure: 'time',
              ratio,
              subject: spread(own),
              reference: spread(runtime),
              goal: goal('at most', 2, ratio),
            },
          ],
        })
      }
      if (wanted.has(row.daprd)) {
        const ratio = pairwiseRatios(own, others)
        results.push({
          row: row.daprd,
          ...subject,
          reference: 'daprd, start to healthy',
          results: [
            {
              figure: 'time',
              ratio,
              subject: spread(own),
              reference: spread(others),
              goal: goal('at most', 0.8, ratio),
            },
          ],
        })
      }
      return results
    },
  }
}
