/** Counts and distributions kept cheaply where requests are served, read when metrics are scraped. */

/** Dapr's latency bounds in milliseconds (pkg/config/configuration.go). */
export const defaultLatencyBuckets: readonly number[] = [
  1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500, 650, 800, 1000,
  2000, 5000, 10000, 20000, 50000, 100000,
]

/** Dapr's size bounds in bytes (pkg/diagnostics/metrics.go). */
export const sizeBuckets: readonly number[] = [10, 11, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32].map((n) => 2 ** n)

export class Histogram {
  readonly bounds: readonly number[]
  /** One more than the bounds: the last counts what is beyond them. */
  readonly counts: Float64Array
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** A value on a bound belongs to the bucket above it, as in OpenCensus. */
  observe(value: number): void {
    const { bounds } = this
    let i = 0
    while (i < bounds.length && value >= (bounds[i] ?? 0)) i++
    this.counts[i] = (this.counts[i] ?? 0) + 1
    this.sum += value
    this.count++
  }
}
