/** Measures the rules of revisions at their intervals, and tells how many replicas each is to have. */
import { isDeepStrictEqual } from 'node:util'
import type { RevisionSpec } from '../platform/platform.ts'
import { type QueueAccess, queueLength } from './azure-queue.ts'
import { decide, initialState, type Measurement, type ScaleState } from './decision.ts'
import { parseRules, type Rule } from './rules.ts'

/** Seconds between two looks at requests, whatever the revision's own polling interval. */
const HTTP_INTERVAL = 15

export interface AutoscalerOptions {
  /** Milliseconds that only go forward. */
  readonly clock: () => number
  /** Of the requests since it was last asked. */
  readonly concurrency: (appId: string, revision: string) => { readonly average: number; readonly inFlight: number }
  /** How many there are, those that start included. */
  readonly replicas: (appId: string, revision: string) => number
  /** CPU seconds that each replica's containers have used, by its name. */
  readonly cpuSeconds: (appId: string, revision: string) => Promise<ReadonlyMap<string, number>>
  readonly queues: (spec: RevisionSpec) => QueueAccess
  readonly scaleTo: (appId: string, revision: string, replicas: number) => void
  /** For the app's system log: a rule that takes no part, or could not be measured. */
  readonly problem: (spec: RevisionSpec, reason: 'KEDAScalerFailed', message: string) => void
}

export class Autoscaler {
  readonly #options: AutoscalerOptions
  readonly #revisions = new Map<string, ScaledRevision>()

  constructor(options: AutoscalerOptions) {
    this.#options = options
  }

  /** Begins or goes on with new rules. */
  add(spec: RevisionSpec): void {
    const key = keyOf(spec.place.appId, spec.name)
    const known = this.#revisions.get(key)
    if (known?.has(spec)) return
    known?.stop()
    const revision = new ScaledRevision(spec, this.#options, known)
    this.#revisions.set(key, revision)
    revision.start()
  }

  remove(appId: string, revision: string): void {
    const key = keyOf(appId, revision)
    this.#revisions.get(key)?.stop()
    this.#revisions.delete(key)
  }

  /** One request waits: the first replica comes without waiting for the next look. Answers whether one will come. */
  wake(appId: string, revision: string): boolean {
    const scaled = this.#revisions.get(keyOf(appId, revision))
    scaled?.wake()
    return scaled !== undefined
  }

  /** One look at a revision's rules, as its timer takes it. */
  async look(appId: string, revision: string): Promise<void> {
    await this.#revisions.get(keyOf(appId, revision))?.look()
  }

  close(): void {
    for (const revision of this.#revisions.values()) revision.stop()
    this.#revisions.clear()
  }
}

class ScaledRevision {
  readonly #spec: RevisionSpec
  readonly #options: AutoscalerOptions
  readonly #rules: readonly Rule[]
  #state: ScaleState
  /** CPU seconds by replica when last looked at, and when that was. */
  #cpu: { readonly seconds: ReadonlyMap<string, number>; readonly at: number } | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  /** Told once, until it can be measured again. */
  readonly #failing = new Set<string>()

  constructor(spec: RevisionSpec, options: AutoscalerOptions, before: ScaledRevision | undefined) {
    this.#spec = spec
    this.#options = options
    const { rules, refused } = parseRules(spec)
    this.#rules = rules
    this.#state = before ? before.#state : initialState(options.clock())
    for (const { message } of refused) options.problem(spec, 'KEDAScalerFailed', message)
  }

  has(spec: RevisionSpec): boolean {
    return isDeepStrictEqual(spec, this.#spec)
  }

  start(): void {
    const { pollingInterval } = this.#spec.scale
    const seconds = this.#rules.some(({ kind }) => kind === 'http')
      ? Math.min(HTTP_INTERVAL, pollingInterval)
      : pollingInterval
    const next = () => {
      this.#timer = setTimeout(() => void this.look().finally(() => this.#stopped || next()), seconds * 1000)
    }
    next()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  wake(): void {
    this.#state = { ...this.#state, lastActive: this.#options.clock() }
    const { appId } = this.#spec.place
    if (this.#options.replicas(appId, this.#spec.name) === 0) {
      this.#options.scaleTo(appId, this.#spec.name, Math.max(1, this.#spec.scale.minReplicas))
    }
  }

  async look(): Promise<void> {
    const measured = await Promise.all(this.#rules.map((rule) => this.#measure(rule)))
    if (this.#stopped) return
    const { name, place, scale } = this.#spec
    const count = this.#options.replicas(place.appId, name)
    const measurements = measured.filter((measurement) => measurement !== undefined)
    // What can not be measured is no reason to take replicas away.
    const lost = measured.length - measurements.length
    const held = lost > 0 ? [{ value: count, target: 1, active: count > 0 }] : []
    const { replicas, state } = decide(scale, count, [...measurements, ...held], this.#state, this.#options.clock())
    this.#state = state
    if (replicas !== count) this.#options.scaleTo(place.appId, name, replicas)
  }

  /** Undefined when it could not be measured, which the app's system log is told. */
  async #measure(rule: Rule): Promise<Measurement | undefined> {
    try {
      const measurement = await this.#measurementOf(rule)
      this.#failing.delete(rule.name)
      return measurement
    } catch (error) {
      if (!this.#failing.has(rule.name)) {
        this.#failing.add(rule.name)
        const reason = error instanceof Error ? error.message : String(error)
        this.#options.problem(
          this.#spec,
          'KEDAScalerFailed',
          `scale rule "${rule.name}" can not be measured: ${reason}`,
        )
      }
      return undefined
    }
  }

  async #measurementOf(rule: Rule): Promise<Measurement> {
    switch (rule.kind) {
      case 'http': {
        const { average, inFlight } = this.#options.concurrency(this.#spec.place.appId, this.#spec.name)
        return { value: average, target: rule.concurrentRequests, active: average > 0 || inFlight > 0 }
      }
      case 'azure-queue': {
        const value = await queueLength(rule, this.#options.queues(this.#spec))
        return { value, target: rule.queueLength, active: value > 0 }
      }
      case 'cpu':
        // A rule by CPU never takes the last replica away: without one there is nothing to measure.
        return { value: await this.#utilization(), target: rule.utilization, active: true }
    }
  }

  /** Per cent of a replica's cores, of all replicas together, since the last look. */
  async #utilization(): Promise<number> {
    const seconds = await this.#options.cpuSeconds(this.#spec.place.appId, this.#spec.name)
    const at = this.#options.clock()
    const before = this.#cpu
    this.#cpu = { seconds, at }
    if (!before || at <= before.at) return 0
    const cores = this.#spec.containers.reduce((sum, { cpu }) => sum + cpu, 0)
    let used = 0
    // A container that was started again counts from nothing.
    for (const [replica, now] of seconds) used += Math.max(0, now - (before.seconds.get(replica) ?? now))
    return (used * 100_000) / (at - before.at) / cores
  }
}

function keyOf(appId: string, revision: string): string {
  return `${appId.toLowerCase()}\n${revision}`
}
