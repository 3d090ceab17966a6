/** Long-running operations: stored before they are answered, run in the background, begun again after a restart. */
import { randomUUID } from 'node:crypto'
import type { Store } from '@keystead/store'
import { ArmError, type ErrorDetail } from './arm-error.ts'
import type { Job } from './operation.ts'
import type { OperationRow, ResourceManagerTables } from './tables.ts'

/** An ended operation can be asked about for this long, in milliseconds. */
const retention = 24 * 60 * 60 * 1000

export interface OperationState {
  readonly id: string
  readonly status: OperationRow['status']
  readonly type: string
  readonly resource: string
  readonly startedBy: string
  readonly startedAt: number
  readonly endedAt?: number
  readonly result?: unknown
  readonly error?: ErrorDetail & { readonly status: number }
}

export interface LongRunningOptions {
  readonly store: Store
  readonly clock: () => number
  readonly findJob: (type: string, job: string) => Job | undefined
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export class LongRunningOperations {
  readonly #options: LongRunningOptions
  readonly #running = new Map<string, Promise<void>>()
  #resumed: Promise<void> | undefined

  constructor(options: LongRunningOptions) {
    this.#options = options
  }

  get #db() {
    return this.#options.store.database<ResourceManagerTables>()
  }

  /** Stores the operation and begins it. The same job on the same resource is begun once: its id comes back. */
  async start(input: {
    readonly type: string
    readonly job: string
    readonly resource: string
    readonly startedBy: string
    readonly input: unknown
  }): Promise<string> {
    const resource = input.resource.toLowerCase()
    const underWay = await this.#db
      .selectFrom('arm_operations')
      .select('id')
      .where('status', '=', 'InProgress')
      .where('resource', '=', resource)
      .where('job', '=', input.job)
      .where('type', '=', input.type)
      .executeTakeFirst()
    if (underWay !== undefined) return underWay.id
    const row: OperationRow = {
      id: randomUUID(),
      status: 'InProgress',
      type: input.type,
      job: input.job,
      input: JSON.stringify(input.input ?? null),
      resource,
      started_by: input.startedBy,
      started_at: this.#options.clock(),
      ended_at: null,
      result: null,
      error: null,
    }
    await this.#db.insertInto('arm_operations').values(row).execute()
    this.#begin(row)
    return row.id
  }

  async get(id: string): Promise<OperationState | undefined> {
    const row = await this.#db
      .selectFrom('arm_operations')
      .selectAll()
      .where('id', '=', id.toLowerCase())
      .executeTakeFirst()
    if (row === undefined) return undefined
    return {
      id: row.id,
      status: row.status,
      type: row.type,
      resource: row.resource,
      startedBy: row.started_by,
      startedAt: Number(row.started_at),
      ...(row.ended_at !== null && { endedAt: Number(row.ended_at) }),
      ...(row.result !== null && { result: JSON.parse(row.result) as unknown }),
      ...(row.error !== null && { error: JSON.parse(row.error) as NonNullable<OperationState['error']> }),
    }
  }

  /** Begins again what a restart interrupted; once. */
  resume(): Promise<void> {
    this.#resumed ??= this.#resume().catch((error: unknown) => {
      // The next request tries again.
      this.#resumed = undefined
      throw error
    })
    return this.#resumed
  }

  async #resume(): Promise<void> {
    await this.#db
      .deleteFrom('arm_operations')
      .where('ended_at', '<', this.#options.clock() - retention)
      .execute()
    const rows = await this.#db.selectFrom('arm_operations').selectAll().where('status', '=', 'InProgress').execute()
    for (const row of rows) this.#begin(row)
  }

  /** Resolves when no operation is running. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  /** The operation when it has ended: what it came to, or ArmError. */
  async outcome(id: string): Promise<unknown> {
    await this.#running.get(id)
    const state = await this.get(id)
    if (state?.status === 'Succeeded') return state.result
    const {
      status = 500,
      code = 'InternalServerError',
      message = 'The operation failed.',
      ...more
    } = state?.error ?? {}
    throw new ArmError(status, code, message, {}, more)
  }

  #begin(row: OperationRow): void {
    this.#running.set(
      row.id,
      this.#run(row).finally(() => this.#running.delete(row.id)),
    )
  }

  async #run(row: OperationRow): Promise<void> {
    const { log, clock, findJob } = this.#options
    let outcome: Pick<OperationRow, 'status' | 'result' | 'error'>
    try {
      const job = findJob(row.type, row.job)
      if (job === undefined) {
        throw new ArmError(500, 'OperationInterrupted', 'The operation was interrupted and cannot be resumed.')
      }
      const result = await job(JSON.parse(row.input))
      outcome = { status: 'Succeeded', result: result === undefined ? null : JSON.stringify(result), error: null }
    } catch (error) {
      const failure =
        error instanceof ArmError
          ? error
          : new ArmError(500, 'InternalServerError', 'Encountered internal server error.')
      log('error', 'A long-running operation failed', {
        operation: row.id,
        job: row.job,
        resource: row.resource,
        error: error instanceof Error ? error.message : String(error),
      })
      outcome = {
        status: 'Failed',
        result: null,
        error: JSON.stringify({ status: failure.status, ...failure.detail() }),
      }
    }
    try {
      await this.#db
        .updateTable('arm_operations')
        .set({ ...outcome, ended_at: clock() })
        .where('id', '=', row.id)
        .execute()
    } catch (error) {
      // It stays InProgress and is begun again at the next start.
      log('error', 'The end of a long-running operation could not be stored', {
        operation: row.id,
        error: error instanceof Error ? error.message : String(error),
      })
    }
  }
}
