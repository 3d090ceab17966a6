/** The program wired to this process. */
import { run } from './cli/run.ts'
import { writerTo } from './cli/standard-output.ts'

const exit = (code: number): never => process.exit(code)

// The launcher's own, which the allocator has read: no secret of local.env's, and nothing for a program started from here.
delete process.env['MALLOC_TRIM_THRESHOLD_']

run({
  argv: process.argv.slice(2),
  environment: process.env,
  stdout: writerTo('stdout', exit),
  stderr: writerTo('stderr', exit),
  onSignal: (name, handle) => process.on(name, handle),
  exit,
  // Connections that components keep open must not hold the process.
}).then(exit, (error: unknown) => {
  console.error(error)
  exit(1)
})
