/** A program in a process group of its own, recorded so that a platform that was killed leaves none behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { cpuSeconds } from '../scaling/process-cpu.ts'
import type { ProcessRecord } from './process-record.ts'
import { isProcess, parseProcessStat } from './process-stat.ts'
import type { ContainerEnd, RunningContainer } from './runner.ts'

export interface GroupStart {
  readonly file: string
  readonly args: readonly string[]
  readonly directory?: string
  readonly environment: Readonly<Record<string, string>>
  /** Whether it gets an IPC channel, which tells it when the platform is gone. */
  readonly channel: boolean
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void
}

const pollMs = 20

/** Rejects with the system's error when it can not be started. */
export async function startGroup(options: GroupStart, record: ProcessRecord): Promise<RunningContainer> {
  const child = spawn(options.file, options.args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.channel ? (['ipc'] as const) : [])],
    env: options.environment,
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
  })
  let stopping = false
  const ended = endOf(child)
  child.once('exit', () => {
    // What it started and left behind would hold its output open; what is asked to stop gets its time.
    if (child.pid !== undefined && !stopping) signalGroup(child.pid, 'SIGKILL')
  })
  child.stdout?.on('data', (chunk: Buffer) => options.onOutput('stdout', chunk))
  child.stderr?.on('data', (chunk: Buffer) => options.onOutput('stderr', chunk))
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  const pid = child.pid
  if (pid === undefined) throw new Error(`${options.file} has no process id.`)
  record.add(pid)
  return {
    ended: ended.finally(() => record.remove(pid)),
    cpuSeconds: () => cpuSeconds(pid),
    stop: async (graceMs) => {
      stopping = true
      signalGroup(pid, 'SIGTERM')
      const deadline = Date.now() + graceMs
      // The shell that runs a command line can be gone before what it started.
      while (groupRuns(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, pollMs))
      signalGroup(pid, 'SIGKILL')
      await ended
    },
  }
}

function endOf(child: ChildProcess): Promise<ContainerEnd> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({
        exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0),
        ...(signal ? { signal } : {}),
      })
    })
  })
}

/** Whether any process of the group runs; one that ended and that nobody has waited for does not. */
function groupRuns(pid: number): boolean {
  if (!signalGroup(pid, 0) || process.platform !== 'linux') return signalGroup(pid, 0)
  return readdirSync('/proc').some((name) => isProcess(name) && isRunningIn(name, pid))
}

function isRunningIn(name: string, group: number): boolean {
  try {
    const stat = parseProcessStat(readFileSync(`/proc/${name}/stat`, 'latin1'))
    return stat.group === group && stat.state !== 'Z'
  } catch {
    // It ended while it was looked at.
    return false
  }
}

/** Whether there was anything to send it to. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    // What is left of the group changed its user; to signal 0 that is an answer.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return signal === 0
    throw error
  }
}
