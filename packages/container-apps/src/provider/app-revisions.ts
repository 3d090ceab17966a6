/** The handlers of an app's revisions and their replicas. */
import {
  type OperationContext,
  type OperationResult,
  type Resource,
  type ResourceStore,
  resourceNotFound,
} from '@keystead/resource-manager'
import type { Platform } from '../platform/platform.ts'
import { type StoredApp, storedApp } from './app-body.ts'
import { replicaRepresentation, revisionRepresentation } from './app-representation.ts'
import { storedEnvironment } from './environment-body.ts'
import { lastRevision, replicaNotFound, revisionNotFound } from './errors.ts'
import { type Revision, routes } from './revision-rules.ts'
import type { RevisionStore } from './revision-store.ts'
import type { Supervisor } from './supervisor.ts'

export interface RevisionHandlersOptions {
  readonly resources: ResourceStore
  readonly revisions: RevisionStore
  readonly supervisor: Supervisor
  readonly platform: Platform
}

interface Found {
  readonly resource: Resource
  readonly app: StoredApp
  readonly revisions: readonly Revision[]
  readonly defaultDomain: string | undefined
}

export class RevisionHandlers {
  readonly #options: RevisionHandlersOptions

  constructor(options: RevisionHandlersOptions) {
    this.#options = options
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const found = await this.#app(context)
    return { status: 200, body: { value: found.revisions.map((revision) => this.#shown(found, revision)) } }
  }

  async get(context: OperationContext): Promise<OperationResult> {
    const found = await this.#app(context)
    return { status: 200, body: this.#shown(found, revisionAt(found, context)) }
  }

  async activate(context: OperationContext): Promise<OperationResult> {
    const found = await this.#app(context)
    const { name, active } = revisionAt(found, context)
    if (!active) await this.#options.supervisor.setActive(found.resource.id, name, true)
    return { status: 200, body: 'Activate succeeded' }
  }

  async deactivate(context: OperationContext): Promise<OperationResult> {
    const found = await this.#app(context)
    const { name, active } = revisionAt(found, context)
    const { app, revisions, resource } = found
    const used =
      app.configuration.ingress && routes(app, revisions).some((each) => each.revision === name && each.weight > 0)
    const only = app.configuration.activeRevisionsMode === 'Single' && revisions.at(-1)?.name === name
    if (active && (used || only)) throw lastRevision(name)
    if (active) await this.#options.supervisor.setActive(resource.id, name, false)
    return { status: 200, body: 'Deactivate succeeded' }
  }

  async restart(context: OperationContext): Promise<OperationResult> {
    const found = await this.#app(context)
    const { name, active } = revisionAt(found, context)
    if (!active) throw revisionNotFound(name)
    await this.#options.supervisor.restart(found.resource.id, name)
    return { status: 200, body: 'Restart succeeded' }
  }

  async listReplicas(context: OperationContext): Promise<OperationResult> {
    const { id, replicas } = await this.#replicas(context)
    return { status: 200, body: { value: replicas.map((replica) => replicaRepresentation(id, replica)) } }
  }

  async getReplica(context: OperationContext): Promise<OperationResult> {
    const { id, replicas } = await this.#replicas(context)
    const name = context.id.names[2] ?? ''
    const replica = replicas.find((each) => each.name === name)
    if (!replica) throw replicaNotFound(name)
    return { status: 200, body: replicaRepresentation(id, replica) }
  }

  async #replicas(context: OperationContext) {
    const found = await this.#app(context)
    const { name } = revisionAt(found, context)
    const status = this.#options.platform.status(found.resource.id, name)
    return { id: `${found.resource.id}/revisions/${name}`, replicas: status?.replicas ?? [] }
  }

  async #app({ id, path }: OperationContext): Promise<Found> {
    const { resources, revisions } = this.#options
    const resource = await resources.get(path.split('/').slice(0, 9).join('/'))
    if (!resource) throw resourceNotFound(id)
    const app = storedApp.parse(resource.properties)
    const environment = await resources.get(app.environmentId)
    return {
      resource,
      app,
      revisions: await revisions.of(resource.id),
      defaultDomain: environment && storedEnvironment.parse(environment.properties).defaultDomain,
    }
  }

  #shown({ resource, app, revisions, defaultDomain }: Found, revision: Revision): unknown {
    const status = this.#options.platform.status(resource.id, revision.name)
    return revisionRepresentation({ app, appResource: resource, revision, revisions, defaultDomain, status })
  }
}

function revisionAt({ revisions }: Found, { id }: OperationContext): Revision {
  const name = id.names[1] ?? ''
  const revision = revisions.find((each) => each.name === name)
  if (!revision) throw revisionNotFound(name)
  return revision
}
