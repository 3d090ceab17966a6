/** The entry of the bundle: the program wired to this process. */
import { run } from './cli/run.ts'

const exit = (code: number): never => process.exit(code)

const code = await run({
  argv: process.argv.slice(2),
  environment: process.env,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  onSignal: (name, handle) => process.on(name, handle),
  exit,
})
// Connections that components keep open must not hold the process.
exit(code)
