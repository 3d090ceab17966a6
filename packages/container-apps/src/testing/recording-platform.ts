/** A platform that runs nothing: it keeps what it is told, and the test says what comes of it. */
import type {
  IngressSpec,
  LogLine,
  Platform,
  RevisionRefresh,
  RevisionSpec,
  RevisionStatus,
  RunningState,
  SystemEvent,
} from '../platform/platform.ts'

export class RecordingPlatform implements Platform {
  /** Every order, as `run app--a`. */
  readonly orders: string[] = []
  readonly specs = new Map<string, RevisionSpec>()
  readonly refreshed: RevisionRefresh[] = []
  ingress: IngressSpec | undefined
  readonly console: LogLine[] = []
  readonly system: SystemEvent[] = []
  readonly #statuses = new Map<string, RevisionStatus>()
  readonly #listeners = new Set<(status: RevisionStatus) => void>()

  route(ingress: IngressSpec): void {
    this.ingress = ingress
    this.orders.push(`route ${ingress.traffic.map(({ revision, weight }) => `${revision}=${weight}`).join(' ')}`)
  }

  unroute(): void {
    this.ingress = undefined
    this.orders.push('unroute')
  }

  run(spec: RevisionSpec): void {
    this.specs.set(spec.name, spec)
    this.orders.push(`run ${spec.name}`)
  }

  refresh(_appId: string, revision: string, values: RevisionRefresh): void {
    this.refreshed.push(values)
    this.orders.push(`refresh ${revision}`)
  }

  async restart(_appId: string, revision: string): Promise<void> {
    this.orders.push(`restart ${revision}`)
  }

  async stop(_appId: string, revision: string): Promise<void> {
    this.specs.delete(revision)
    this.orders.push(`stop ${revision}`)
  }

  status(_appId: string, revision: string): RevisionStatus | undefined {
    return this.#statuses.get(revision)
  }

  onStatus(listener: (status: RevisionStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** What comes of a revision. */
  tell(revision: string, runningState: RunningState, details?: string): void {
    const spec = this.specs.get(revision)
    if (!spec) throw new Error(`${revision} does not run.`)
    const status: RevisionStatus = {
      name: revision,
      appId: spec.place.appId,
      runningState,
      ...(details === undefined ? {} : { details }),
      replicas: [],
    }
    this.#statuses.set(revision, status)
    for (const listener of this.#listeners) listener(status)
  }

  async *consoleLog(): AsyncGenerator<LogLine> {
    yield* this.console
  }

  async *systemLog(): AsyncGenerator<SystemEvent> {
    yield* this.system
  }

  async close(): Promise<void> {}
}
