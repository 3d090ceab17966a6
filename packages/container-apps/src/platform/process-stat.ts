/** What Linux tells of a process in `/proc/PID/stat` (proc(5)). */

export interface ProcessStat {
  /** One letter; `Z` has ended, and nobody has waited for it yet. */
  readonly state: string
  readonly group: number
  /** Of the process and its ended children, in ticks. */
  readonly cpuTicks: number
  /** When it started, in ticks since the boot. */
  readonly startTicks: string
}

export function parseProcessStat(stat: string): ProcessStat {
  // The second field is the program's name in parentheses and may hold anything: what comes after it is counted from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): string => fields[number - 3] ?? ''
  return {
    state: field(3),
    group: Number(field(5)),
    cpuTicks: [14, 15, 16, 17].reduce((sum, number) => sum + Number(field(number)), 0),
    startTicks: field(22),
  }
}

/** Of the entries of `/proc`, those of processes. */
export function isProcess(entry: string): boolean {
  return /^\d+$/.test(entry)
}
