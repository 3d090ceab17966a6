/** Metrics in Prometheus' text form, through prom-client. */
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { MetricSeries, MetricSource } from './series.ts'

export interface Exposition {
  readonly contentType: string
  text(): Promise<string>
}

/** Besides the sources, the process's own metrics. Metrics without a value are left out. */
export function createExposition(sources: readonly MetricSource[]): Exposition {
  const processes = new Registry()
  collectDefaultMetrics({ register: processes })
  return {
    contentType: processes.contentType,
    async text() {
      const registry = new Registry()
      for (const series of sources.flatMap((source) => source.collect())) register(registry, series)
      return `${await registry.metrics()}\n${await processes.metrics()}`
    },
  }
}

function register(registry: Registry, series: MetricSeries): void {
  const { name, help } = series
  if ('counts' in series) {
    const first = series.counts[0]
    if (!first) return
    const counter = new Counter({ name, help, labelNames: Object.keys(first.labels), registers: [registry] })
    for (const { labels, value } of series.counts) counter.inc({ ...labels }, value)
  } else if (series.histograms.length > 0) {
    registry.registerMetric(new CollectedHistogram(series.name, series.help, series.histograms))
  }
}

type Collected = Extract<MetricSeries, { histograms: unknown }>['histograms']

/** A prom-client histogram whose buckets were filled elsewhere. */
class CollectedHistogram extends Histogram<string> {
  readonly #name: string
  readonly #help: string
  readonly #collected: Collected

  constructor(name: string, help: string, collected: Collected) {
    super({ name, help, labelNames: Object.keys(collected[0]?.labels ?? {}), registers: [] })
    this.#name = name
    this.#help = help
    this.#collected = collected
  }

  override async get(): ReturnType<Histogram<string>['get']> {
    const shape = await super.get()
    const values = this.#collected.flatMap(({ labels, value: { bounds, counts, count, sum } }) => {
      let total = 0
      const buckets = bounds.map((le, i) => {
        total += counts[i] ?? 0
        return { value: total, labels: { ...labels, le: String(le) }, metricName: `${this.#name}_bucket` }
      })
      return [
        ...buckets,
        { value: count, labels: { ...labels, le: '+Inf' }, metricName: `${this.#name}_bucket` },
        { value: sum, labels, metricName: `${this.#name}_sum` },
        { value: count, labels, metricName: `${this.#name}_count` },
      ]
    })
    return { ...shape, name: this.#name, help: this.#help, values }
  }
}
