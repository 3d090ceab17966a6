/** Deployments under way: each resource when those that it waits for are there, as the caller, to the end or to a restart. */
import { ArmError, type ErrorDetail, type ResourceManager, type ResourceStore } from '@keystead/resource-manager'
import { isoDuration, operationIdOf, statusNames } from './answers.ts'
import { othersIn } from './complete-mode.ts'
import { asArmError, canceled, deploymentFailed, outputsFailed } from './errors.ts'
import type { ObjectValue } from './expression/values.ts'
import { type DeploymentRecords, isActive, type RunInput } from './records.ts'
import { type Asker, LiveReader, whenKnown } from './resource-reader.ts'
import { isNestedDeployment } from './template/nested.ts'
import { outputsOf } from './template/outputs.ts'
import { bodyOf, type Plan, type PlannedResource, planDeployment } from './template/plan.ts'
import { parseTemplate } from './template/template.ts'

export interface RunsOptions {
  readonly manager: Pick<ResourceManager, 'execute' | 'apiVersions'>
  readonly resources: ResourceStore
  readonly records: DeploymentRecords
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

interface Run {
  readonly ended: Promise<void>
  canceled: boolean
}

/** How a resource of a deployment came out; `left` was not begun, or not ended, here. */
type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly detail: ErrorDetail }
  | { readonly kind: 'left' }

/** A nested deployment that the end of this process left to the next. */
class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export class DeploymentRuns {
  readonly #options: RunsOptions
  readonly #running = new Map<string, Run>()
  #closing = false

  constructor(options: RunsOptions) {
    this.#options = options
  }

  /** Begins again what a restart interrupted. */
  async resume(): Promise<void> {
    for (const { id } of await this.#options.records.unfinished()) this.start(id)
  }

  /** Begins the stored deployment, in the background. */
  start(id: string): void {
    const key = id.toLowerCase()
    const { promise, resolve } = Promise.withResolvers<void>()
    const run: Run = { ended: promise, canceled: false }
    this.#running.set(key, run)
    void this.#guarded(id, run).finally(() => {
      this.#running.delete(key)
      resolve()
    })
  }

  /** Begins nothing more of it. False when it is not under way. */
  cancel(id: string): boolean {
    const run = this.#running.get(id.toLowerCase())
    if (run === undefined) return false
    run.canceled = true
    return true
  }

  /** Resolves when the deployment is not under way any more. */
  async finished(id: string): Promise<void> {
    await this.#running.get(id.toLowerCase())?.ended
  }

  /** Finishes the requests under way and begins no more: the next start goes on from there. */
  async close(): Promise<void> {
    this.#closing = true
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  async #guarded(id: string, run: Run): Promise<void> {
    try {
      await this.#run(id, run)
    } catch (error) {
      // Its end could not be stored: it stays unfinished, and the next start begins it again.
      this.#options.log('error', 'A deployment could not be carried on', {
        deployment: id,
        error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      })
    }
  }

  async #run(id: string, run: Run): Promise<void> {
    const { records } = this.#options
    const stored = await records.run(id)
    const record = await records.get(id)
    if (stored === undefined) return
    const { runId, input } = stored
    if (record === undefined) return await records.forget(id)
    if (!isActive(record)) return await records.ended(id, runId, input.template)
    await records.change(id, { provisioningState: 'Running' })

    const began = Date.parse(String(record.properties.timestamp))
    let changes: ObjectValue
    try {
      const result = await this.#deploy(id, input, run)
      if (result === undefined) return
      changes = { provisioningState: 'Succeeded', ...result }
    } catch (error) {
      changes = {
        provisioningState: run.canceled ? 'Canceled' : 'Failed',
        error: this.#asFailure(error, id).detail(),
      }
    }
    const now = this.#options.clock()
    await records.change(id, {
      ...changes,
      timestamp: new Date(now).toISOString(),
      duration: isoDuration(now - began),
    })
    await records.ended(id, runId, input.template)
  }

  /** Undefined when it was left for the next start. */
  async #deploy(id: string, input: RunInput, run: Run): Promise<ObjectValue | undefined> {
    const { records } = this.#options
    const plan = planDeployment({
      template: parseTemplate(input.template),
      parameters: input.parameters,
      facts: input.facts,
    })
    const before = await records.operations(id)
    const there = new Set(
      before.filter(({ properties }) => properties.provisioningState === 'Succeeded').map(({ target }) => target),
    )
    const outcomes = new Map<PlannedResource, Promise<Outcome>>()
    const outcome = (resource: PlannedResource): Promise<Outcome> => {
      const known = outcomes.get(resource)
      if (known !== undefined) return known
      const coming = this.#after([...resource.dependsOn].map(outcome), async () => {
        if (there.has(resource.id.toLowerCase())) return { kind: 'done' }
        if (this.#closing || run.canceled) return { kind: 'left' }
        return await this.#step(id, input, plan, resource)
      })
      outcomes.set(resource, coming)
      return coming
    }
    const deployed = plan.resources.filter((each) => each.deployed)
    const ends = await Promise.all(deployed.map(outcome))
    if (run.canceled) throw canceled()
    if (this.#closing && ends.some(({ kind }) => kind === 'left')) return undefined
    const failures = ends.flatMap((end) => (end.kind === 'failed' ? [end.detail] : []))
    if (failures.length > 0) throw deploymentFailed(id, failures)
    if (input.facts.mode === 'Complete') await this.#deleteOthers(id, input, plan)
    return {
      outputs: await this.#outputs(input, plan),
      outputResources: deployed.map((resource) => ({ id: resource.id })),
    }
  }

  /** A resource that waits for one that failed is not deployed at all. */
  async #after(before: readonly Promise<Outcome>[], work: () => Promise<Outcome>): Promise<Outcome> {
    for (const each of await Promise.all(before)) if (each.kind !== 'done') return { kind: 'left' }
    return await work()
  }

  async #step(id: string, input: RunInput, plan: Plan, resource: PlannedResource): Promise<Outcome> {
    const { clock, records } = this.#options
    const began = clock()
    let status: number
    let failure: ArmError | undefined
    try {
      status = await this.#put(input, plan, resource)
    } catch (error) {
      if (error instanceof Interrupted) return { kind: 'left' }
      failure = this.#asFailure(error, resource.id)
      status = failure.status
    }
    const now = clock()
    await records.addOperation(id, {
      operationId: operationIdOf(resource.id),
      target: resource.id,
      properties: {
        provisioningOperation: 'Create',
        provisioningState: failure === undefined ? 'Succeeded' : 'Failed',
        timestamp: new Date(now).toISOString(),
        duration: isoDuration(now - began),
        trackingId: input.correlationId,
        statusCode: statusNames[status] ?? String(status),
        ...(failure !== undefined && {
          statusMessage: { status: 'Failed', error: { ...failure.detail(), target: failure.target ?? resource.id } },
        }),
        targetResource: { id: resource.id, resourceType: resource.type, resourceName: resource.name },
      },
    })
    if (failure === undefined) return { kind: 'done' }
    return { kind: 'failed', detail: { ...failure.detail(), target: failure.target ?? resource.id } }
  }

  async #put(input: RunInput, plan: Plan, resource: PlannedResource): Promise<number> {
    const { manager } = this.#options
    const { id, apiVersion, type } = resource
    const reader = new LiveReader(plan.resources, this.#asker(input))
    const body = await whenKnown(() => bodyOf(resource, reader))
    const request = { caller: input.caller, method: 'PUT', path: id, apiVersion } as const
    if (!isNestedDeployment(type)) return (await manager.execute({ ...request, body })).status

    // After a restart it may be under way again by itself, or have ended.
    if (!(await this.#isOurs(id, input))) {
      const headers = { 'x-ms-correlation-request-id': input.correlationId }
      await manager.execute({ ...request, headers, body: JSON.stringify(body) })
    }
    await this.finished(id)
    const nested = await this.#options.records.get(id)
    if (nested?.properties.provisioningState === 'Succeeded') return 200
    if (nested !== undefined && isActive(nested)) throw new Interrupted()
    const { code, message, details } = (nested?.properties.error ?? {
      code: 'DeploymentNotFound',
      message: `The deployment '${resource.name}' was deleted while it ran.`,
    }) as ErrorDetail
    throw new ArmError(409, code, message, {}, { target: id, ...(details !== undefined && { details }) })
  }

  async #isOurs(id: string, input: RunInput): Promise<boolean> {
    const nested = await this.#options.records.get(id)
    return nested?.properties.correlationId === input.correlationId && nested.properties.provisioningState !== 'Failed'
  }

  #asker({ caller }: RunInput): Asker {
    const { manager } = this.#options
    return {
      get: async (path, apiVersion) => (await manager.execute({ caller, method: 'GET', path, apiVersion })).body,
      list: async (id, verb, apiVersion, body) =>
        (await manager.execute({ caller, method: 'POST', path: `${id}/${verb}`, apiVersion, body })).body,
    }
  }

  #asFailure(error: unknown, target: string): ArmError {
    const known = asArmError(error)
    if (known instanceof ArmError) return known
    this.#options.log('error', 'A deployment broke', {
      target,
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    })
    return new ArmError(500, 'InternalServerError', 'Encountered internal server error.')
  }

  async #outputs(input: RunInput, plan: Plan): Promise<ObjectValue> {
    const reader = new LiveReader(plan.resources, this.#asker(input))
    try {
      return await whenKnown(() => outputsOf(plan, reader))
    } catch (error) {
      const failure = asArmError(error)
      if (!(failure instanceof ArmError)) throw error
      throw outputsFailed(Object.keys(plan.template.outputs).join(', '), failure.detail())
    }
  }

  /** Complete mode: what is in the group and not in the template goes. */
  async #deleteOthers(id: string, { caller, facts }: RunInput, plan: Plan): Promise<void> {
    const { manager, resources } = this.#options
    const failures: ErrorDetail[] = []
    for (const other of await othersIn(resources, facts.resourceGroup?.id ?? '', plan)) {
      try {
        await manager.execute({
          caller,
          method: 'DELETE',
          path: other.id,
          apiVersion: manager.apiVersions(other.type)[0] ?? '',
        })
      } catch (error) {
        if (!(error instanceof ArmError)) throw error
        failures.push({ ...error.detail(), target: other.id })
      }
    }
    if (failures.length > 0) throw deploymentFailed(id, failures)
  }
}
