/** One container of a replica: started, probed, started again with back-off when it ends, stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { OutputLines } from './output-lines.ts'
import type { ContainerStatus, Probe, SystemEvent } from './platform.ts'
import { runProbe } from './probe.ts'
import { type ContainerEnd, type ContainerStart, ImageError, type RunningContainer } from './runner.ts'

export interface ContainerOptions {
  readonly name: string
  readonly launch: (onOutput: ContainerStart['onOutput']) => Promise<RunningContainer>
  readonly probes: readonly Probe[]
  /** Where a port of the probes really is. */
  readonly portOf: (port: number) => number
  /** An init container runs until it has succeeded once. */
  readonly untilSuccess: boolean
  readonly graceMs: number
  readonly backOffMs: number
  readonly clock: () => number
  readonly onLine: (stream: 'stdout' | 'stderr', text: string) => void
  readonly onEvent: (type: SystemEvent['type'], reason: string, message: string, count: number) => void
  /** Something of its status is different. */
  readonly onChange: () => void
}

/** The longest pause between two restarts, in multiples of the first. */
const longestBackOff = 30
/** A container that ran this long begins anew with the first pause. */
const healthyAfterMs = 600_000

export class Container {
  readonly name: string
  readonly #options: ContainerOptions
  readonly #stopping = new AbortController()
  #state: ContainerStatus['runningState'] = 'Waiting'
  #details: string | undefined
  #started = false
  #ready = false
  #restarts = 0
  #failure: string | undefined
  #succeeded = false
  #running: RunningContainer | undefined
  #loop: Promise<void> | undefined

  constructor(options: ContainerOptions) {
    this.name = options.name
    this.#options = options
  }

  get ready(): boolean {
    return this.#ready
  }

  /** An init container's end. */
  get succeeded(): boolean {
    return this.#succeeded
  }

  /** Why it does not run, until it is ready again. */
  get failure(): string | undefined {
    return this.#failure
  }

  get status(): ContainerStatus {
    return {
      name: this.name,
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      runningState: this.#state,
      ...(this.#details === undefined ? {} : { runningStateDetails: this.#details }),
    }
  }

  /** Of what runs now, in seconds. */
  async cpuSeconds(): Promise<number> {
    return (await this.#running?.cpuSeconds()) ?? 0
  }

  start(): void {
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running?.stop(this.#options.graceMs)
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let inRow = 0
    while (!signal.aborted) {
      const startedAt = this.#options.clock()
      const again = await this.#once()
      if (!again || signal.aborted) return
      inRow = this.#options.clock() - startedAt >= healthyAfterMs ? 1 : inRow + 1
      const { backOffMs } = this.#options
      // The first restart comes at once.
      const delay = inRow === 1 ? 0 : backOffMs * Math.min(2 ** (inRow - 2), longestBackOff)
      if (delay > 0) {
        this.#event(
          'Warning',
          'ContainerBackOff',
          `Back-off of ${delay / 1000} s restarting container '${this.name}'`,
          inRow,
        )
      }
      try {
        await sleep(delay, undefined, { signal })
      } catch {
        return
      }
      this.#restarts += 1
    }
  }

  /** Answers whether it is to be started again. */
  async #once(): Promise<boolean> {
    const lines = {
      stdout: new OutputLines({ clock: this.#options.clock, onLine: (text) => this.#options.onLine('stdout', text) }),
      stderr: new OutputLines({ clock: this.#options.clock, onLine: (text) => this.#options.onLine('stderr', text) }),
    }
    let running: RunningContainer
    try {
      running = await this.#options.launch((stream, chunk) => lines[stream].write(chunk))
    } catch (error) {
      const isImage = error instanceof ImageError
      const message = isImage ? error.message : `Container '${this.name}' can not be started: ${String(error)}`
      this.#event('Warning', isImage ? 'ImagePullFailed' : 'ContainerCreateFailed', message, 1)
      const state = isImage ? 'ImagePullBackOff' : 'CreateContainerError'
      this.#set({ state: 'Waiting', details: `${state}: ${message}`, failure: message })
      return true
    }
    this.#running = running
    // It was asked to stop while it was started.
    if (this.#stopping.signal.aborted) await running.stop(this.#options.graceMs)
    this.#event('Normal', 'ContainerStarted', `Started container '${this.name}'`, 1)
    const probing = new AbortController()
    this.#begin(running, probing.signal)
    const end = await running.ended
    probing.abort()
    this.#running = undefined
    lines.stdout.end()
    lines.stderr.end()
    return this.#ended(end)
  }

  #ended({ exitCode, signal }: ContainerEnd): boolean {
    const stopped = this.#stopping.signal.aborted
    const how = signal ? `${signal}, exit code ${exitCode}` : `exit code ${exitCode}`
    this.#event(
      stopped || exitCode === 0 ? 'Normal' : 'Warning',
      'ContainerTerminated',
      `Container '${this.name}' was terminated with exit code '${exitCode}'`,
      1,
    )
    if (this.#options.untilSuccess && exitCode === 0) {
      this.#succeeded = true
      this.#set({ state: 'Terminated', details: 'Completed' })
      return false
    }
    if (stopped) {
      this.#set({ state: 'Terminated', details: how })
      return false
    }
    const failure = `Container '${this.name}' ended with ${how}.`
    this.#set({ state: 'Waiting', details: `CrashLoopBackOff: ${failure}`, failure })
    return true
  }

  /** It runs; without a probe that says otherwise it is started and ready. */
  #begin(running: RunningContainer, signal: AbortSignal): void {
    const { probes } = this.#options
    const startup = probes.filter(({ type }) => type === 'Startup')
    this.#state = 'Running'
    this.#details = undefined
    const started = (): void => {
      this.#started = true
      if (!probes.some(({ type }) => type === 'Readiness')) this.#becomeReady(true)
      for (const probe of probes) if (probe.type !== 'Startup') this.#probe(probe, running, signal)
      this.#options.onChange()
    }
    if (startup.length === 0) {
      started()
      return
    }
    for (const probe of startup) this.#probe(probe, running, signal, started)
    this.#options.onChange()
  }

  #probe(probe: Probe, running: RunningContainer, signal: AbortSignal, onStarted?: () => void): void {
    const own = new AbortController()
    const succeeded = (): void => {
      if (probe.type === 'Readiness') this.#becomeReady(true)
      if (probe.type === 'Startup') {
        own.abort()
        onStarted?.()
      }
    }
    const failed = (why: string): void => {
      this.#event('Warning', 'ProbeFailed', `Container '${this.name}': ${why}`, probe.failureThreshold)
      if (probe.type === 'Readiness') {
        this.#failure = `Container '${this.name}' is not ready. ${why}`
        this.#becomeReady(false)
        return
      }
      own.abort()
      void running.stop(this.#options.graceMs)
    }
    runProbe(probe, this.#options.portOf, { succeeded, failed }, AbortSignal.any([signal, own.signal])).catch(
      (error: unknown) => failed(String(error)),
    )
  }

  #becomeReady(ready: boolean): void {
    this.#ready = ready
    if (ready) this.#failure = undefined
    this.#options.onChange()
  }

  #set(now: { state: ContainerStatus['runningState']; details: string; failure?: string }): void {
    this.#state = now.state
    this.#details = now.details
    this.#failure = now.failure
    this.#started = false
    this.#ready = false
    this.#options.onChange()
  }

  #event(type: SystemEvent['type'], reason: string, message: string, count: number): void {
    this.#options.onEvent(type, reason, message, count)
  }
}
