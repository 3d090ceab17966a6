/** A circuit breaker as sony/gobreaker has it, which daprd uses. */
import { CircuitOpenError } from './errors.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

/** What a trip expression may ask about, by the names it has there. */
export interface CircuitCounts {
  requests: number
  totalSuccesses: number
  totalFailures: number
  consecutiveSuccesses: number
  consecutiveFailures: number
}

export interface CircuitBreakerSettings {
  readonly name: string
  /** Let through at once while half open. */
  readonly maxRequests: number
  /** Milliseconds after which the counts of the closed state start afresh; 0: never. */
  readonly intervalMs: number
  /** Milliseconds in the open state. */
  readonly timeoutMs: number
  readonly trip: (counts: Readonly<CircuitCounts>) => boolean
  readonly onStateChange: (name: string, from: CircuitState, to: CircuitState) => void
  /** Milliseconds on a clock that only goes forward. */
  readonly clock: () => number
}

const none = (): CircuitCounts => ({
  requests: 0,
  totalSuccesses: 0,
  totalFailures: 0,
  consecutiveSuccesses: 0,
  consecutiveFailures: 0,
})

export class CircuitBreaker {
  readonly #settings: CircuitBreakerSettings
  #state: CircuitState = 'closed'
  #counts = none()
  /** Outcomes of an earlier generation say nothing about this one. */
  #generation = 0
  #expiry = 0

  constructor(settings: CircuitBreakerSettings) {
    this.#settings = settings
    this.#renew(settings.clock())
  }

  get state(): CircuitState {
    this.#advance()
    return this.#state
  }

  /** Throws a CircuitOpenError when the operation may not run; else what it has to tell when it has. */
  admit(): (succeeded: boolean) => void {
    this.#advance()
    if (this.#state === 'open') throw new CircuitOpenError('circuit breaker is open')
    if (this.#state === 'half-open' && this.#counts.requests >= this.#settings.maxRequests) {
      throw new CircuitOpenError('too many requests')
    }
    this.#counts.requests++
    const generation = this.#generation
    return (succeeded) => {
      this.#advance()
      if (generation !== this.#generation) return
      if (succeeded) this.#succeed()
      else this.#fail()
    }
  }

  #succeed(): void {
    const counts = this.#counts
    counts.totalSuccesses++
    counts.consecutiveSuccesses++
    counts.consecutiveFailures = 0
    if (this.#state === 'half-open' && counts.consecutiveSuccesses >= this.#settings.maxRequests) this.#turn('closed')
  }

  #fail(): void {
    if (this.#state === 'half-open') {
      this.#turn('open')
      return
    }
    const counts = this.#counts
    counts.totalFailures++
    counts.consecutiveFailures++
    counts.consecutiveSuccesses = 0
    if (this.#settings.trip(counts)) this.#turn('open')
  }

  #advance(): void {
    const now = this.#settings.clock()
    if (this.#state === 'closed' && this.#expiry > 0 && this.#expiry < now) this.#renew(now)
    else if (this.#state === 'open' && this.#expiry < now) this.#turn('half-open')
  }

  #turn(state: CircuitState): void {
    if (state === this.#state) return
    const from = this.#state
    this.#state = state
    this.#renew(this.#settings.clock())
    this.#settings.onStateChange(this.#settings.name, from, state)
  }

  #renew(now: number): void {
    this.#generation++
    this.#counts = none()
    const { intervalMs, timeoutMs } = this.#settings
    if (this.#state === 'closed') this.#expiry = intervalMs > 0 ? now + intervalMs : 0
    else this.#expiry = this.#state === 'open' ? now + timeoutMs : 0
  }
}
