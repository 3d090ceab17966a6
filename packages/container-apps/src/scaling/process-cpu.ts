/** The CPU time of processes, as Linux tells it (proc(5)). */
import { readdir, readFile } from 'node:fs/promises'

/** The unit of `/proc/PID/stat`, the same on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** Seconds that the processes of a group and their ended children have used; undefined where there is no /proc. */
export async function cpuSeconds(processGroup: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  let ticks = 0
  for (const name of await readdir('/proc')) {
    if (/^\d+$/.test(name)) ticks += await ticksOf(name, processGroup)
  }
  return ticks / TICKS_PER_SECOND
}

async function ticksOf(pid: string, processGroup: number): Promise<number> {
  // One that ended while it was looked at has nothing to tell; its parent counts it from now on.
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  // The program's name stands in parentheses and may hold spaces: what comes after it is counted from field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (Number(fields[2]) !== processGroup) return 0
  return [14, 15, 16, 17].reduce((sum, field) => sum + Number(fields[field - 3]), 0)
}
