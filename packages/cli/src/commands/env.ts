/** `keystead env`: `export` lines for a shell. */
import { personEnvironment } from '../client/client-environment.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type OutputFormat, printJson } from '../output.ts'
import { requireSettings } from '../settings.ts'

export async function env(directory: DataDirectory, output: OutputFormat): Promise<void> {
  const variables = await personEnvironment(directory, await requireSettings(directory), process.env)
  if (output === 'json') return printJson(variables)
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${shellQuote(value)}\n`)
}

/** Single quotes keep every character but themselves. */
function shellQuote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}
