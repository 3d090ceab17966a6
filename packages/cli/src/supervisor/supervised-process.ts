/** One supervised process: started in its own process group, started again when it dies, its output kept in a bounded log. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CliError } from '../cli-error.ts'
import { BoundedLog } from './bounded-log.ts'
import { childMessage } from './messages.ts'

export interface ProcessSpec {
  readonly name: string
  readonly args: readonly string[]
  /** All of it: nothing is inherited, so that the master key reaches only who needs it. */
  readonly environment: NodeJS.ProcessEnv
  /** For a person, e.g. `http://127.0.0.1:10000`. */
  readonly address: string
  /** Ready when the process says so over IPC, or when this loopback port accepts connections. */
  readonly readiness: 'message' | { readonly ports: readonly number[] }
}

export type ProcessState = 'starting' | 'running' | 'restarting' | 'stopped'

const lifeline = fileURLToPath(new URL('./lifeline.js', import.meta.url))
const firstDelayMs = 100
const longestDelayMs = 10_000
/** A process that ran this long before it died is started again without delay. */
const healthyAfterMs = 30_000
const stopGraceMs = 10_000

export class SupervisedProcess {
  readonly spec: ProcessSpec
  state: ProcessState = 'stopped'
  restarts = 0
  #child: ChildProcess | undefined
  readonly #log: BoundedLog
  #delayMs = firstDelayMs
  #stopping = false
  #hasBeenReady = false
  #failure: CliError | undefined
  #timer: NodeJS.Timeout | undefined
  #onChange: () => void
  #onReady = Promise.withResolvers<void>()

  constructor(spec: ProcessSpec, logDirectory: string, onChange: () => void) {
    this.spec = spec
    this.#onChange = onChange
    this.#log = new BoundedLog({ file: join(logDirectory, `${spec.name}.log`), maxBytes: 10 * 1024 * 1024, keep: 3 })
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it; resolves when it is first ready, rejects when it says that it can not run. */
  start(): Promise<void> {
    this.#spawn()
    return this.#onReady.promise
  }

  /** Asks it to stop, then ends its whole process group. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child?.pid && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      this.#signal(child, 'SIGTERM')
      const timer = setTimeout(() => this.#signal(child, 'SIGKILL'), stopGraceMs)
      await exited
      clearTimeout(timer)
    }
    this.#setState('stopped')
    this.#log.close()
  }

  #spawn(): void {
    this.#setState(this.restarts === 0 ? 'starting' : 'restarting')
    const startedAt = Date.now()
    const child = spawn(process.execPath, ['--import', lifeline, ...this.spec.args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: this.spec.environment,
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => this.#log.write(chunk))
    child.on('message', (message) => this.#hear(message))
    child.on('error', (error) => this.#onReady.reject(error))
    child.on('exit', (code, signal) => this.#exited(child, startedAt, code, signal))
    if (this.spec.readiness !== 'message') {
      const ports = this.spec.readiness.ports
      void Promise.all(ports.map((port) => accepting(port, () => this.#child !== child))).then(() => {
        if (this.#child === child) this.#ready()
      })
    }
    this.#onChange()
  }

  #hear(raw: unknown): void {
    const message = childMessage.safeParse(raw)
    if (!message.success) return
    if (message.data.kind === 'ready') this.#ready()
    else this.#failure = new CliError(message.data.message, message.data.hint)
  }

  #ready(): void {
    this.#hasBeenReady = true
    this.#setState('running')
    this.#onReady.resolve()
  }

  #exited(child: ChildProcess, startedAt: number, code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined
    // Whatever it started and left behind.
    this.#signal(child, 'SIGKILL')
    if (this.#stopping) {
      this.#setState('stopped')
      return
    }
    const how = signal ? `was ended by ${signal}` : `exited with code ${code}`
    if (!this.#hasBeenReady) {
      // Its first start failed: whoever asked is told, and nothing is tried again behind their back.
      this.#setState('stopped')
      this.#onReady.reject(
        this.#failure ??
          new CliError(
            `${this.spec.name} ${how} before it was ready.`,
            `\`keystead logs ${this.spec.name}\` says why.`,
          ),
      )
      return
    }
    const delay = Date.now() - startedAt >= healthyAfterMs ? 0 : this.#delayMs
    this.#delayMs = delay === 0 ? firstDelayMs : Math.min(this.#delayMs * 2, longestDelayMs)
    this.#log.write(
      `${JSON.stringify({ level: 'error', time: Date.now(), name: 'supervisor', msg: `${this.spec.name} ${how}; starting it again in ${delay} ms` })}\n`,
    )
    this.restarts += 1
    this.#setState('restarting')
    this.#timer = setTimeout(() => this.#spawn(), delay)
  }

  #setState(state: ProcessState): void {
    this.state = state
    this.#onChange()
  }

  #signal(child: ChildProcess, signal: NodeJS.Signals): void {
    try {
      if (child.pid) process.kill(-child.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Resolves once the port accepts a connection, or when `cancelled`. */
async function accepting(port: number, cancelled: () => boolean): Promise<void> {
  while (!cancelled()) {
    if (await connects(port)) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
