/** A sidecar process beside an app: started, watched until it is healthy, stopped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CliError } from './cli-error.ts'
import { exitCode } from './foreground-process.ts'
import { freePorts } from './free-ports.ts'

const lifeline = fileURLToPath(new URL('./supervisor/lifeline.js', import.meta.url))
const executable = fileURLToPath(new URL('../../../bin/keystead-sidecar', import.meta.url))

/** How others start it: with an IPC channel, at whose end it ends too. */
export const leashedSidecar = { executable, environment: { NODE_OPTIONS: `--import="${lifeline}"` } }

export interface SidecarOptions {
  readonly appId: string
  readonly appPort?: number
  readonly resourcesPath: readonly string[]
  readonly logLevel?: string
  readonly daprHttpPort?: number
  readonly environment: NodeJS.ProcessEnv
  /** Each line that it logs. */
  readonly onLine: (line: string) => void
}

export class Sidecar {
  readonly httpPort: number
  readonly grpcPort: number
  /** Resolves with its exit code when it ends, however it ends. */
  readonly ended: Promise<number>
  readonly #child: ChildProcess
  #running = true

  private constructor(child: ChildProcess, httpPort: number, grpcPort: number) {
    this.#child = child
    this.httpPort = httpPort
    this.grpcPort = grpcPort
    this.ended = exitCode(child, 'keystead-sidecar').finally(() => {
      this.#running = false
    })
  }

  /** Resolves once its outbound health is good. Throws {@link CliError} when it ends before that. */
  static async start(options: SidecarOptions): Promise<Sidecar> {
    const sidecar = await Sidecar.spawn(options)
    await sidecar.ready()
    return sidecar
  }

  /** Starts it without waiting, to watch how it ends. */
  static async spawn(options: SidecarOptions): Promise<Sidecar> {
    const [http = 0, grpcPort = 0, internal, metrics] = await freePorts(4)
    const httpPort = options.daprHttpPort ?? http
    const child = spawn(
      executable,
      [
        ...['--app-id', options.appId],
        ...['--dapr-http-port', String(httpPort)],
        ...['--dapr-grpc-port', String(grpcPort)],
        ...['--dapr-internal-grpc-port', String(internal)],
        ...['--metrics-port', String(metrics)],
        ...['--log-level', options.logLevel ?? 'info'],
        ...(options.appPort ? ['--app-port', String(options.appPort)] : []),
        ...options.resourcesPath.flatMap((path) => ['--resources-path', path]),
      ],
      {
        // Ctrl-C is for the app, which may need its sidecar until it is done; the lifeline ends one that is left behind.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: {
          ...options.environment,
          NODE_OPTIONS: `${options.environment.NODE_OPTIONS ?? ''} --import="${lifeline}"`,
        },
      },
    )
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', options.onLine)
    }
    return new Sidecar(child, httpPort, grpcPort)
  }

  /** Resolves once its outbound health is good. Throws {@link CliError} when it ends before that. */
  async ready(): Promise<void> {
    const outcome = await Promise.race([this.#healthy(), this.ended])
    if (typeof outcome === 'number') {
      throw new CliError(`The sidecar ended with exit code ${outcome} before it was ready.`, 'Its log above says why.')
    }
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.ended
  }

  async #healthy(): Promise<void> {
    while (this.#running) {
      try {
        const answer = await fetch(`http://127.0.0.1:${this.httpPort}/v1.0/healthz/outbound`)
        await answer.arrayBuffer()
        if (answer.ok) return
      } catch {
        // Not listening yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
