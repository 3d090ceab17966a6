/** One revision: as many replicas as it is to have, replaced one by one when it is restarted or changed. */
import { isDeepStrictEqual } from 'node:util'
import type { Host } from './host.ts'
import type { RevisionRefresh, RevisionSpec, RevisionStatus, RunningState, SystemEvent } from './platform.ts'
import type { ReferenceDigests } from './reference-watch.ts'
import { Replica } from './replica.ts'

export class Revision {
  readonly #host: Host
  readonly #onChange: (revision: Revision) => void
  #spec: RevisionSpec
  #replicas: Replica[] = []
  #desired: number
  #generation = 0
  #stopped = false
  #lastState: RunningState | undefined
  readonly #waiting = new Set<{ readonly generation: number; resolve(): void; reject(error: Error): void }>()

  constructor(spec: RevisionSpec, host: Host, onChange: (revision: Revision) => void) {
    this.#spec = spec
    this.#host = host
    this.#onChange = onChange
    // A revision that may be scaled to zero runs once at its beginning, which shows whether it can.
    this.#desired = Math.max(1, spec.scale.minReplicas)
  }

  get spec(): RevisionSpec {
    return this.#spec
  }

  /** How many replicas it is to have. */
  get desired(): number {
    return this.#desired
  }

  /** Where its ready replicas listen. */
  get addresses(): readonly string[] {
    return this.#replicas.flatMap(({ status }) => (status.address === undefined ? [] : [status.address]))
  }

  /** CPU seconds of its replicas, by name. */
  async cpuSeconds(): Promise<ReadonlyMap<string, number>> {
    const alive = this.#replicas.filter(({ ending }) => !ending)
    return new Map(
      await Promise.all(
        alive.map(async (replica): Promise<[string, number]> => [replica.name, await replica.cpuSeconds()]),
      ),
    )
  }

  get status(): RevisionStatus {
    const details = this.#failure()
    return {
      name: this.#spec.name,
      appId: this.#spec.place.appId,
      runningState: this.#state(details),
      ...(details === undefined ? {} : { details }),
      replicas: this.#replicas.filter(({ ending }) => !ending).map(({ status }) => status),
    }
  }

  begin(): void {
    this.#changed()
  }

  /** Another spec under the same name: its replicas take over when they are ready. */
  replace(spec: RevisionSpec): void {
    if (isDeepStrictEqual(spec, this.#spec)) return
    this.#spec = spec
    this.#desired = Math.min(Math.max(this.#desired, 1, spec.scale.minReplicas), Math.max(1, spec.scale.maxReplicas))
    this.#generation += 1
    this.#changed()
  }

  refresh(values: RevisionRefresh): void {
    this.#spec = { ...this.#spec, secrets: values.secrets, identities: values.identities }
  }

  /** Whether a replica that is to stay has variables made from other values than these. */
  usesOther(fresh: ReferenceDigests): boolean {
    return this.#replicas.some((replica) => replica.generation === this.#generation && replica.usesOther(fresh))
  }

  /** Resolves when new replicas have taken the place of all; rejects when the new ones can not run. */
  restart(): Promise<void> {
    if (this.#stopped || this.#desired === 0) return Promise.resolve()
    this.#generation += 1
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.add({ generation: this.#generation, resolve, reject })
    this.#changed()
    return promise
  }

  scale(count: number): void {
    if (this.#stopped || count === this.#desired) return
    this.#desired = count
    this.#changed()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { reject } of this.#waiting) reject(new Error(`The revision ${this.#spec.name} was stopped.`))
    this.#waiting.clear()
    await Promise.all(this.#replicas.map((replica) => replica.end()))
  }

  #changed(): void {
    this.#reconcile()
    this.#settle()
    this.#tellState()
    this.#onChange(this)
  }

  #reconcile(): void {
    if (this.#stopped) return
    const alive = this.#replicas.filter(({ ending }) => !ending)
    const current = alive.filter(({ generation }) => generation === this.#generation)
    const old = alive.filter(({ generation }) => generation !== this.#generation)
    for (let count = current.length; count < this.#desired; count += 1) {
      const replica = new Replica(this.#spec, this.#generation, this.#host, () => this.#changed())
      this.#replicas.push(replica)
      replica.start()
    }
    // Those that are not ready go before those that are.
    const surplus = current.toSorted((one, other) => Number(other.ready) - Number(one.ready)).slice(this.#desired)
    const ready = current.filter((replica) => replica.ready).length
    const spare = Math.max(0, old.length + ready - this.#desired)
    for (const replica of [...surplus, ...old.slice(0, spare)]) this.#end(replica)
  }

  #end(replica: Replica): void {
    void replica.end().then(() => {
      this.#replicas = this.#replicas.filter((other) => other !== replica)
      this.#changed()
    })
  }

  #settle(): void {
    const failure = this.#failure()
    const replaced =
      this.#replicas.every(({ generation }) => generation === this.#generation) &&
      this.#replicas.filter(({ ready }) => ready).length >= this.#desired
    for (const waiting of this.#waiting) {
      if (replaced) waiting.resolve()
      else if (failure !== undefined && waiting.generation === this.#generation) waiting.reject(new Error(failure))
      else continue
      this.#waiting.delete(waiting)
    }
  }

  #failure(): string | undefined {
    return this.#replicas.find(
      ({ generation, ending, failure }) => generation === this.#generation && !ending && failure !== undefined,
    )?.failure
  }

  #state(failure: string | undefined): RunningState {
    if (this.#stopped) return 'Stopped'
    const ready = this.#replicas.filter((replica) => replica.ready)
    if (failure !== undefined) return ready.length > 0 ? 'Degraded' : 'Failed'
    if (this.#desired === 0) return ready.length > 0 ? 'Processing' : 'ScaledToZero'
    const current = ready.filter(({ generation }) => generation === this.#generation)
    return current.length >= this.#desired ? 'Running' : 'Processing'
  }

  #tellState(): void {
    const { runningState, details = '' } = this.status
    if (runningState === this.#lastState) return
    this.#lastState = runningState
    const { name } = this.#spec
    if (runningState === 'Running')
      this.#event('Normal', 'RevisionReady', `Successfully provisioned revision '${name}'`)
    if (runningState === 'Failed')
      this.#event('Warning', 'RevisionUpdateFailed', `Revision '${name}' failed. ${details}`)
    if (runningState === 'ScaledToZero') this.#event('Normal', 'ScaledToZero', `Revision '${name}' has no replica now`)
  }

  #event(type: SystemEvent['type'], reason: string, message: string): void {
    const { place, name } = this.#spec
    this.#host.logs.event(place, { time: this.#host.clock(), type, reason, message, revision: name, count: 1 })
  }
}
