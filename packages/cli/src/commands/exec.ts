/** `keystead exec -- CMD`: one command, with the variables of `keystead env`. */
import { personEnvironment } from '../client/client-environment.ts'
import type { DataDirectory } from '../data-directory.ts'
import { runToEnd } from '../foreground-process.ts'
import { requireRunning } from '../settings.ts'

/** Answers the command's exit code. */
export async function exec(directory: DataDirectory, words: readonly string[]): Promise<number> {
  const variables = await personEnvironment(directory, await requireRunning(directory), process.env)
  return await runToEnd(words, { ...process.env, ...variables })
}
