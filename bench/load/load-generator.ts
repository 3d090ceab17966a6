/** The benchmark's side of the load generator: starts its process, hands it targets, has them loaded. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bind } from '../processors.ts'
import type { Command, Outcome, Report, Target } from './messages.ts'

const program = fileURLToPath(new URL('./generator.ts', import.meta.url))

export interface OpenTarget {
  run(seconds: number): Promise<Outcome>
}

export class LoadGenerator implements Disposable {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<Report>>()
  #targets = 0

  private constructor(child: ChildProcess) {
    this.#process = child
    child.on('message', (report: Report) => {
      this.#waiting.get(report.id)?.resolve(report)
      this.#waiting.delete(report.id)
    })
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The load generator has ended.'))
    })
  }

  /** `processors`: where it runs, as `taskset` takes it. */
  static async start(processors: string | undefined): Promise<LoadGenerator> {
    const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const generator = new LoadGenerator(child)
    if (child.pid !== undefined) await bind(child.pid, processors)
    return generator
  }

  /** Opens all connections. Rejects when the server does not take them. */
  async open(target: Target): Promise<OpenTarget> {
    const id = this.#targets
    this.#targets += 1
    await this.#tell({ kind: 'open', id, target })
    return {
      run: async (seconds) => {
        const report = await this.#tell({ kind: 'run', id, seconds })
        if (report.kind !== 'ran') throw new Error('The load generator answered something else.')
        return report.outcome
      },
    }
  }

  async #tell(command: Command): Promise<Report> {
    const waiting = Promise.withResolvers<Report>()
    this.#waiting.set(command.id, waiting)
    this.#process.send(command)
    const report = await waiting.promise
    if (report.kind === 'failed') throw new Error(`Under load: ${report.message}`)
    return report
  }

  [Symbol.dispose](): void {
    this.#process.kill()
  }
}
