/** `keystead down`: stops the cloud, and waits until its data directory is free. */
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'
import { progress } from '../output.ts'
import { requireSettings } from '../settings.ts'
import { isLocked } from '../supervisor/lock.ts'

const graceMs = 30_000

export async function down(directory: DataDirectory): Promise<void> {
  await requireSettings(directory)
  await stop(directory)
}

/** Resolves once nothing runs on the data directory. */
export async function stop(directory: DataDirectory): Promise<void> {
  const runtime = await directory.readRuntime()
  if (!runtime || !isLocked(directory.lock)) {
    progress(`Nothing runs on ${directory.path}.`)
    return
  }
  process.kill(runtime.pid, 'SIGTERM')
  const deadline = Date.now() + graceMs
  while (isLocked(directory.lock)) {
    if (Date.now() > deadline) {
      throw new CliError(
        `The supervisor (pid ${runtime.pid}) did not stop within ${graceMs / 1000} seconds.`,
        `See \`keystead logs supervisor\`; \`kill -9 ${runtime.pid}\` ends it without losing what was acknowledged.`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  progress('Stopped.')
}
