/** The core's way to the logs process: rows are gathered and sent in batches, queries are asked and awaited. */
import type { LogTableName } from './database/log-tables.ts'
import type { LogRow } from './database/log-writer.ts'
import type { TimeRange } from './kql/relation.ts'
import type { QueryOutcome } from './server/query-outcome.ts'
import { bigJsonParse } from './sql-functions/json.ts'

export interface LogsClientOptions {
  /** e.g. `http://127.0.0.1:20123`. */
  readonly url: string
  readonly secret: string
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
  /** How long rows wait for others, in milliseconds. Default 100. */
  readonly gatherMs?: number
}

export interface LogQuery {
  /** The workspace's customer id. */
  readonly workspace: string
  readonly query: string
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly rows: number
  readonly timeoutMs: number
  readonly range?: TimeRange | undefined
}

/** Rows of one table of one workspace. */
interface Pending {
  readonly workspace: string
  readonly table: LogTableName
  rows: LogRow[]
}

const mostPending = 100_000
const retryMs = 500

export class LogsClient {
  readonly #options: LogsClientOptions
  readonly #pending = new Map<string, Pending>()
  #count = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: LogsClientOptions) {
    this.#options = options
  }

  /** Takes rows to be written soon. While the logs process is away they wait; past a limit the newest are dropped, which is logged. */
  append(workspace: string, table: LogTableName, rows: readonly LogRow[]): void {
    if (this.#closed || rows.length === 0) return
    if (this.#count + rows.length > mostPending) {
      this.#dropped += rows.length
      return
    }
    const key = `${workspace} ${table}`
    const pending = this.#pending.get(key)
    if (pending) pending.rows.push(...rows)
    else this.#pending.set(key, { workspace, table, rows: [...rows] })
    this.#count += rows.length
    this.#schedule(this.#options.gatherMs ?? 100)
  }

  /** Resolves when what was appended before has been written, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending = this.#sending.then(() => this.#send())
    await this.#sending
  }

  /** Throws when the logs process can not be reached. */
  async query(query: LogQuery, signal?: AbortSignal): Promise<QueryOutcome> {
    await this.flush()
    return (await this.#post('/query', query, signal)) as QueryOutcome
  }

  /** @param before Milliseconds since the epoch. */
  async forget(workspace: string, before: number): Promise<void> {
    await this.#post('/forget', { workspace, before })
  }

  async remove(workspace: string): Promise<void> {
    await this.#post('/remove', { workspace })
  }

  async close(): Promise<void> {
    await this.flush()
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #schedule(afterMs: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), afterMs).unref()
  }

  async #send(): Promise<void> {
    const batches = [...this.#pending.values()]
    this.#pending.clear()
    this.#count = 0
    for (const batch of batches) {
      try {
        await this.#post('/append', batch)
      } catch (error) {
        this.#keep(batch, error)
      }
    }
    if (this.#dropped === 0) return
    this.#options.log('warn', 'Log rows were dropped, because the logs process could not take them', {
      rows: this.#dropped,
    })
    this.#dropped = 0
  }

  /** What could not be sent waits for the next try; what was refused is never taken. */
  #keep(batch: Pending, error: unknown): void {
    if (error instanceof LogsRefusal || this.#closed) {
      this.#options.log('error', 'Log rows were refused', { table: batch.table, error: String(error) })
      return
    }
    const key = `${batch.workspace} ${batch.table}`
    const later = this.#pending.get(key)
    if (later) batch.rows.push(...later.rows)
    this.#pending.set(key, batch)
    this.#count = [...this.#pending.values()].reduce((sum, { rows }) => sum + rows.length, 0)
    this.#schedule(retryMs)
  }

  async #post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    const response = await fetch(`${this.#options.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#options.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
      ...(signal ? { signal } : {}),
    })
    const answer = bigJsonParse(await response.text())
    if (!response.ok) throw new LogsRefusal(String((answer as { message?: unknown }).message))
    return answer
  }
}

/** The logs process answered that it will not. */
export class LogsRefusal extends Error {
  override readonly name = 'LogsRefusal'
}
