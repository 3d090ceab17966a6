/** Trip expressions of circuit breakers, written in CEL. */
import { type CelInput, celEnv, parse, plan } from '@bufbuild/cel'
import type { CircuitCounts } from './circuit-breaker.ts'

/** The expression as a function; false where it fails or is no bool, as in daprd. Throws what the parser throws. */
export function compileTrip(expression: string): (counts: Readonly<CircuitCounts>) => boolean {
  const evaluate = plan(celEnv(), parse(expression))
  return (counts) => {
    const bindings: Record<string, CelInput> = {}
    for (const [name, value] of Object.entries(counts)) bindings[name] = BigInt(value)
    try {
      return evaluate(bindings) === true
    } catch {
      return false
    }
  }
}
