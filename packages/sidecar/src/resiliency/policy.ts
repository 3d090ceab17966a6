/** An operation run under a policy: its timeout, its circuit breaker and its retries, in the order daprd nests them. */
import { setTimeout as delay } from 'node:timers/promises'
import { formatGoDuration } from '../cli/go-duration.ts'
import { monotonicMs } from '../clock.ts'
import type { Logger } from '../log/logger.ts'
import { errorText } from '../runtime/error-text.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { CircuitOpenError, CodedError, PermanentError, PolicyTimeoutError } from './errors.ts'
import { createBackOff, isRetryable, type RetryClock, type RetryPolicy } from './retry.ts'

export interface Policy {
  /** As the log names it: `component[store] output`. */
  readonly name: string
  /** 0: none. */
  readonly timeoutMs: number
  readonly retry: RetryPolicy | undefined
  readonly breaker: CircuitBreaker | undefined
  readonly log: Logger
  readonly onTimeout?: () => void
  readonly onRetry?: () => void
  readonly onStateChange?: () => void
}

/** `attempt` counts from 1. The signal is aborted with the caller's or when the policy's time is up. */
export type Operation<T> = (signal: AbortSignal, attempt: number) => Promise<T>

export function hasRetries(policy: Policy | undefined): boolean {
  return policy?.retry !== undefined && policy.retry.maxRetries !== 0
}

const systemClock: RetryClock = { now: monotonicMs, random: Math.random }

/**
 * Rejects with the last attempt's error, a PolicyTimeoutError or a CircuitOpenError; CodedError and PermanentError are
 * the caller's to unwrap.
 */
export async function runPolicy<T>(
  policy: Policy | undefined,
  operation: Operation<T>,
  signal: AbortSignal,
  clock: RetryClock = systemClock,
): Promise<T> {
  if (policy === undefined) return operation(signal, 1)
  const once = (attempt: number) => throughBreaker(policy, () => withinTimeout(policy, operation, signal, attempt))
  const { retry, name, log } = policy
  if (retry === undefined) return once(1)
  const next = createBackOff(retry, clock)
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await once(attempt)
      if (attempt > 1) log.info(`Recovered processing operation ${name} after ${attempt} attempts`)
      return result
    } catch (error) {
      if (!mayRetry(error, retry) || signal.aborted) throw error
      const wait = next()
      if (wait === undefined) throw error
      if (attempt === 1) {
        policy.onRetry?.()
        log.warn(`Error processing operation ${name}. Retrying in ${formatGoDuration(wait)}…`)
        log.debug(`Error for operation ${name} was: ${errorText(error)}`)
      }
      try {
        await delay(wait, undefined, { signal })
      } catch {
        throw error
      }
    }
  }
}

function mayRetry(error: unknown, retry: RetryPolicy): boolean {
  if (error instanceof PermanentError || error instanceof CircuitOpenError) return false
  return !(error instanceof CodedError) || isRetryable(retry, error.code)
}

async function throughBreaker<T>(policy: Policy, operation: () => Promise<T>): Promise<T> {
  const { breaker } = policy
  if (breaker === undefined) return operation()
  const before = breaker.state
  const done = breaker.admit()
  let succeeded = false
  try {
    const result = await operation()
    succeeded = true
    return result
  } finally {
    done(succeeded)
    if (breaker.state !== before) policy.onStateChange?.()
  }
}

function withinTimeout<T>(policy: Policy, operation: Operation<T>, signal: AbortSignal, attempt: number): Promise<T> {
  if (policy.timeoutMs <= 0) return operation(signal, attempt)
  const deadline = new AbortController()
  const abort = () => deadline.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      policy.onTimeout?.()
      const error = new PolicyTimeoutError()
      // What the operation is doing is told to stop, and not waited for.
      deadline.abort(error)
      reject(error)
    }, policy.timeoutMs)
  })
  return Promise.race([operation(deadline.signal, attempt), expired]).finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  })
}
