/** The core process by itself, under a supervisor that never waits: for tests that kill it again and again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from './cloud.ts'

const program = join(root, 'packages/cli/dist/core/main.js')
const lifeline = join(root, 'packages/cli/dist/supervisor/lifeline.js')

export class Core {
  /** What it logged, for a test that fails. */
  log = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  readonly ready: Promise<void>

  constructor(dataDirectory: string, environment: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(process.execPath, ['--import', lifeline, program, dataDirectory], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text
      })
    }
    this.#ended = once(this.#child, 'close')
    this.ready = new Promise((resolve, reject) => {
      this.#child.on('message', (message: { kind: string }) => {
        if (message.kind === 'ready') resolve()
        else reject(new Error(`The core did not start: ${JSON.stringify(message)}\n${this.log}`))
      })
      this.#child.once('exit', () => reject(new Error(`The core ended before it was ready.\n${this.log}`)))
    })
    this.ready.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves once it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal)
    await this.#ended
  }
}
