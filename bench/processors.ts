/** Which processors measured servers run on, so that the load generator never takes theirs. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface Processors {
  readonly count: number
  /** A list as `taskset` takes it, or undefined when processes can not be bound here. */
  readonly generator: string | undefined
  readonly server: string | undefined
  readonly all: string | undefined
}

/** The last of the processors that this process may use is the load generator's, the others are the servers'. */
export async function findProcessors(): Promise<Processors> {
  const allowed = await allowedProcessors()
  const last = allowed.at(-1)
  if (last === undefined || allowed.length < 2 || !(await canBind())) {
    return { count: Math.max(1, allowed.length), generator: undefined, server: undefined, all: undefined }
  }
  return {
    count: allowed.length,
    generator: String(last),
    server: allowed.slice(0, -1).join(','),
    all: allowed.join(','),
  }
}

/** Binds all threads of a process; those it starts later inherit it. Does nothing without a list. */
export async function bind(pid: number, processors: string | undefined): Promise<void> {
  if (processors !== undefined) await promisify(execFile)('taskset', ['-a', '-c', '-p', processors, String(pid)])
}

async function canBind(): Promise<boolean> {
  return await promisify(execFile)('taskset', ['--version']).then(
    () => true,
    () => false,
  )
}

/** From a list such as `0-3,8`. */
async function allowedProcessors(): Promise<readonly number[]> {
  const status = await readFile('/proc/self/status', 'utf8')
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((range) => {
    const [first = '', last = first] = range.split('-')
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index)
  })
}
