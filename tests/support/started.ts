/** A command that goes on running while a test watches what it prints. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { root } from './cloud.ts'

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class Started implements AsyncDisposable {
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ending>
  readonly #child: ChildProcessWithoutNullStreams
  #ending: Ending | undefined
  #onChange = Promise.withResolvers<void>()

  /** In a process group of its own, as a shell starts a command in the foreground. */
  constructor(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
    this.#child = spawn(command, args, {
      detached: true,
      env: options.env ?? process.env,
      cwd: options.cwd ?? root,
      stdio: 'pipe',
    })
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#changed()
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#changed()
    })
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code, signal) => {
        this.#ending = { code, signal }
        resolve(this.#ending)
        this.#changed()
      })
    })
    this.ended.catch(() => {})
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('The command could not be started.')
    return this.#child.pid
  }

  /**
   * Resolves with the match once standard output, or standard error, holds it. Throws, with what was printed, when the
   * command ends before that or `timeoutMs` are over.
   */
  async until(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const timeout = AbortSignal.timeout(timeoutMs)
    timeout.addEventListener('abort', () => this.#changed())
    for (;;) {
      const changed = this.#onChange.promise
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match) return match
      if (this.#ending) {
        const { code, signal } = this.#ending
        throw new Error(`It ended with ${signal ?? code} before it printed ${pattern}.\n${this.stdout}\n${this.stderr}`)
      }
      if (timeout.aborted) throw new Error(`It did not print ${pattern}.\n${this.stdout}\n${this.stderr}`)
      await changed
    }
  }

  /** What a person types. */
  type(text: string): void {
    this.#child.stdin.write(text)
  }

  /** To the command alone. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ending) {
      try {
        process.kill(-this.pid, 'SIGKILL')
      } catch {
        // Gone by now.
      }
    }
    await this.ended.catch(() => {})
  }

  #changed(): void {
    const { resolve } = this.#onChange
    this.#onChange = Promise.withResolvers()
    resolve()
  }
}

const terminal = `
import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status) % 256)
`

/** The command on a terminal of its own: what is typed passes its line discipline, so that \\x03 is Ctrl-C. */
export function onTerminal(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Started {
  return new Started(process.env.KEYSTEAD_PYTHON ?? 'python3', ['-c', terminal, command, ...args], options)
}
