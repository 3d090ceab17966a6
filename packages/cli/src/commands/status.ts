/** `keystead status`: each process of the cloud, its pid and its address. */
import type { DataDirectory, Runtime } from '../data-directory.ts'
import { type OutputFormat, paint, printJson, printTable } from '../output.ts'
import { requireSettings } from '../settings.ts'
import { isLocked } from '../supervisor/lock.ts'

export async function status(directory: DataDirectory, output: OutputFormat): Promise<void> {
  await requireSettings(directory)
  const runtime = await directory.readRuntime()
  const up = runtime !== undefined && isLocked(directory.lock)
  const processes = up ? rows(runtime) : []
  if (output === 'json') {
    printJson({ dataDirectory: directory.path, up, ready: up && runtime.ready, processes })
    return
  }
  if (!up) {
    process.stdout.write(
      `${paint('yellow', 'down')}  Nothing runs on ${directory.path}. Start it with \`keystead up\`.\n`,
    )
    return
  }
  printTable(
    ['NAME', 'PID', 'STATE', 'RESTARTS', 'ADDRESS'],
    processes.map((row) => [row.name, String(row.pid ?? '-'), row.state, String(row.restarts), row.address]),
  )
}

function rows(runtime: Runtime): Runtime['processes'] {
  const supervisor = { name: 'supervisor', pid: runtime.pid, state: 'running' as const, address: '-', restarts: 0 }
  return [supervisor, ...runtime.processes]
}
