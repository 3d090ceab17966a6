/** A command that is run to its end, and what it printed. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Rejects, with what it printed, when it fails. */
export async function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], { env: environment, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}
