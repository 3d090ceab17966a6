/** The processes that the platform started and that still run, on disk: a new platform ends what a killed one left. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseProcessStat } from './process-stat.ts'

/** A file for each, named `PID-START`, so that adding and removing one is a single step. */
export class ProcessRecord {
  readonly #directory: string
  readonly #files = new Map<number, string>()

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#directory = directory
  }

  add(pid: number): void {
    const started = startOf(pid)
    // Gone already.
    if (started === undefined) return
    const file = join(this.#directory, `${pid}-${started}`)
    writeFileSync(file, '', { mode: 0o600 })
    this.#files.set(pid, file)
  }

  remove(pid: number): void {
    const file = this.#files.get(pid)
    this.#files.delete(pid)
    if (file !== undefined) rmSync(file, { force: true })
  }

  /** Ends every process group that still runs. */
  endAll(): void {
    for (const pid of this.#files.keys()) killGroup(pid)
  }

  /** Ends the process groups of an earlier platform. Answers how many there were. */
  endLeftovers(): number {
    let ended = 0
    for (const name of readdirSync(this.#directory)) {
      const [, pid = '', started = ''] = /^(\d+)-(.+)$/.exec(name) ?? []
      const now = startOf(Number(pid))
      // A leader that is gone can have left others of its group, and its number is not given again while there are any.
      if (pid !== '' && (now === undefined || now === started) && killGroup(Number(pid))) ended += 1
      rmSync(join(this.#directory, name), { force: true })
    }
    return ended
  }
}

function killGroup(pid: number): boolean {
  try {
    process.kill(-pid, 'SIGKILL')
    return true
  } catch {
    // Gone, or by now of another user and so not ours.
    return false
  }
}

/** When a process started: the boot and the clock ticks since it. Undefined when there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      const time = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
      return time.trim().replaceAll(/[^A-Za-z0-9]+/g, '-')
    }
    const { startTicks } = parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    return `${bootId()}-${startTicks}`
  } catch {
    return undefined
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
