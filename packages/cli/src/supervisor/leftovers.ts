/** The processes of a supervisor that was killed: they end by themselves, and a new start waits until they have. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CliError } from '../cli-error.ts'
import type { Runtime } from '../data-directory.ts'

const patienceMs = 20_000
const pollMs = 25
/** What the command line of a supervised process contains: a pid may by now belong to another program. */
const mark = 'supervisor/lifeline.js'

/** Resolves when none of the processes that `runtime` tells of runs any more. Throws {@link CliError} when one stays. */
export async function waitForLeftovers(runtime: Runtime | undefined): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (const { name, pid } of runtime?.processes ?? []) {
    if (pid === undefined || !isAlive(pid) || !(await isSupervised(pid))) continue
    while (isAlive(pid)) {
      if (Date.now() > deadline) {
        throw new CliError(
          `${name} (pid ${pid}) of an earlier run does not end.`,
          `\`kill -9 ${pid}\` ends it without losing what was acknowledged.`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // Gone, or of another user and so not ours.
    return false
  }
}

async function isSupervised(pid: number): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
    return stdout.includes(mark)
  } catch {
    return false
  }
}
