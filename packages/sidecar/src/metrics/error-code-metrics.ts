/** Dapr's count of refused requests by error code (pkg/diagnostics/errorcode_monitoring.go). */
import type { ApiError } from '../runtime/api-error.ts'
import { Counts } from './counts.ts'
import type { MetricSeries } from './series.ts'

export class ErrorCodeMetrics {
  readonly #appId: string
  readonly #counts = new Counts()

  constructor(appId: string) {
    this.#appId = appId
  }

  refused({ category, errorCode }: Pick<ApiError, 'category' | 'errorCode'>): void {
    this.#counts.add({ app_id: this.#appId, category, error_code: errorCode })
  }

  collect(): MetricSeries[] {
    return [
      {
        name: 'dapr_error_code_total',
        help: 'Number of times an error with a specific errorcode was encountered.',
        counts: this.#counts.all,
      },
    ]
  }
}
