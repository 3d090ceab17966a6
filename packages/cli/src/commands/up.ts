/** `keystead up`: starts the cloud in the foreground, or leaves it running behind a supervisor of its own. */
import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CliError } from '../cli-error.ts'
import type { DataDirectory, Runtime } from '../data-directory.ts'
import { type OutputFormat, paint, printJson, progress, self } from '../output.ts'
import { ensureSettings } from '../settings.ts'
import { shellQuote } from '../shell-quote.ts'
import { isLocked } from '../supervisor/lock.ts'
import { Supervisor } from '../supervisor/supervisor.ts'

export interface UpOptions {
  readonly gatewayPort?: number
  readonly detach: boolean
  readonly output?: OutputFormat
}

export async function up(directory: DataDirectory, options: UpOptions): Promise<void> {
  await directory.create()
  if (isLocked(directory.lock)) {
    const runtime = await directory.readRuntime()
    throw new CliError(
      `A cloud already runs on ${directory.path}${runtime ? ` (pid ${runtime.pid})` : ''}.`,
      'Use it, stop it with `keystead down`, or start another one with `--data-dir`.',
    )
  }
  const settings = await ensureSettings(directory, options.gatewayPort)
  if (options.detach) await startDetached(directory)
  else await stayUntilStopped(await Supervisor.start(directory, settings), directory, options)
  if (options.detach) announce(directory, settings.ports.gateway, options.output)
}

async function stayUntilStopped(supervisor: Supervisor, directory: DataDirectory, options: UpOptions): Promise<void> {
  const settings = await directory.readSettings()
  announce(directory, settings?.ports.gateway ?? 0, options.output)
  if (process.stdin.isTTY) progress(paint('dim', 'Ctrl-C stops it.', process.stderr))
  const keepAlive = setInterval(() => {}, 0x7fffffff)
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
  clearInterval(keepAlive)
  progress('Stopping ...')
  await supervisor.stop()
}

/** Another `keystead up`, in a session of its own; its output goes to a log. */
async function startDetached(directory: DataDirectory): Promise<void> {
  const logFile = join(directory.logs, 'supervisor.log')
  await using log = await open(logFile, 'w', 0o600)
  // On a disk that is full this is what fails, and not an output of the other one, which could not tell why.
  await log.write(`Started at ${new Date().toISOString()}\n`)
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'up', '--data-dir', directory.path], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  let exited = false
  child.once('exit', () => {
    exited = true
  })
  child.unref()
  for (;;) {
    const runtime = await directory.readRuntime()
    if (runtime?.pid === child.pid && runtime?.ready) return
    if (exited) throw await startFailure(runtime, child.pid, logFile)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

async function startFailure(runtime: Runtime | undefined, pid: number | undefined, logFile: string): Promise<CliError> {
  const told = (await readFile(logFile, 'utf8')).trim().split('\n').slice(1)
  const message = runtime?.pid === pid && runtime?.failure ? runtime.failure : (told.at(-2) ?? told.at(-1) ?? '')
  return new CliError(message.replace(/^error: /, '') || 'The cloud did not start.', told.at(-1) ?? `See ${logFile}.`)
}

function announce(directory: DataDirectory, gatewayPort: number, output: OutputFormat | undefined): void {
  if (output === 'json') {
    printJson({ dataDirectory: directory.path, gateway: `127.0.0.1:${gatewayPort}`, ready: true })
    return
  }
  const flag =
    process.env.KEYSTEAD_DATA_DIR || directory.path.endsWith('/.keystead')
      ? ''
      : ` --data-dir ${shellQuote(directory.path)}`
  const command = shellQuote(self)
  process.stdout.write(
    `${paint('green', 'Keystead is up')} on 127.0.0.1:${gatewayPort}, kept in ${directory.path}\n` +
      `  eval "$(${command} env${flag})"          point this shell at it\n` +
      `  ${command} exec${flag} -- az group list  or run one command\n`,
  )
}
