/** What came of a query. */
import type { KqlErrorKind } from '../kql/kql-error.ts'
import type { QueryResult } from '../query-engine.ts'

export interface QueryProblem {
  readonly kind: KqlErrorKind
  readonly message: string
  readonly start: number
  readonly length: number
  /** Counted from 1. */
  readonly line: number
  readonly column: number
}

export type QueryOutcome =
  | { readonly kind: 'result'; readonly result: QueryResult }
  | { readonly kind: 'refused'; readonly error: QueryProblem }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'timedOut' }
