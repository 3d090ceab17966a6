/** A comparison under load as a row. */
import type { Comparison } from '../measure.ts'
import { goal, type RowResult } from '../row.ts'

export function comparisonRow(
  names: { readonly row: string; readonly subject: string; readonly reference: string },
  comparison: Comparison,
  /** What the ratios have to reach: at least, and of p99 at most. */
  goals: { readonly requestsPerSecond?: number; readonly requestsPerCpuSecond?: number; readonly p99?: number },
): RowResult {
  const { ratios, subject, reference } = comparison
  const { requestsPerSecond, requestsPerCpuSecond, p99 } = goals
  return {
    ...names,
    results: [
      {
        figure: 'requests per second',
        ratio: ratios.requestsPerSecond,
        subject: subject.requestsPerSecond,
        reference: reference.requestsPerSecond,
        ...(requestsPerSecond === undefined
          ? {}
          : { goal: goal('at least', requestsPerSecond, ratios.requestsPerSecond) }),
      },
      {
        figure: 'requests per CPU second',
        ratio: ratios.requestsPerCpuSecond,
        subject: subject.requestsPerCpuSecond,
        reference: reference.requestsPerCpuSecond,
        ...(requestsPerCpuSecond === undefined
          ? {}
          : { goal: goal('at least', requestsPerCpuSecond, ratios.requestsPerCpuSecond) }),
      },
      {
        figure: 'p99',
        ratio: ratios.p99,
        subject: subject.p99,
        reference: reference.p99,
        ...(p99 === undefined ? {} : { goal: goal('at most', p99, ratios.p99) }),
      },
    ],
  }
}
