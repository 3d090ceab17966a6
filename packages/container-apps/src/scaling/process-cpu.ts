/** The CPU time of processes, as Linux tells it (proc(5)). */
import { readFile } from 'node:fs/promises'

/** Of a clock tick, which is the unit of `/proc/PID/stat` on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** Seconds that a process and its ended children have used; undefined when it is gone, or where there is no /proc. */
export async function cpuSeconds(pid: number): Promise<number | undefined> {
  let stat: string
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined
    throw error
  }
  // The program's name stands in parentheses and may hold spaces: what comes after it is counted from field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = [14, 15, 16, 17].reduce((sum, field) => sum + Number(fields[field - 3]), 0)
  return ticks / TICKS_PER_SECOND
}
