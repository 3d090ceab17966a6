/** Which policy holds for a call: those the resources name for a target, else the defaults (pkg/resiliency). */
import { monotonicMs } from '../clock.ts'
import type { Logger } from '../log/logger.ts'
import type { PolicyDirection, PolicyKind, ResiliencyMetrics } from '../metrics/resiliency-metrics.ts'
import { CircuitBreaker, type CircuitCounts } from './circuit-breaker.ts'
import type { Policy } from './policy.ts'
import { defaultRetry, type RetryPolicy } from './retry.ts'
import type { BreakerTemplate, PolicyNames, ResiliencySpecification } from './specification.ts'

export type ComponentKind = 'Secretstore' | 'Statestore'

export interface Resiliency {
  /** Undefined: nothing holds for this component. */
  component(name: string, kind: ComponentKind): Policy | undefined
  /** `endpoint` tells the circuit breakers of one app's methods apart. */
  app(appId: string, endpoint: string): Policy
  /** True when a target names the app itself. */
  hasApp(appId: string): boolean
  /** What holds for calls of other apps unless a target says otherwise. */
  readonly serviceRetries: Policy
}

type CompileTrip = (expression: string) => (counts: Readonly<CircuitCounts>) => boolean

const serviceRetries = 'DaprBuiltInServiceRetries'
const fewestBuiltInRetries = 3
// As daprd's cache per app.
const maxBreakersPerApp = 100
const none: PolicyNames = { timeout: '', retry: '', circuitBreaker: '' }

export interface ResiliencySetup {
  readonly specifications: readonly ResiliencySpecification[]
  readonly log: Logger
  readonly metrics: ResiliencyMetrics | undefined
  readonly compileTrip: CompileTrip
}

export function createResiliency({ specifications, log, metrics, compileTrip }: ResiliencySetup): Resiliency {
  const timeouts: Record<string, number> = {}
  const retries: Record<string, RetryPolicy> = {
    [serviceRetries]: { ...defaultRetry, durationMs: 1000, maxRetries: 3 },
  }
  const templates: Record<string, BreakerTemplate> = {}
  const trips: Record<string, (counts: Readonly<CircuitCounts>) => boolean> = {}
  const apps = new Map<string, PolicyNames>()
  const components = new Map<string, PolicyNames>()
  // daprd labels every series with the resource that it read last.
  let labels = { name: '', namespace: '' }
  for (const specification of specifications) {
    log.info(`Loading Resiliency configuration: ${specification.name}`)
    labels = specification
    Object.assign(timeouts, specification.timeouts)
    for (const [name, retry] of Object.entries(specification.retries)) {
      const tooFew = name.startsWith('DaprBuiltIn') && retry.maxRetries < fewestBuiltInRetries
      if (tooFew) {
        log.warn(`Attempted override of ${name} did not meet minimum retry count, resetting to 3.`)
      }
      retries[name] = tooFew ? { ...retry, maxRetries: fewestBuiltInRetries } : retry
    }
    for (const [name, template] of Object.entries(specification.circuitBreakers)) {
      templates[name] = template
      trips[name] =
        template.trip === '' ? ({ consecutiveFailures }) => consecutiveFailures > 5 : compileTrip(template.trip)
    }
    for (const [name, target] of Object.entries(specification.apps)) apps.set(name, target)
    for (const [name, target] of Object.entries(specification.components)) components.set(name, target.outbound)
    metrics?.loaded(labels)
  }

  const createBreaker = (name: string, template: string): CircuitBreaker | undefined => {
    const settings = templates[template]
    const trip = trips[template]
    if (!settings || !trip) return undefined
    return new CircuitBreaker({
      ...settings,
      name,
      trip,
      clock: monotonicMs,
      onStateChange: (breaker, from, to) =>
        log.info(`Circuit breaker ${JSON.stringify(breaker)} changed state from ${from} to ${to}`),
    })
  }

  const defaults = (levels: readonly string[]): PolicyNames => {
    const find = (kind: string, known: Readonly<Record<string, unknown>>) =>
      [...levels, ''].map((level) => `Default${level}${kind}Policy`).find((name) => Object.hasOwn(known, name)) ?? ''
    return {
      timeout: find('Timeout', timeouts),
      retry: find('Retry', retries),
      circuitBreaker: find('CircuitBreaker', templates),
    }
  }

  const build = (
    name: string,
    target: string,
    names: PolicyNames,
    breaker: (template: string) => CircuitBreaker | undefined,
  ): Policy => {
    const circuit = names.circuitBreaker === '' ? undefined : breaker(names.circuitBreaker)
    const activated = (kind: PolicyKind) => () =>
      metrics?.activated(labels, kind, outbound, target, kind === 'circuitbreaker' ? circuit?.state : undefined)
    return {
      name,
      log,
      timeoutMs: timeouts[names.timeout] ?? 0,
      retry: retries[names.retry],
      breaker: circuit,
      onTimeout: activated('timeout'),
      onRetry: activated('retry'),
      onStateChange: activated('circuitbreaker'),
    }
  }
  const count = (policy: Policy, target: string): Policy => {
    if (metrics) {
      if (policy.timeoutMs !== 0) metrics.executed(labels, 'timeout', outbound, target, undefined)
      if (policy.retry) metrics.executed(labels, 'retry', outbound, target, undefined)
      if (policy.breaker) metrics.executed(labels, 'circuitbreaker', outbound, target, policy.breaker.state)
    }
    return policy
  }
  const isEmpty = ({ timeoutMs, retry, breaker }: Policy) => timeoutMs === 0 && !retry && !breaker

  const componentPolicies = new Map<string, Policy | undefined>()
  const appPolicies = new Map<string, Map<string, Policy>>()
  return {
    component(name, kind) {
      const key = `${kind} ${name}`
      const target = `${kind}_${name}`
      if (!componentPolicies.has(key)) {
        const names = components.get(name) ?? defaults([`${kind}ComponentOutbound`, 'ComponentOutbound', 'Component'])
        const policy = build(`component[${name}] output`, target, names, (template) => createBreaker(name, template))
        componentPolicies.set(key, isEmpty(policy) ? undefined : policy)
      }
      const policy = componentPolicies.get(key)
      return policy && count(policy, target)
    },
    app(appId, endpoint) {
      const target = `app_${appId}`
      const byEndpoint = appPolicies.get(appId) ?? new Map<string, Policy>()
      appPolicies.set(appId, byEndpoint)
      let policy = byEndpoint.get(endpoint)
      // The one used longest ago makes room: callers choose methods.
      if (policy) byEndpoint.delete(endpoint)
      else {
        const names = apps.get(appId) ?? (specifications.length > 0 ? defaults(['App']) : none)
        policy = build(`endpoint[${appId}, ${endpoint}]`, target, names, (template) =>
          createBreaker(endpoint, template),
        )
      }
      byEndpoint.set(endpoint, policy)
      if (byEndpoint.size > maxBreakersPerApp) {
        const [oldest] = byEndpoint.keys()
        if (oldest !== undefined) byEndpoint.delete(oldest)
      }
      return count(policy, target)
    },
    hasApp: (appId) => apps.has(appId),
    serviceRetries: {
      name: serviceRetries,
      log,
      timeoutMs: 0,
      retry: retries[serviceRetries],
      breaker: undefined,
    },
  }
}

const outbound: PolicyDirection = 'outbound'

/** As if no resource had been given. */
export function withoutResiliency(log: Logger): Resiliency {
  return createResiliency({ specifications: [], log, metrics: undefined, compileTrip: () => () => false })
}
