/** The Resiliency resource (dapr.io/v1alpha1), read into what it says. */
import { parseGoDuration } from '../cli/go-duration.ts'
import { isJsonObject } from '../gojson/decode.ts'
import { type CodeRange, defaultRetry, type RetryPolicy } from './retry.ts'

export interface PolicyNames {
  readonly timeout: string
  readonly retry: string
  readonly circuitBreaker: string
}

export interface BreakerTemplate {
  readonly maxRequests: number
  readonly intervalMs: number
  readonly timeoutMs: number
  /** CEL; empty for more than five failures in a row. */
  readonly trip: string
}

export interface ResiliencySpecification {
  readonly name: string
  readonly namespace: string
  readonly scopes: readonly string[]
  /** Milliseconds by name. */
  readonly timeouts: Readonly<Record<string, number>>
  readonly retries: Readonly<Record<string, RetryPolicy>>
  readonly circuitBreakers: Readonly<Record<string, BreakerTemplate>>
  readonly apps: Readonly<Record<string, PolicyNames>>
  readonly components: Readonly<Record<string, { readonly inbound: PolicyNames; readonly outbound: PolicyNames }>>
}

/** Why a resource cannot be used, in daprd's words. */
export class ResiliencyError extends Error {
  override readonly name = 'ResiliencyError'
}

type Fields = Readonly<Record<string, unknown>>

/** Throws {@link ResiliencyError}. */
export function readResiliency(document: unknown): ResiliencySpecification {
  const top = fields(document)
  const metadata = fields(top['metadata'])
  const spec = fields(top['spec'])
  const policies = fields(spec['policies'])
  const targets = fields(spec['targets'])
  const scopes = top['scopes']
  return {
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
    scopes: Array.isArray(scopes) ? scopes.map(text) : [],
    timeouts: each(policies['timeouts'], (value, name) => {
      const given = text(value)
      const milliseconds = duration(given)
      if (milliseconds === undefined) throw new ResiliencyError(`invalid duration ${JSON.stringify(name)}, ${given}`)
      return milliseconds
    }),
    retries: each(policies['retries'], (value, name) => readRetry(fields(value), name)),
    circuitBreakers: each(policies['circuitBreakers'], (value, name) => readBreaker(fields(value), name)),
    apps: each(targets['apps'], (value) => names(fields(value))),
    components: each(targets['components'], (value) => ({
      inbound: names(fields(fields(value)['inbound'])),
      outbound: names(fields(fields(value)['outbound'])),
    })),
  }
}

function readRetry(given: Fields, name: string): RetryPolicy {
  const refuse = (reason: string) =>
    new ResiliencyError(`invalid retry configuration ${JSON.stringify(name)}: ${reason}`)
  const policy = text(given['policy']).toLowerCase()
  if (policy !== '' && policy !== 'constant' && policy !== 'exponential') {
    throw refuse(`unexpected back off policy type: ${text(given['policy'])}`)
  }
  const time = (field: string, fallback: number) => {
    if (text(given[field]) === '') return fallback
    const milliseconds = duration(text(given[field]))
    if (milliseconds === undefined) throw refuse(`invalid duration ${text(given[field])}`)
    return milliseconds
  }
  const maxRetries = given['maxRetries']
  const matching = fields(given['matching'])
  return {
    ...defaultRetry,
    kind: policy === 'exponential' ? 'exponential' : 'constant',
    durationMs: time('duration', defaultRetry.durationMs),
    maxIntervalMs: time('maxInterval', defaultRetry.maxIntervalMs),
    maxRetries: maxRetries === undefined || maxRetries === null ? defaultRetry.maxRetries : Number(maxRetries),
    httpCodes: readCodes(text(matching['httpStatusCodes']), { start: 100, end: 599 }),
    grpcCodes: readCodes(text(matching['gRPCStatusCodes']), { start: 0, end: 16 }),
  }
}

/** `429,500-599`; undefined when empty. */
function readCodes(patterns: string, valid: CodeRange): CodeRange[] | undefined {
  if (patterns === '') return undefined
  return patterns
    .split(',')
    .filter((pattern) => pattern !== '')
    .map((pattern) => {
      const match = /^([+-]?\d+)(?:-(\d+))?$/.exec(pattern)
      const start = Number(match?.[1])
      const end = Number(match?.[2] ?? match?.[1])
      const fits = (code: number) => code >= valid.start && code <= valid.end
      if (!match || !fits(start) || !fits(end)) throw new ResiliencyError(`invalid pattern ${pattern}`)
      if (end < start) {
        throw new ResiliencyError(`invalid pattern ${pattern}, start value should not bigger than end value`)
      }
      return { start, end }
    })
}

const defaultOpenMs = 60_000

function readBreaker(given: Fields, name: string): BreakerTemplate {
  const time = (field: string) => {
    if (text(given[field]) === '') return 0
    const milliseconds = duration(text(given[field]))
    if (milliseconds !== undefined) return milliseconds
    throw new ResiliencyError(
      `invalid retry configuration ${JSON.stringify(name)}: invalid duration ${text(given[field])}`,
    )
  }
  return {
    maxRequests: Math.max(1, Number(given['maxRequests'] ?? 1) || 1),
    intervalMs: time('interval'),
    timeoutMs: time('timeout') || defaultOpenMs,
    trip: text(given['trip']),
  }
}

function names(given: Fields): PolicyNames {
  return {
    timeout: text(given['timeout']),
    retry: text(given['retry']),
    circuitBreaker: text(given['circuitBreaker']),
  }
}

/** A Go duration, or a number of milliseconds. */
function duration(given: string): number | undefined {
  return /^[+-]?\d+$/.test(given) ? Number(given) : parseGoDuration(given)
}

function each<T>(value: unknown, read: (member: unknown, name: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(fields(value)).map(([name, member]) => [name, read(member, name)]))
}

function fields(value: unknown): Fields {
  return isJsonObject(value) ? value : {}
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}
