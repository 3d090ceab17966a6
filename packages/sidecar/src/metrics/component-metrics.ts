/** Dapr's metrics of components and of their loading (pkg/diagnostics). */
import { Histogram } from './histogram.ts'
import type { MetricSeries } from './series.ts'

export type StateOperation = 'get' | 'set' | 'delete' | 'bulk_get' | 'bulk_delete' | 'transaction' | 'query'
export type SecretOperation = 'get' | 'bulk_get'
type Block = 'state' | 'secret'

interface OperationSeries {
  readonly component: string
  readonly operation: string
  readonly success: boolean
  readonly latency: Histogram
}

export class ComponentMetrics {
  readonly #appId: string
  readonly #namespace: string
  readonly #buckets: readonly number[]
  readonly #operations: Record<Block, Map<string, OperationSeries>> = { state: new Map(), secret: new Map() }
  readonly #initialized = new Map<string, number>()
  readonly #failed = new Map<string, { labels: Record<string, string>; value: number }>()
  #loaded = 0

  constructor(appId: string, namespace: string, buckets: readonly number[]) {
    this.#appId = appId
    this.#namespace = namespace
    this.#buckets = buckets
  }

  /** One call of a state store; `elapsed` in milliseconds. */
  state(component: string, operation: StateOperation, success: boolean, elapsed: number): void {
    this.#observe('state', component, operation, success, elapsed)
  }

  /** One call of a secret store; `elapsed` in milliseconds. */
  secret(component: string, operation: SecretOperation, success: boolean, elapsed: number): void {
    this.#observe('secret', component, operation, success, elapsed)
  }

  loaded(): void {
    this.#loaded++
  }

  initialized(type: string): void {
    this.#initialized.set(type, (this.#initialized.get(type) ?? 0) + 1)
  }

  initFailed(type: string, reason: 'creation' | 'init', name: string): void {
    const key = `${type} ${reason} ${name}`
    const entry = this.#failed.get(key) ?? {
      labels: { app_id: this.#appId, component: type, componentName: name, reason },
      value: 0,
    }
    entry.value++
    this.#failed.set(key, entry)
  }

  // Only names of loaded components get here, so the number of series is bounded.
  #observe(block: Block, component: string, operation: string, success: boolean, elapsed: number): void {
    const key = `${success ? '+' : '-'}${operation} ${component}`
    let series = this.#operations[block].get(key)
    if (!series) {
      series = { component, operation, success, latency: new Histogram(this.#buckets) }
      this.#operations[block].set(key, series)
    }
    series.latency.observe(elapsed)
  }

  collect(): MetricSeries[] {
    const app = { app_id: this.#appId }
    return [
      ...this.#block('secret'),
      ...this.#block('state'),
      {
        name: 'dapr_runtime_component_init_total',
        help: 'The number of initialized components.',
        counts: [...this.#initialized].map(([component, value]) => ({ labels: { ...app, component }, value })),
      },
      {
        name: 'dapr_runtime_component_init_fail_total',
        help: 'The number of component initialization failures.',
        counts: [...this.#failed.values()],
      },
      {
        name: 'dapr_runtime_component_loaded',
        help: 'The number of successfully loaded components.',
        counts: this.#loaded > 0 ? [{ labels: app, value: this.#loaded }] : [],
      },
    ]
  }

  #block(block: Block): MetricSeries[] {
    const all = [...this.#operations[block].values()].map(({ component, operation, success, latency }) => ({
      labels: { app_id: this.#appId, component, namespace: this.#namespace, operation, success: String(success) },
      value: latency,
    }))
    return [
      {
        name: `dapr_component_${block}_count`,
        help: `The number of operations performed on the ${block} component.`,
        counts: all.map(({ labels, value }) => ({ labels, value: value.count })),
      },
      {
        name: `dapr_component_${block}_latencies`,
        help: `The latency of the response from the ${block} component.`,
        histograms: all,
      },
    ]
  }
}
