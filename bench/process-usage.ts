/** What a process and its children have used, as Linux tells it in /proc (proc_pid_stat(5), proc_pid_status(5)). */
import { readdir, readFile } from 'node:fs/promises'

/** `USER_HZ`: what the times in /proc/PID/stat count, 100 a second on every Linux that Node runs on. */
const ticksPerSecond = 100

/** Nothing shorter can be told from nothing. */
export const cpuResolution = 1 / ticksPerSecond

interface Stat {
  readonly parent: number
  /** Of all threads, those that ended included, and of children that ended. */
  readonly seconds: number
}

/** Undefined when there is no such process any more. */
async function readStat(pid: number): Promise<Stat | undefined> {
  let text: string
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is the program's name in parentheses, with any character in it: the rest begins after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { parent: Number(fields[1]), seconds: ticks / ticksPerSecond }
}

/** CPU seconds that a process and all its descendants have used so far. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stats = new Map<number, Stat>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readStat(Number(name))
    if (stat !== undefined) stats.set(Number(name), stat)
  }
  let seconds = 0
  for (const [candidate, stat] of stats) if (descends(candidate, pid, stats)) seconds += stat.seconds
  return seconds
}

function descends(candidate: number, ancestor: number, stats: ReadonlyMap<number, Stat>): boolean {
  for (let pid: number | undefined = candidate; pid !== undefined; pid = stats.get(pid)?.parent) {
    if (pid === ancestor) return true
  }
  return false
}

/** Bytes of a process that are in memory. */
export async function residentBytes(pid: number): Promise<number> {
  const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kibibytes === undefined) throw new Error(`Process ${pid} has no memory: it has ended.`)
  return Number(kibibytes) * 1024
}
