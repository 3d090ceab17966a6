/** The path label of the HTTP metrics (pkg/diagnostics/http_monitoring_legacy.go). */

/** Cuts off what would make a label of every key: `/v1.0/state/store` for `/v1.0/state/store/key`. */
export function metricPath(path: string): string {
  const first = path.indexOf('/', 1)
  if (first < 0) return path
  const second = path.indexOf('/', first + 1)
  if (second < 0) return path
  const block = path.slice(first + 1, second)
  if (block === 'state' || block === 'secrets') {
    const third = path.indexOf('/', second + 1)
    return third < 0 ? path : path.slice(0, third)
  }
  const parts = path.slice(1).split('/')
  if (block === 'actors' && parts.length >= 5) {
    parts[3] = '{id}'
    return `/${parts.slice(0, 5).join('/')}`
  }
  if (block === 'workflows' && parts.length >= 4) {
    if (parts[4]?.startsWith('start')) return `/${parts.slice(0, 4).join('/')}/start`
    parts[3] = '{instanceId}'
    if (parts[4] === 'raiseEvent' && parts.length > 5) parts[5] = '{eventName}'
    return `/${parts.slice(0, parts[4] === 'raiseEvent' ? 6 : 5).join('/')}`
  }
  return path
}
