/** The CPU time of processes, as Linux tells it (proc(5)). */
import { readdir, readFile } from 'node:fs/promises'
import { isProcess, parseProcessStat } from '../platform/process-stat.ts'

/** The unit of `/proc/PID/stat`, the same on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** Seconds that the processes of a group and their ended children have used; undefined where there is no /proc. */
export async function cpuSeconds(processGroup: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  let ticks = 0
  for (const name of await readdir('/proc')) {
    if (isProcess(name)) ticks += await ticksOf(name, processGroup)
  }
  return ticks / TICKS_PER_SECOND
}

async function ticksOf(pid: string, processGroup: number): Promise<number> {
  // One that ended while it was looked at has nothing to tell; its parent counts it from now on.
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  if (stat === '') return 0
  const { group, cpuTicks } = parseProcessStat(stat)
  return group === processGroup ? cpuTicks : 0
}
