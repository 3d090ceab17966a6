/** What a policy makes of a failure: whether it may be tried again, and what it says when it gives up itself. */

/** A failure with a status by which retry conditions are told: an HTTP status from 100, a gRPC code below. */
export class CodedError extends Error {
  override readonly name = 'CodedError'
  readonly code: number
  override readonly cause: unknown

  constructor(code: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause))
    this.code = code
    this.cause = cause
  }
}

/** A failure that is not tried again, whatever the policy says. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError'
  override readonly cause: unknown

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause))
    this.cause = cause
  }
}

/** The policy's time was up. The words are Go's. */
export class PolicyTimeoutError extends Error {
  override readonly name = 'PolicyTimeoutError'

  constructor() {
    super('context deadline exceeded')
  }
}

/** The circuit breaker let nothing through. The words are gobreaker's. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError'

  constructor(reason: 'circuit breaker is open' | 'too many requests') {
    super(reason)
  }
}

/** The failure as it was before policies wrapped it. */
export function unwrapFailure(error: unknown): unknown {
  let inner = error
  while (inner instanceof CodedError || inner instanceof PermanentError) inner = inner.cause
  return inner
}
