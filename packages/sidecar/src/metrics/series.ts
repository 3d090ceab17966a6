/** A metric as it is handed to whoever exports it. */
import type { Histogram } from './histogram.ts'

export type MetricSeries = {
  readonly name: string
  readonly help: string
} & (
  | { readonly counts: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[] }
  | { readonly gauges: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[] }
  | {
      readonly histograms: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: Histogram }[]
    }
)

/** Anything that keeps metrics. */
export interface MetricSource {
  collect(): MetricSeries[]
}
