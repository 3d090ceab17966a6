/** A command that has the terminal until it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { CliError } from './cli-error.ts'

/** What a terminal sends by itself to everything in its foreground, the command included. */
const fromTerminal = ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const
/** Signals that a service manager sends us are for the command. */
const forwarded = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const

/**
 * Runs it and answers its exit code, as a shell would tell it; asks it to stop when `until` settles first.
 * Throws {@link CliError} when it can not be started.
 */
export async function runToEnd(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  until?: Promise<unknown>,
): Promise<number> {
  const [file = '', ...args] = words
  let child: ChildProcess | undefined
  const forward = (signal: NodeJS.Signals): void => {
    // A second Ctrl-C would make many programs end without cleaning up.
    const received = process.stdin.isTTY && fromTerminal.some((name) => name === signal)
    if (!received) child?.kill(signal)
  }
  // Before the command runs, or a signal that comes at once would end us and leave it.
  for (const signal of forwarded) process.on(signal, forward)
  try {
    const started = spawn(file, args, { stdio: 'inherit', env: environment })
    child = started
    void until?.finally(() => started.kill('SIGTERM'))
    return await exitCode(started, file)
  } finally {
    for (const signal of forwarded) process.off(signal, forward)
  }
}

/** 128 + the signal's number when a signal ended it. Resolves after everything it printed was read. */
export function exitCode(child: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'ENOENT'
          ? new CliError(`'${name}' was not found.`, 'Check the spelling, and that it is on PATH.', {
              cause,
              exitCode: 127,
            })
          : new CliError(`'${name}' can not be started: ${cause.message}`, 'Check that it can be executed.', {
              cause,
              exitCode: 126,
            }),
      )
    })
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}
