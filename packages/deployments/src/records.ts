/** Deployments as they are kept: the resource that shows one, what its run needs (sealed), and its operations. */
import type { Caller } from '@keystead/identity'
import { ArmError, type Resource, type ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import type { DeploymentFacts } from './expression/scope.ts'
import type { ObjectValue } from './expression/values.ts'
import type { DeploymentRunRow, DeploymentTables } from './tables.ts'

const dataKey = 'deployments'

/** All that a run needs, so that it can be begun again by itself. Holds secure parameters: only ever stored sealed. */
export interface RunInput {
  readonly template: ObjectValue
  /** Values by name, defaults filled in. */
  readonly parameters: ObjectValue
  readonly facts: DeploymentFacts
  readonly caller: Caller
  readonly correlationId: string
}

export interface DeploymentOperation {
  readonly operationId: string
  /** Id of the resource. */
  readonly target: string
  readonly properties: ObjectValue
}

export type DeploymentState = 'Accepted' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled'

export function isActive(deployment: Pick<Resource, 'properties'>): boolean {
  const state = deployment.properties.provisioningState
  return state === 'Accepted' || state === 'Running'
}

export class DeploymentRecords {
  readonly #store: Store
  readonly #resources: ResourceStore

  private constructor(store: Store, resources: ResourceStore) {
    this.#store = store
    this.#resources = resources
  }

  static async open(store: Store, resources: ResourceStore): Promise<DeploymentRecords> {
    await store.keyring.create(dataKey)
    return new DeploymentRecords(store, resources)
  }

  get #db() {
    return this.#store.database<DeploymentTables>()
  }

  get(id: string): Promise<Resource | undefined> {
    return this.#resources.get(id)
  }

  /** Stores a deployment that begins. What it needs comes first: a crash in between leaves nothing that looks as if it ran. */
  async begin(deployment: Omit<Resource, 'etag'>, runId: string, input: RunInput): Promise<Resource> {
    const id_key = key(deployment.id)
    await this.#db.deleteFrom('deployment_operations').where('id_key', '=', id_key).execute()
    const row: DeploymentRunRow = {
      id_key,
      id: deployment.id,
      run_id: runId,
      state: 'running',
      sealed: this.#seal(id_key, runId, input),
    }
    const { id_key: _key, ...changes } = row
    await this.#db
      .insertInto('deployment_runs')
      .values(row)
      .onConflict((conflict) => conflict.column('id_key').doUpdateSet(changes))
      .execute()
    return await this.#resources.put(deployment)
  }

  /** Undefined when it has been deleted meanwhile: it is not brought back. */
  async change(id: string, changes: ObjectValue): Promise<Resource | undefined> {
    const before = await this.#resources.get(id)
    if (before === undefined) return undefined
    const { etag: _etag, ...resource } = before
    try {
      return await this.#resources.put(
        { ...resource, properties: { ...before.properties, ...changes } },
        { ifMatch: '*' },
      )
    } catch (error) {
      if (error instanceof ArmError && error.status === 412) return undefined
      throw error
    }
  }

  /** The end of a run: of what it needed only the template is kept. */
  async ended(id: string, runId: string, template: ObjectValue): Promise<void> {
    const id_key = key(id)
    await this.#db
      .updateTable('deployment_runs')
      .set({ state: 'ended', sealed: this.#seal(id_key, runId, { template }) })
      .where('id_key', '=', id_key)
      .where('run_id', '=', runId)
      .execute()
  }

  async unfinished(): Promise<readonly { readonly id: string; readonly runId: string }[]> {
    const rows = await this.#db
      .selectFrom('deployment_runs')
      .select(['id', 'run_id'])
      .where('state', '=', 'running')
      .execute()
    return rows.map(({ id, run_id }) => ({ id, runId: run_id }))
  }

  async run(id: string): Promise<{ readonly runId: string; readonly input: RunInput } | undefined> {
    const row = await this.#row(id)
    return row === undefined ? undefined : { runId: row.run_id, input: this.#open<RunInput>(row) }
  }

  async template(id: string): Promise<ObjectValue | undefined> {
    const row = await this.#row(id)
    return row === undefined ? undefined : this.#open<Pick<RunInput, 'template'>>(row).template
  }

  async addOperation(id: string, { operationId, target, properties }: DeploymentOperation): Promise<void> {
    const row = {
      id_key: key(id),
      operation_id: operationId,
      target_key: key(target),
      document: JSON.stringify(properties),
    }
    await this.#db
      .insertInto('deployment_operations')
      .values(row)
      .onConflict((conflict) => conflict.columns(['id_key', 'operation_id']).doUpdateSet({ document: row.document }))
      .execute()
  }

  async operations(id: string): Promise<readonly DeploymentOperation[]> {
    const rows = await this.#db
      .selectFrom('deployment_operations')
      .selectAll()
      .where('id_key', '=', key(id))
      .orderBy('operation_id')
      .execute()
    return rows.map(({ operation_id, target_key, document }) => ({
      operationId: operation_id,
      target: target_key,
      properties: JSON.parse(document) as ObjectValue,
    }))
  }

  async delete(id: string): Promise<boolean> {
    await this.forget(id)
    return (await this.#resources.delete(id)) !== undefined
  }

  /** All but the resource itself, which its group's deletion takes. */
  async forget(id: string): Promise<void> {
    await this.#db.deleteFrom('deployment_operations').where('id_key', '=', key(id)).execute()
    await this.#db.deleteFrom('deployment_runs').where('id_key', '=', key(id)).execute()
  }

  async #row(id: string): Promise<DeploymentRunRow | undefined> {
    return await this.#db.selectFrom('deployment_runs').selectAll().where('id_key', '=', key(id)).executeTakeFirst()
  }

  #seal(id_key: string, runId: string, value: unknown): Uint8Array {
    return this.#store.keyring.seal(dataKey, Buffer.from(JSON.stringify(value)), `${id_key}#${runId}`)
  }

  #open<T>({ id_key, run_id, sealed }: DeploymentRunRow): T {
    const bytes = this.#store.keyring.open(dataKey, sealed, `${id_key}#${run_id}`)
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as T
  }
}

const key = (id: string) => id.toLowerCase()
