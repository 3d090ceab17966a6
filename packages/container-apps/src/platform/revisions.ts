/** All revisions that run, and what the ingress and the scaling ask of them. */
import type { Host } from './host.ts'
import { revisionKey } from './messages.ts'
import type { RevisionRefresh, RevisionSpec } from './platform.ts'
import { Revision } from './revision.ts'

export class Revisions {
  readonly #host: Host
  readonly #revisions = new Map<string, Revision>()
  /** A revision that is begun again while it stops waits for its end, or the two would fight for a port. */
  readonly #stopping = new Map<string, Promise<void>>()
  readonly #listeners = new Set<(appId: string, revision: string) => void>()

  constructor(host: Host) {
    this.#host = host
  }

  find(appId: string, revision: string): Revision | undefined {
    return this.#revisions.get(revisionKey(appId, revision))
  }

  all(): readonly Revision[] {
    return [...this.#revisions.values()]
  }

  run(spec: RevisionSpec): void {
    const key = revisionKey(spec.place.appId, spec.name)
    const known = this.#revisions.get(key)
    if (known) {
      known.replace(spec)
      return
    }
    const revision = new Revision(spec, this.#host, () => this.#tell(spec.place.appId, spec.name))
    this.#revisions.set(key, revision)
    const begin = (): void => {
      if (this.#revisions.get(key) === revision) revision.begin()
    }
    const stopping = this.#stopping.get(key)
    if (stopping) void stopping.then(begin)
    else begin()
  }

  refresh(appId: string, revision: string, values: RevisionRefresh): void {
    this.find(appId, revision)?.refresh(values)
  }

  async restart(appId: string, revision: string): Promise<void> {
    const found = this.find(appId, revision)
    if (!found) throw new Error(`The revision ${revision} does not run.`)
    await found.restart()
  }

  async stop(appId: string, revision: string): Promise<void> {
    const key = revisionKey(appId, revision)
    const found = this.#revisions.get(key)
    if (found) {
      this.#revisions.delete(key)
      const stopped = Promise.all([this.#stopping.get(key), found.stop()]).then(() => undefined)
      this.#stopping.set(key, stopped)
      void stopped.then(() => {
        if (this.#stopping.get(key) === stopped) this.#stopping.delete(key)
      })
      this.#tell(appId, revision)
    }
    await this.#stopping.get(key)
  }

  /** Where the ready replicas of a revision listen: `http://127.0.0.1:PORT` each. */
  addresses(appId: string, revision: string): readonly string[] {
    return this.find(appId, revision)?.addresses ?? []
  }

  async cpuSeconds(appId: string, revision: string): Promise<ReadonlyMap<string, number>> {
    return (await this.find(appId, revision)?.cpuSeconds()) ?? new Map()
  }

  /** Begins a replica of a revision that is scaled to zero. Answers whether there is one to wait for. */
  wake(appId: string, revision: string): boolean {
    const found = this.find(appId, revision)
    if (!found) return false
    if (found.desired === 0) found.scale(1)
    return found.status.runningState !== 'Failed'
  }

  /** Within the bounds of its spec. */
  scale(appId: string, revision: string, count: number): void {
    const found = this.find(appId, revision)
    if (!found) return
    const { minReplicas, maxReplicas } = found.spec.scale
    found.scale(Math.min(Math.max(count, minReplicas), maxReplicas))
  }

  /** Told when what is asked of a revision can have another answer. Answers how to stop listening. */
  onChange(listener: (appId: string, revision: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    const revisions = [...this.#revisions.values()]
    this.#revisions.clear()
    await Promise.all([...revisions.map((revision) => revision.stop()), ...this.#stopping.values()])
  }

  #tell(appId: string, revision: string): void {
    for (const listener of this.#listeners) listener(appId, revision)
  }
}
