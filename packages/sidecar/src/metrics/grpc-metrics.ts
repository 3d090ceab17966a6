/** Dapr's metrics of the gRPC server (pkg/diagnostics/grpc_monitoring.go). */
import { Histogram, sizeBuckets } from './histogram.ts'
import type { MetricSeries } from './series.ts'

interface MethodSeries {
  readonly received: Histogram
  readonly sent: Histogram
  readonly byStatus: Map<string, { count: number; readonly latency: Histogram }>
}

export class GrpcMetrics {
  readonly #appId: string
  readonly #buckets: readonly number[]
  readonly #methods = new Map<string, MethodSeries>()

  constructor(appId: string, buckets: readonly number[]) {
    this.#appId = appId
    this.#buckets = buckets
  }

  /** One call answered. `method` is one that the API has; sizes in bytes, `elapsed` in milliseconds. */
  completed(method: string, status: string, receivedBytes: number, sentBytes: number, elapsed: number): void {
    let series = this.#methods.get(method)
    if (!series) {
      series = { received: new Histogram(sizeBuckets), sent: new Histogram(sizeBuckets), byStatus: new Map() }
      this.#methods.set(method, series)
    }
    let outcome = series.byStatus.get(status)
    if (!outcome) {
      outcome = { count: 0, latency: new Histogram(this.#buckets) }
      series.byStatus.set(status, outcome)
    }
    outcome.count++
    // daprd measures whole milliseconds.
    outcome.latency.observe(Math.trunc(elapsed))
    series.received.observe(receivedBytes)
    series.sent.observe(sentBytes)
  }

  collect(): MetricSeries[] {
    const methods = [...this.#methods].map(([method, series]) => ({
      labels: { app_id: this.#appId, grpc_server_method: method },
      series,
    }))
    const outcomes = methods.flatMap(({ labels, series }) =>
      [...series.byStatus].map(([status, outcome]) => ({ labels: { ...labels, grpc_server_status: status }, outcome })),
    )
    return [
      {
        name: 'dapr_grpc_io_server_completed_rpcs',
        help: 'Distribution of bytes sent per RPC, by method.',
        counts: outcomes.map(({ labels, outcome }) => ({ labels, value: outcome.count })),
      },
      {
        name: 'dapr_grpc_io_server_received_bytes_per_rpc',
        help: 'Total bytes received across all messages per RPC.',
        histograms: methods.map(({ labels, series }) => ({ labels, value: series.received })),
      },
      {
        name: 'dapr_grpc_io_server_sent_bytes_per_rpc',
        help: 'Total bytes sent in across all response messages per RPC.',
        histograms: methods.map(({ labels, series }) => ({ labels, value: series.sent })),
      },
      {
        name: 'dapr_grpc_io_server_server_latency',
        help: 'Time between first byte of request received to last byte of response sent, or terminal error.',
        histograms: outcomes.map(({ labels, outcome }) => ({ labels, value: outcome.latency })),
      },
    ]
  }
}
