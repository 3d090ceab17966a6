/** The program: a command line in, an exit code out. */
import { openSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { type ComponentRegistry, createRegistry } from '@keystead/components'
import { createLogOutput, type Logger, type LogOutput } from '../log/logger.ts'
import { errorText } from '../runtime/error-text.ts'
import { createRuntime, RuntimeError } from '../runtime/runtime.ts'
import { OptionsError, RuntimeOptionsError, readLogOptions, readSidecarOptions, readSizes } from './options.ts'
import { FlagError, type ParsedFlags, parseFlags, usage } from './parse-flags.ts'
import { useEnvironmentTrust } from './trust.ts'
import { daprVersion } from './version.ts'
import { waitUntilOutboundReady } from './wait.ts'

export interface Program {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly onSignal: (name: 'SIGTERM' | 'SIGINT' | 'SIGHUP', handle: () => void) => void
  readonly exit: (code: number) => never
}

const signalTexts = { SIGTERM: 'terminated', SIGINT: 'interrupt' } as const

/** Runs until the sidecar has ended; resolves with the exit code. */
export async function run(program: Program): Promise<number> {
  let flags: ParsedFlags
  try {
    flags = parseFlags(program.argv)
  } catch (error) {
    if (!(error instanceof FlagError)) throw error
    program.stderr(`${error.message}\n${usage()}${error.message}\n`)
    return 2
  }
  for (const notice of flags.notices) program.stderr(`${notice}\n`)
  if (flags.help) {
    program.stderr(usage())
    return 0
  }
  if (flags.text('version') === 'true') {
    program.stdout(`${daprVersion}\n`)
    return 0
  }
  if (flags.text('build-info') === 'true') {
    program.stdout(`Version: ${daprVersion}\nGit Commit: \nGit Version: \n`)
    return 0
  }
  if (flags.text('wait') === 'true') {
    await waitUntilOutboundReady(flags.text('dapr-http-port'), (line) => program.stderr(`${line}\n`))
    return 0
  }
  const logOptions = readLogOptions(flags)
  const output = (appId: string, write: (line: string) => void): LogOutput =>
    createLogOutput({
      appId,
      instance: hostname(),
      version: daprVersion,
      level: logOptions.level ?? 'info',
      json: logOptions.json,
      write,
    })
  const early = output('', program.stdout).scope('dapr.runtime')
  try {
    const sizes = readSizes(flags)
    if (logOptions.level === undefined) {
      output(flags.text('app-id'), program.stdout)
        .scope('dapr.runtime')
        .fatal(`invalid value for --log-level: ${logOptions.levelText}`)
      return 1
    }
    const write = logOptions.file === '' ? program.stdout : appendTo(logOptions.file)
    return await runSidecar(program, flags, sizes, output(flags.text('app-id'), write))
  } catch (error) {
    if (error instanceof OptionsError) early.fatal(`Failed to parse flags: ${error.message}`)
    else early.fatal(errorText(error))
    return 1
  }
}

async function runSidecar(
  program: Program,
  flags: ParsedFlags,
  sizes: ReturnType<typeof readSizes>,
  output: LogOutput,
): Promise<number> {
  const log = output.scope('dapr.runtime')
  log.info(`Starting Dapr Runtime -- version ${daprVersion} -- commit keystead`)
  log.info(`Log level set to: ${flags.text('log-level')}`)
  try {
    const options = readSidecarOptions(flags, sizes, program.environment)
    const dependencies = {
      output,
      registry: withEnvironmentTrust(createRegistry(), program.environment, log),
      onGraceExceeded: () => program.exit(1),
      onForcedShutdown: () => setTimeout(() => program.exit(1), 100),
    }
    let runtime = createRuntime(options, dependencies)
    onSignals(
      program,
      output.scope('dapr.signals'),
      () => runtime.stop(),
      () => runtime.reload(),
    )
    while ((await runtime.run()) === 'reload') {
      log.info('Reloading runtime')
      runtime = createRuntime(options, dependencies)
    }
  } catch (error) {
    log.fatal(`Fatal error from runtime: ${fatalText(error)}`)
    return 1
  }
  log.info('Daprd shutdown gracefully')
  return 0
}

/** Certificates are read before the first component that may need them: those on this machine need none. */
function withEnvironmentTrust(
  registry: ComponentRegistry,
  environment: Program['environment'],
  log: Logger,
): ComponentRegistry {
  let done = false
  return {
    ...registry,
    factory(type, version) {
      if (!done && !/^(?:secretstores\.local\.|state\.in-memory$)/i.test(type)) {
        done = true
        for (const problem of useEnvironmentTrust(environment)) {
          log.warn(`Certificates could not be read from ${problem}`)
        }
      }
      return registry.factory(type, version)
    },
  }
}

function fatalText(error: unknown): string {
  if (error instanceof RuntimeError || error instanceof RuntimeOptionsError) return error.message
  // Not foreseen: where it happened helps whoever has to mend it.
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function onSignals(program: Program, log: Logger, stop: () => void, reload: () => void): void {
  let stopping = false
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    program.onSignal(name, () => {
      if (stopping) {
        log.fatal(`Received signal '${signalTexts[name]}' during shutdown; exiting immediately`)
        program.exit(1)
      }
      stopping = true
      log.info(`Received signal '${signalTexts[name]}'; beginning shutdown`)
      stop()
    })
  }
  program.onSignal('SIGHUP', () => {
    log.info('Received signal SIGHUP; restarting')
    reload()
  })
}

function appendTo(path: string): (line: string) => void {
  let file: number
  try {
    file = openSync(path, 'a', 0o644)
  } catch (error) {
    throw new Error(`failed to open log file ${JSON.stringify(path)}: ${errorText(error)}`)
  }
  return (line) => {
    writeSync(file, line)
  }
}
