/** What has to be ready before the sidecar says it is (pkg/healthz). */

export interface Health {
  readonly ready: boolean
  readonly unhealthy: readonly string[]
  /** Registers a target as not ready; the function it gives marks it ready. */
  target(name: string): () => void
}

export function createHealth(): Health {
  const unhealthy = new Set<string>()
  let targets = 0
  return {
    get ready() {
      return targets > 0 && unhealthy.size === 0
    },
    get unhealthy() {
      return [...unhealthy]
    },
    target(name) {
      targets++
      unhealthy.add(name)
      return () => unhealthy.delete(name)
    },
  }
}
