/** When and how long to wait before a request is sent again: azcore's retry policy (`runtime/policy_retry.go`). */

export interface RetryOptions {
  /** Further requests after the first. */
  readonly maxRetries: number
  readonly delayMs: number
  readonly maxDelayMs: number
  readonly statuses: ReadonlySet<number>
}

export const defaultRetry: RetryOptions = {
  maxRetries: 3,
  delayMs: 800,
  maxDelayMs: 60_000,
  statuses: new Set([408, 429, 500, 502, 503, 504]),
}

/** For the instance metadata service (azidentity `setIMDSRetryOptionDefaults`). */
export const imdsRetry: RetryOptions = {
  maxRetries: 5,
  delayMs: 2000,
  maxDelayMs: 60_000,
  statuses: new Set([404, 410, 429, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511]),
}

/** azcore takes 0 for "not set", which is 3, and a negative number for none. */
export function maxRetriesOf(setting: number | undefined): number {
  if (setting === undefined || setting === 0) return defaultRetry.maxRetries
  return Math.max(0, setting)
}

/**
 * Milliseconds to wait after the given attempt (1 is the first), or undefined when the service asks for a longer wait than is allowed.
 * @param retryAfterMs what the response asked for, if anything
 * @param random from 0 up to 1: the jitter, which makes the delay 0.8 to 1.3 times its nominal length
 */
export function retryDelay(
  options: RetryOptions,
  attempt: number,
  retryAfterMs: number | undefined,
  random: number,
): number | undefined {
  if (retryAfterMs !== undefined) return retryAfterMs > options.maxDelayMs ? undefined : retryAfterMs
  return Math.min((2 ** attempt - 1) * options.delayMs * (random / 2 + 0.8), options.maxDelayMs)
}

/** The wait that a response asks for: `retry-after-ms`, `x-ms-retry-after-ms`, or `Retry-After` in seconds or as a date. */
export function retryAfterMs(header: (name: string) => string | undefined, now: number): number | undefined {
  for (const [name, unit] of [
    ['retry-after-ms', 1],
    ['x-ms-retry-after-ms', 1],
    ['retry-after', 1000],
  ] as const) {
    const value = header(name)
    if (value === undefined || value === '') continue
    if (/^\+?\d+$/.test(value) && Number(value) > 0) return Number(value) * unit
    const wait = name === 'retry-after' && /GMT$/.test(value) ? Date.parse(value) - now : Number.NaN
    if (wait > 0) return wait
  }
  return undefined
}
