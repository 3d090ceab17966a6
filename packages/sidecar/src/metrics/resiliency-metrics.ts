/** Dapr's metrics of resiliency policies (pkg/diagnostics/resiliency_monitoring.go). */
import type { CircuitState } from '../resiliency/circuit-breaker.ts'
import { Counts } from './counts.ts'
import type { MetricSeries } from './series.ts'

export type PolicyKind = 'timeout' | 'retry' | 'circuitbreaker'
export type PolicyDirection = 'inbound' | 'outbound'

export interface ResiliencyLabels {
  readonly name: string
  readonly namespace: string
}

const states = ['closed', 'half-open', 'open', 'unknown'] as const

export class ResiliencyMetrics {
  readonly #appId: string
  readonly #loaded = new Counts()
  readonly #executed = new Counts()
  readonly #activated = new Counts()
  readonly #states = new Counts()

  constructor(appId: string) {
    this.#appId = appId
  }

  loaded({ name, namespace }: ResiliencyLabels): void {
    this.#loaded.add({ app_id: this.#appId, name, namespace })
  }

  /** A policy is about to be applied. `state` of a circuit breaker only. */
  executed(
    resource: ResiliencyLabels,
    kind: PolicyKind,
    direction: PolicyDirection,
    target: string,
    state: CircuitState | undefined,
  ): void {
    const labels = this.#labels(resource, kind, direction)
    this.#executed.add({ ...labels, status: state ?? '', target })
    if (state === undefined) return
    for (const one of states) this.#states.set({ ...labels, status: one, target }, one === state ? 1 : 0)
  }

  /** A policy has stepped in. */
  activated(
    resource: ResiliencyLabels,
    kind: PolicyKind,
    direction: PolicyDirection,
    target: string,
    state: CircuitState | undefined,
  ): void {
    this.#activated.add({ ...this.#labels(resource, kind, direction), status: state ?? '', target })
  }

  #labels({ name, namespace }: ResiliencyLabels, policy: PolicyKind, direction: PolicyDirection) {
    return { app_id: this.#appId, flow_direction: direction, name, namespace, policy }
  }

  collect(): MetricSeries[] {
    return [
      {
        name: 'dapr_resiliency_activations_total',
        help: 'Number of times a resiliency policyKey has been activated in a building block after a failure or after a state change.',
        counts: this.#activated.all,
      },
      {
        name: 'dapr_resiliency_cb_state',
        help: "A resiliency policy's current CircuitBreakerState state. 0 is closed, 1 is half-open, 2 is open, and -1 is unknown.",
        gauges: this.#states.all,
      },
      {
        name: 'dapr_resiliency_count',
        help: 'Number of times a resiliency policyKey has been applied to a building block.',
        counts: this.#executed.all,
      },
      {
        name: 'dapr_resiliency_loaded',
        help: 'Number of resiliency policies loaded.',
        counts: this.#loaded.all,
      },
    ]
  }
}
