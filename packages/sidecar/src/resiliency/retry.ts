/** How long to wait before the next attempt: dapr/kit's retry over cenkalti/backoff. */

export interface CodeRange {
  readonly start: number
  readonly end: number
}

export interface RetryPolicy {
  readonly kind: 'constant' | 'exponential'
  /** Milliseconds between attempts, when constant. */
  readonly durationMs: number
  readonly initialIntervalMs: number
  readonly randomizationFactor: number
  readonly multiplier: number
  readonly maxIntervalMs: number
  /** Milliseconds after which no attempt is made any more; 0: no limit. Only when exponential. */
  readonly maxElapsedMs: number
  /** -1: no limit. */
  readonly maxRetries: number
  /** Codes that are tried again; undefined: every one. */
  readonly httpCodes: readonly CodeRange[] | undefined
  readonly grpcCodes: readonly CodeRange[] | undefined
}

export const defaultRetry: RetryPolicy = {
  kind: 'constant',
  durationMs: 5000,
  initialIntervalMs: 500,
  randomizationFactor: 0.5,
  multiplier: 1.5,
  maxIntervalMs: 60_000,
  maxElapsedMs: 15 * 60_000,
  maxRetries: -1,
  httpCodes: undefined,
  grpcCodes: undefined,
}

const lastGrpcCode = 16

/** Whether a failure with this code may be tried again. */
export function isRetryable(policy: RetryPolicy, code: number): boolean {
  const ranges = code >= 0 && code <= lastGrpcCode ? policy.grpcCodes : policy.httpCodes
  return ranges === undefined || ranges.some(({ start, end }) => code >= start && code <= end)
}

export interface RetryClock {
  /** Milliseconds on a clock that only goes forward. */
  now(): number
  /** From 0 up to 1. */
  random(): number
}

/** The waits between attempts in milliseconds, as each is asked for; undefined: give up. */
export function createBackOff(policy: RetryPolicy, { now, random }: RetryClock): () => number | undefined {
  const start = now()
  let retries = 0
  let interval = policy.initialIntervalMs
  return () => {
    if (policy.maxRetries >= 0 && retries >= policy.maxRetries) return undefined
    retries++
    if (policy.kind === 'constant') return policy.durationMs
    const delta = policy.randomizationFactor * interval
    const wait = interval - delta + random() * (2 * delta)
    interval = Math.min(interval * policy.multiplier, policy.maxIntervalMs)
    if (policy.maxElapsedMs > 0 && now() - start + wait > policy.maxElapsedMs) return undefined
    return wait
  }
}
