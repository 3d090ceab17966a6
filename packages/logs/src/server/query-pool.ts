/** The processes that run queries: a query that takes too long ends its process, and the next one gets a new one. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { QueryOutcome } from './query-outcome.ts'
import type { QueryTask } from './query-process.ts'

const script = fileURLToPath(new URL(`./query-process${extname(import.meta.url)}`, import.meta.url))

interface Waiting {
  readonly task: QueryTask
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly resolve: (outcome: QueryOutcome) => void
}

export class QueryPool {
  readonly #size: number
  readonly #idle: ChildProcess[] = []
  readonly #waiting: Waiting[] = []
  readonly #running = new Set<ChildProcess>()
  #closed = false

  constructor(options: { readonly size: number }) {
    this.#size = options.size
  }

  /** @param signal Aborted when nobody waits for the answer any more: the query is ended. */
  run(task: QueryTask, timeoutMs: number, signal?: AbortSignal): Promise<QueryOutcome> {
    return new Promise((resolve) => {
      this.#waiting.push({ task, timeoutMs, signal, resolve })
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const children = [...this.#idle, ...this.#running]
    await Promise.all(
      children.map((child) => {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        return ended
      }),
    )
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#closed) return
    const child = this.#idle.pop() ?? (this.#running.size < this.#size ? this.#start() : undefined)
    if (!child) return
    const waiting = this.#waiting.shift()
    if (waiting) this.#work(child, waiting)
  }

  #start(): ChildProcess {
    return fork(script, [], {
      // What this process was started with is not for its child, which ends when this one is gone.
      execArgv: [],
      // Integers of 64 bits go through as they are.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
  }

  #work(child: ChildProcess, { task, timeoutMs, signal, resolve }: Waiting): void {
    this.#running.add(child)
    const kill = (): void => {
      child.kill('SIGKILL')
    }
    let timedOut = false
    // A process that is still starting gets its time from when the query was given to it.
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, timeoutMs)
    const finish = (outcome: QueryOutcome): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      child.off('message', onMessage)
      child.off('exit', onExit)
      this.#running.delete(child)
      resolve(outcome)
      this.#next()
    }
    const onMessage = (message: QueryOutcome | 'ready'): void => {
      if (message === 'ready') return
      this.#idle.push(child)
      finish(message)
    }
    const onExit = (code: number | null, signalName: string | null): void =>
      finish(
        timedOut || signal?.aborted
          ? { kind: 'timedOut' }
          : { kind: 'failed', message: `The query's process ended (${code ?? signalName}).` },
      )
    child.on('message', onMessage)
    child.on('exit', onExit)
    signal?.addEventListener('abort', kill)
    if (signal?.aborted) kill()
    else child.send(task)
  }
}
