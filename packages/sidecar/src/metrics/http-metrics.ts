/** Dapr's metrics of the HTTP server (pkg/diagnostics/http_monitoring.go). */
import { metricPath } from '../http/metric-path.ts'
import { Histogram, sizeBuckets } from './histogram.ts'
import type { MetricSeries } from './series.ts'

export interface HttpSeries {
  readonly method: string
  readonly path: string
  readonly status: string
  count: number
  readonly latency: Histogram
}

// Paths come from callers: beyond this many series, new ones are counted together.
const maxSeries = 2000
const verbs = new Set(['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE'])

export class HttpMetrics {
  readonly #appId: string
  readonly #buckets: readonly number[]
  readonly #withPath: boolean
  readonly #withVerb: boolean
  /** The label of a path. */
  readonly pathOf: (path: string) => string
  readonly #series = new Map<string, Map<string, Map<number, HttpSeries>>>()
  readonly #requestBytes = new Histogram(sizeBuckets)
  readonly #responseBytes = new Histogram(sizeBuckets)
  #size = 0

  /** `pathOf` where the configuration has patterns for paths. */
  constructor(
    appId: string,
    options: {
      readonly buckets: readonly number[]
      readonly withPath: boolean
      readonly withVerb: boolean
      readonly pathOf?: ((path: string) => string) | undefined
    },
  ) {
    this.#appId = appId
    this.#buckets = options.buckets
    this.#withPath = options.withPath
    this.#withVerb = options.withVerb
    this.pathOf = options.pathOf ?? (options.withPath ? metricPath : () => '')
  }

  /** One request answered. `path` is the label; sizes in bytes, `elapsed` in milliseconds. */
  completed(
    method: string,
    path: string,
    status: number,
    requestBytes: number,
    responseBytes: number,
    elapsed: number,
  ): void {
    const series = this.#find(method, path, status)
    series.count++
    // daprd measures whole milliseconds.
    series.latency.observe(Math.trunc(elapsed))
    this.#requestBytes.observe(requestBytes)
    this.#responseBytes.observe(responseBytes)
  }

  #find(method: string, path: string, status: number): HttpSeries {
    const found = this.#series.get(path)?.get(method)?.get(status)
    if (found) return found
    if (this.#size >= maxSeries && path !== '') return this.#find(method, '', status)
    const verb = this.#withVerb ? (verbs.has(method) ? method : 'UNKNOWN') : ''
    const series: HttpSeries = {
      method: verb,
      path,
      status: String(status),
      count: 0,
      latency: new Histogram(this.#buckets),
    }
    const byMethod = this.#series.get(path) ?? new Map<string, Map<number, HttpSeries>>()
    const byStatus = byMethod.get(method) ?? new Map<number, HttpSeries>()
    this.#series.set(path, byMethod.set(method, byStatus.set(status, series)))
    this.#size++
    return series
  }

  collect(): MetricSeries[] {
    const all: { labels: Record<string, string>; series: HttpSeries }[] = []
    for (const byMethod of this.#series.values()) {
      for (const byStatus of byMethod.values()) {
        for (const series of byStatus.values()) {
          const { method, path, status } = series
          const labels = { app_id: this.#appId, method, path, status }
          all.push({ labels, series })
        }
      }
    }
    const counts = all.map(({ labels, series }) => ({ labels, value: series.count }))
    const app = { app_id: this.#appId }
    return [
      {
        name: 'dapr_http_server_latency',
        help: 'HTTP request end-to-end latency in server.',
        histograms: all.map(({ labels, series }) => ({ labels, value: series.latency })),
      },
      {
        name: 'dapr_http_server_request_bytes',
        help: 'HTTP request body size if set as ContentLength (uncompressed) in server.',
        histograms: all.length > 0 ? [{ labels: app, value: this.#requestBytes }] : [],
      },
      { name: 'dapr_http_server_request_count', help: 'Count of HTTP requests processed by the server.', counts },
      {
        name: 'dapr_http_server_response_bytes',
        help: 'HTTP response body size (uncompressed) in server.',
        histograms: all.length > 0 ? [{ labels: app, value: this.#responseBytes }] : [],
      },
      ...(this.#withPath
        ? [{ name: 'dapr_http_server_response_count', help: 'The number of HTTP responses', counts }]
        : []),
    ]
  }
}
