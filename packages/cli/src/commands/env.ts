/** `keystead env`: `export` lines for a shell. */
import { directPersonEnvironment, personEnvironment } from '../client/client-environment.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type OutputFormat, printJson, progress } from '../output.ts'
import { requireSettings } from '../settings.ts'
import { shellQuote } from '../shell-quote.ts'
import { isLocked } from '../supervisor/lock.ts'

export async function env(
  directory: DataDirectory,
  { output, proxy }: { readonly output: OutputFormat; readonly proxy: boolean },
): Promise<void> {
  const settings = await requireSettings(directory)
  const variables = proxy
    ? await personEnvironment(directory, settings, process.env)
    : directPersonEnvironment(directory, settings, process.env)
  // Still true after the next start, so they are told; whoever uses them before that should not have to wonder.
  if (!isLocked(directory.lock)) progress('The cloud is down. Start it with `keystead up --detach`.')
  if (output === 'json') return printJson(variables)
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${shellQuote(value)}\n`)
}
