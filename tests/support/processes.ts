/** The processes of a cloud, as the operating system and `keystead status` tell of them. */
import { vi } from 'vitest'
import { keystead, succeed } from './cloud.ts'

export interface Status {
  readonly dataDirectory: string
  readonly up: boolean
  readonly ready: boolean
  readonly processes: readonly {
    readonly name: string
    readonly pid?: number
    readonly state: string
    readonly address: string
    readonly restarts: number
  }[]
}

/** Of every cloud, in the order in which `status` tells them; the first holds the others. */
export const processNames = ['supervisor', 'azurite', 'logs', 'core'] as const

export async function statusOf(dataDirectory: string): Promise<Status> {
  const { stdout } = await succeed(keystead(dataDirectory, 'status', '--output', 'json'))
  return JSON.parse(stdout) as Status
}

export function pidOf(status: Status, name: string): number {
  const pid = status.processes.find((process) => process.name === name)?.pid
  if (pid === undefined) throw new Error(`${name} does not run: ${JSON.stringify(status)}`)
  return pid
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Resolves when the process has another pid than `before` and runs. */
export async function restarted(dataDirectory: string, name: string, before: number): Promise<number> {
  return await vi.waitFor(
    async () => {
      const found = (await statusOf(dataDirectory)).processes.find((process) => process.name === name)
      if (found?.pid === undefined || found.pid === before || found.state !== 'running') {
        throw new Error(`${name} is not running again: ${JSON.stringify(found)}`)
      }
      return found.pid
    },
    { timeout: 60_000, interval: 100 },
  )
}

export async function gone(pids: readonly number[]): Promise<void> {
  await vi.waitFor(
    () => {
      const left = pids.filter(isAlive)
      if (left.length > 0) throw new Error(`Still running: ${left.join(', ')}`)
    },
    { timeout: 30_000, interval: 50 },
  )
}
