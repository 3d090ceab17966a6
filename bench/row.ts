/** A row of the table: what is compared with what, and what it has to reach. */
import type { Session } from './measure.ts'
import type { Options } from './options.ts'
import type { Processors } from './processors.ts'
import type { Spread } from './statistics.ts'

/** One figure as a ratio to its reference. */
export interface RatioResult {
  readonly figure:
    | 'requests per second'
    | 'requests per CPU second'
    | 'rows per second'
    | 'rows per CPU second'
    | 'p99'
    | 'time'
    | 'idle memory'
    | 'memory after load'
  readonly ratio: Spread
  /** In the unit that `figure` says; p99 and time in milliseconds, memory in bytes. */
  readonly subject: Spread
  readonly reference: Spread
  readonly goal?: Goal
}

export interface Goal {
  readonly kind: 'at least' | 'at most'
  readonly value: number
  /** Whether the median reaches it. */
  readonly met: boolean
}

export interface RowResult {
  readonly row: string
  readonly subject: string
  readonly reference: string
  readonly results: readonly RatioResult[]
}

export interface MemoryResult {
  readonly process: string
  /** Bytes, once it is ready. */
  readonly idle: number
  /** Bytes, after it was loaded; absent for what was not. */
  readonly loaded?: number
}

export interface Bench extends Session {
  readonly options: Options
  readonly processors: Processors
}

export interface Scenario {
  /** The rows it gives, for `--only`. */
  readonly rows: readonly string[]
  /** `wanted` are those of its rows that were asked for. */
  run(bench: Bench, wanted: ReadonlySet<string>): Promise<readonly (RowResult | MemoryResult)[]>
}

export function goal(kind: Goal['kind'], value: number, ratio: Spread): Goal {
  return { kind, value, met: kind === 'at least' ? ratio.median >= value : ratio.median <= value }
}
