/** Dapr's metrics of calls between apps (pkg/diagnostics/service_monitoring.go). */
import { monotonicMs } from '../clock.ts'
import { Counts } from './counts.ts'
import { Histogram } from './histogram.ts'
import type { MetricSeries } from './series.ts'

// Targets come from callers: beyond this many, latencies of new ones are not kept.
const maxTargets = 500

export class InvocationMetrics {
  readonly #appId: string
  readonly #buckets: readonly number[]
  readonly #sent = new Counts()
  readonly #received = new Counts()
  readonly #answersSent = new Counts()
  readonly #answersReceived = new Counts()
  readonly #latencies = new Map<string, { readonly labels: Record<string, string>; readonly value: Histogram }>()

  constructor(appId: string, buckets: readonly number[]) {
    this.#appId = appId
    this.#buckets = buckets
  }

  /** A call of another app begins; what is given back takes the status of its answer. */
  requestSent(target: string): (status: number) => void {
    this.#sent.add({ app_id: this.#appId, dst_app_id: target, type: 'unary' })
    const start = monotonicMs()
    return (status) => {
      const labels = { app_id: this.#appId, src_app_id: target, status: String(status) }
      this.#answersReceived.add({ ...labels, type: 'unary' })
      const key = `${target} ${status}`
      let latency = this.#latencies.get(key)
      if (!latency && this.#latencies.size < maxTargets) {
        latency = { labels, value: new Histogram(this.#buckets) }
        this.#latencies.set(key, latency)
      }
      latency?.value.observe(Math.trunc(monotonicMs() - start))
    }
  }

  /** A call from another app arrives. */
  requestReceived(source: string): (status: number) => void {
    this.#received.add({ app_id: this.#appId, src_app_id: source })
    return (status) => {
      this.#answersSent.add({ app_id: this.#appId, dst_app_id: source, status: String(status) })
    }
  }

  collect(): MetricSeries[] {
    const prefix = 'dapr_runtime_service_invocation'
    return [
      {
        name: `${prefix}_req_recv_total`,
        help: 'The number of requests received via service invocation.',
        counts: this.#received.all,
      },
      {
        name: `${prefix}_req_sent_total`,
        help: 'The number of requests sent via service invocation.',
        counts: this.#sent.all,
      },
      {
        name: `${prefix}_res_recv_latency_ms`,
        help: 'The latency of service invocation response.',
        histograms: [...this.#latencies.values()],
      },
      {
        name: `${prefix}_res_recv_total`,
        help: 'The number of responses received via service invocation.',
        counts: this.#answersReceived.all,
      },
      {
        name: `${prefix}_res_sent_total`,
        help: 'The number of responses sent via service invocation.',
        counts: this.#answersSent.all,
      },
    ]
  }
}
