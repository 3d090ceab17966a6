/** What the server knows about a route besides how to answer it. */
import type { ApiAccessRule } from '../loading/configuration.ts'
import type { Exchange } from './exchange.ts'

export interface RouteDefinition {
  readonly methods: readonly string[]
  /** `v1.0`, `v1.0-alpha1`, … */
  readonly version: string
  /** `state/{storeName}/{key}` */
  readonly path: string
  /** The API's name in access rules. */
  readonly group: string
  /** The operation's name in the log of API calls. */
  readonly name: string
  readonly alwaysAllowed?: true
  readonly healthCheck?: true
  /** Answers now or later; what it throws or rejects with becomes the answer. */
  handle(exchange: Exchange): void | Promise<void>
}

/** The API allow and deny lists of the configuration, for HTTP (endpoints.Endpoint.IsAllowed). */
export function isRouteAllowed(
  route: Pick<RouteDefinition, 'version' | 'path' | 'group' | 'alwaysAllowed'>,
  allowed: readonly ApiAccessRule[],
  denied: readonly ApiAccessRule[],
): boolean {
  if (route.alwaysAllowed) return true
  if (matches(route, httpRules(denied))) return false
  const rules = httpRules(allowed)
  return rules.length === 0 || matches(route, rules)
}

function httpRules(rules: readonly ApiAccessRule[]): string[] {
  return rules
    .filter(({ protocol }) => protocol.toLowerCase() === 'http')
    .map(({ name, version }) => `${version}/${name}`)
}

function matches(route: Pick<RouteDefinition, 'version' | 'path' | 'group'>, rules: readonly string[]): boolean {
  // Rules say v1alpha1 where paths say v1.0-alpha1; the form of the path is understood as well.
  const group = `${route.version.replace('v1.0', 'v1').replace('-', '')}/${route.group}`
  return rules.some((rule) => rule === group || `${route.version}/${route.path}`.startsWith(rule))
}
