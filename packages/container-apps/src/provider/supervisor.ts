/** Keeps what the platform runs in line with what is stored: the one place that gives it orders. */
import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Resource, ResourceStore } from '@keystead/resource-manager'
import type { IngressSpec, Platform, RevisionSpec, RevisionStatus } from '../platform/platform.ts'
import { storedApp } from './app-body.ts'
import { storedComponent } from './component-body.ts'
import { storedEnvironment } from './environment-body.ts'
import { forgotten, newRevisionName, type Revision, superseded } from './revision-rules.ts'
import type { RevisionStore } from './revision-store.ts'
import type { SecretStore } from './secret-store.ts'
import { type AppParts, ingressSpec, revisionSpec } from './spec.ts'

export const appType = 'Microsoft.App/containerApps'
export const environmentType = 'Microsoft.App/managedEnvironments'
export const componentType = 'Microsoft.App/managedEnvironments/daprComponents'

export interface SupervisorOptions {
  readonly platform: Platform
  readonly resources: ResourceStore
  readonly revisions: RevisionStore
  readonly secrets: SecretStore
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export class Supervisor {
  readonly #options: SupervisorOptions
  /** The last that was handed over, by app and revision. */
  readonly #handed = new Map<string, RevisionSpec>()
  readonly #routed = new Map<string, IngressSpec>()
  /** The end of the work that an app has waiting, by its id. */
  readonly #work = new Map<string, Promise<void>>()
  readonly #unsubscribe: () => void

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#unsubscribe = options.platform.onStatus((status) => this.#heard(status))
  }

  /** Hands everything that is desired to a platform that runs nothing yet. */
  async start(): Promise<void> {
    for (const { id } of await this.#options.resources.list({ type: appType })) {
      // One app that is broken must not keep the others from running.
      await this.reconcile(id).catch((error: unknown) => this.#failed(id, error))
    }
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    await Promise.allSettled(this.#work.values())
  }

  /** Resolves when the platform has been told of the app as it is stored now. */
  reconcile(appId: string): Promise<void> {
    return this.#inTurn(appId, () => this.#reconcile(appId))
  }

  /** After a Dapr component of it changed. */
  async reconcileEnvironment(environmentId: string): Promise<void> {
    for (const { id, properties } of await this.#options.resources.list({ type: appType })) {
      if (storedApp.parse(properties).environmentId.toLowerCase() === environmentId.toLowerCase()) {
        await this.reconcile(id)
      }
    }
  }

  /** Resolves when nothing of the app runs; what is stored of its revisions goes too. */
  remove(appId: string): Promise<void> {
    return this.#inTurn(appId, async () => {
      const revisions = await this.#options.revisions.of(appId)
      this.#unroute(appId)
      await Promise.all(revisions.map(({ name }) => this.#stop(appId, name)))
      await this.#options.revisions.removeAll(appId)
    })
  }

  /** Active again or not. An inactive revision is stopped when it resolves. */
  setActive(appId: string, revision: string, active: boolean): Promise<void> {
    return this.#inTurn(appId, async () => {
      await this.#options.revisions.setActive(appId, revision, active)
      await this.#reconcile(appId)
    })
  }

  /** Begun when it resolves. How it ends is told by the revision's state and the app's system log, as on Azure. */
  async restart(appId: string, revision: string): Promise<void> {
    await this.reconcile(appId)
    this.#options.platform.restart(appId, revision).catch((error: unknown) => {
      this.#options.log('info', 'A revision was not replaced by its restart', { revision, error: String(error) })
    })
  }

  async #reconcile(appId: string): Promise<void> {
    const { resources, revisions: store } = this.#options
    const resource = await resources.get(appId)
    if (!resource) return
    const parts = await this.#parts(resource)
    if (!parts) return
    await this.#addRevision(parts)
    let revisions = await store.of(appId)
    if (parts.app.stopped) {
      this.#unroute(appId)
      await Promise.all(revisions.map(({ name }) => this.#stop(appId, name)))
      return
    }
    for (const revision of revisions) if (revision.active) this.#run(revisionSpec(parts, revision))
    const replaced = superseded(parts.app.configuration.activeRevisionsMode, revisions)
    for (const { name } of replaced) await store.setActive(appId, name, false)
    if (replaced.length > 0) revisions = await store.of(appId)
    // Traffic goes to the new one before the old one goes.
    this.#route(parts, revisions)
    await Promise.all(revisions.filter(({ active }) => !active).map(({ name }) => this.#stop(appId, name)))
    const old = forgotten(revisions, parts.app.configuration.maxInactiveRevisions)
    await store.remove(
      appId,
      old.map(({ name }) => name),
    )
  }

  async #parts(resource: Resource): Promise<AppParts | undefined> {
    const { resources, secrets, log } = this.#options
    const app = storedApp.parse(resource.properties)
    const environment = await resources.get(app.environmentId)
    if (!environment) {
      log('warn', 'An app does not run: its environment is gone', { app: resource.id, environment: app.environmentId })
      return undefined
    }
    const components = await resources.list({ below: environment.id, type: componentType })
    return {
      id: resource.id,
      name: resource.name,
      app,
      secrets: await secrets.get(resource.id),
      environment: {
        id: environment.id,
        name: environment.name,
        properties: storedEnvironment.parse(environment.properties),
      },
      components: await Promise.all(
        components.map(async ({ id, name, properties }) => ({
          name,
          properties: storedComponent.parse(properties),
          secrets: await secrets.get(id),
        })),
      ),
    }
  }

  /** The template says which revision is the latest, so that a crash between the two writes loses nothing. */
  async #addRevision({ id, name, app }: AppParts): Promise<void> {
    const { revisions: store, clock } = this.#options
    const revisions = await store.of(id)
    const added = newRevisionName(name, app.template, revisions, (limit) => randomInt(limit))
    if (added === undefined) return
    const sequence = (revisions.at(-1)?.sequence ?? 0) + 1
    await store.add(id, { name: added, sequence, createdAt: clock(), template: app.template })
  }

  /** Values that only a restart makes effective are handed over without one. */
  #run(spec: RevisionSpec): void {
    const { platform } = this.#options
    const key = keyOf(spec.place.appId, spec.name)
    const before = this.#handed.get(key)
    if (before && isDeepStrictEqual(before, spec)) return
    this.#handed.set(key, spec)
    const { secrets, identities, ...rest } = spec
    if (before && isDeepStrictEqual({ ...before, secrets, identities }, { ...rest, secrets, identities })) {
      platform.refresh(spec.place.appId, spec.name, { secrets, identities })
    } else platform.run(spec)
  }

  async #stop(appId: string, revision: string): Promise<void> {
    if (!this.#handed.delete(keyOf(appId, revision))) return
    await this.#options.platform.stop(appId, revision)
  }

  #route(parts: AppParts, revisions: readonly Revision[]): void {
    const spec = ingressSpec(parts, revisions)
    if (!spec) {
      this.#unroute(parts.id)
      return
    }
    if (isDeepStrictEqual(this.#routed.get(parts.id.toLowerCase()), spec)) return
    this.#routed.set(parts.id.toLowerCase(), spec)
    this.#options.platform.route(spec)
  }

  #unroute(appId: string): void {
    if (this.#routed.delete(appId.toLowerCase())) this.#options.platform.unroute(appId)
  }

  #heard({ appId, name, runningState, details }: RevisionStatus): void {
    const ready = runningState === 'Running' || runningState === 'ScaledToZero'
    if (!ready && runningState !== 'Failed') return
    this.#inTurn(appId, async () => {
      const { revisions } = this.#options
      const revision = (await revisions.of(appId)).find((each) => each.name === name)
      if (!revision?.active || revision.ready) return
      if (ready) {
        await revisions.setReady(appId, name)
        await this.#reconcile(appId)
      } else if (details !== revision.failure) {
        await revisions.setFailure(appId, name, details ?? 'The revision failed.')
      }
    }).catch((error: unknown) => this.#failed(appId, error))
  }

  /** One thing after another for each app: an update and a status never cross. */
  #inTurn(appId: string, task: () => Promise<void>): Promise<void> {
    const key = appId.toLowerCase()
    const result = (this.#work.get(key) ?? Promise.resolve()).then(task)
    const end = result.catch(() => {})
    this.#work.set(key, end)
    void end.then(() => {
      if (this.#work.get(key) === end) this.#work.delete(key)
    })
    return result
  }

  #failed(appId: string, error: unknown): void {
    this.#options.log('error', 'An app could not be brought to its desired state', {
      app: appId,
      error: error instanceof Error ? error.message : String(error),
    })
  }
}

const keyOf = (appId: string, revision: string): string => `${appId.toLowerCase()} ${revision}`
