/** Paths told by the patterns of `spec.metrics.http.pathMatching` (pkg/diagnostics/http_monitoring_path_matching.go). */
import { Router } from '../http/router.ts'

const anyMethod = ''

/** The label of a path: the pattern that it fits, else nothing, or with `keepOthers` itself. */
export function createPathMatcher(patterns: readonly string[], keepOthers: boolean): (path: string) => string {
  const router = new Router<string>()
  for (const given of patterns) {
    const pattern = normalize(given)
    add(router, pattern)
    if (!pattern.startsWith('/v1.0/invoke/')) add(router, `/v1.0/invoke/{app_id}/method${pattern}`)
  }
  return (path) => {
    const normal = normalize(path)
    return router.find(anyMethod, normal)?.route ?? (keepOthers ? normal : '')
  }
}

/** A slash at the end, or `{name...}`, stands for whatever follows, as in Go's ServeMux. */
function add(router: Router<string>, pattern: string): void {
  const path = pattern.replace(/\{[^/{}]*\.\.\.\}$/, '*').replace(/\/$/, '/*')
  router.add([], path, pattern)
}

function normalize(path: string): string {
  const single = path.replace(/\/{2,}/g, '/')
  return single.startsWith('/') ? single : `/${single}`
}
