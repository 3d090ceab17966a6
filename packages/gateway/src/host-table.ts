/** Decides where a host name leads: to a service, to a refusal, or out to the network. */
import type { RequestListener } from 'node:http'

/** The suffix under which services answer without a proxy: these names resolve to loopback (RFC 6761 section 6.3). */
export const LOCAL_SUFFIX = 'keystead.localhost'

/** Where a host name leads. `unknown`: under a claimed suffix, but nobody created it: refused, never tunnelled. `foreign`: tunnelled untouched. */
export type HostRoute =
  | {
      readonly kind: 'service'
      readonly listener: RequestListener
      /** The Azure name, also when the client used a `.keystead.localhost` one. */
      readonly host: string
    }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'foreign' }

export interface HostTable {
  /** Takes a host as a client sends it: any case, with or without a trailing dot or a port. */
  route(host: string): HostRoute
  /** Every claimed suffix, for the CA's constraints. */
  readonly suffixes: readonly string[]
}

export interface HostEntry {
  /** A host (`login.microsoftonline.com`) or a suffix with one label before it (`*.vault.azure.net`). */
  readonly pattern: string
  /** The name without a proxy, e.g. `login.keystead.localhost` or `*.vault.keystead.localhost`; absent when there is one name only. */
  readonly localPattern?: string
  readonly listener: RequestListener
  /** For a suffix: whether the label was created. Without it every label is. */
  readonly exists?: (label: string) => boolean
  /** For a refusal, e.g. `Key Vault`. */
  readonly service: string
  /** For a refusal: the command that creates the label, e.g. `az keyvault create --name kv1 --resource-group GROUP`. */
  readonly howToCreate?: (label: string) => string
}

/** A route to a service, with what can take it away again. */
interface KnownRoute {
  readonly route: HostRoute
  readonly label: string
  readonly exists: ((label: string) => boolean) | undefined
}

interface SuffixEntry {
  readonly entry: HostEntry
  /** `.vault.azure.net`: what follows the label in the Azure name. */
  readonly azureSuffix: string
}

/** Hosts whose route is remembered as it was made; their existence is asked for every time. */
const MAXIMUM_KNOWN = 4096

const FOREIGN: HostRoute = { kind: 'foreign' }
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * A table of the hosts that Keystead answers for. A name below a claimed one is claimed as well, whether it leads
 * anywhere or not: a token made here must not reach the real service by a typing error.
 * Throws a TypeError for a pattern that is not a host name, or one claimed twice.
 */
export function createHostTable(entries: readonly HostEntry[]): HostTable {
  const exact = new Map<string, HostRoute>()
  /** By the host as a client sends it. */
  const known = new Map<string, KnownRoute>()
  const suffixes = new Map<string, SuffixEntry>()
  const claimed = new Set<string>([LOCAL_SUFFIX])
  for (const entry of entries) {
    const azure = parsePattern(entry.pattern)
    const local = parsePattern(entry.localPattern ?? entry.pattern)
    if (azure.wildcard !== local.wildcard) {
      throw new TypeError(`${entry.pattern} and ${entry.localPattern} must both have a label in front, or neither`)
    }
    if (entry.localPattern !== undefined && !local.name.endsWith(`.${LOCAL_SUFFIX}`)) {
      throw new TypeError(`${entry.localPattern} is not below ${LOCAL_SUFFIX}`)
    }
    claimed.add(azure.name)
    for (const name of new Set([azure.name, local.name])) {
      const table: Map<string, unknown> = azure.wildcard ? suffixes : exact
      if (table.has(name)) throw new TypeError(`${name} is claimed twice`)
      if (azure.wildcard) suffixes.set(name, { entry, azureSuffix: `.${azure.name}` })
      else exact.set(name, { kind: 'service', listener: entry.listener, host: azure.name })
    }
  }

  function remember(host: string, route: HostRoute): HostRoute {
    if (route.kind !== 'service') return route
    const label = route.host.slice(0, route.host.indexOf('.'))
    const exists = exact.has(route.host) ? undefined : suffixes.get(route.host.slice(label.length + 1))?.entry.exists
    if (known.size >= MAXIMUM_KNOWN) known.clear()
    known.set(host, { route, label, exists })
    return route
  }

  function routeLabel(label: string, { entry, azureSuffix }: SuffixEntry): HostRoute {
    if (!LABEL.test(label)) return { kind: 'unknown', reason: `"${printable(label)}" can not name a ${entry.service}` }
    const host = label + azureSuffix
    if (entry.exists && !entry.exists(label)) {
      const advice = entry.howToCreate?.(label) ?? 'create it with az or the Resource Manager API'
      const reason = `nobody created ${host}: this cloud has no ${entry.service} named "${label}". Check the name, or: ${advice}`
      return { kind: 'unknown', reason }
    }
    return { kind: 'service', listener: entry.listener, host }
  }

  function routeNormalized(host: string): HostRoute {
    if (host.length > 253) return { kind: 'unknown', reason: 'a host name has at most 253 characters' }
    const direct = exact.get(host)
    if (direct) return direct
    const dot = host.indexOf('.')
    const entry = dot > 0 ? suffixes.get(host.slice(dot + 1)) : undefined
    if (entry) return routeLabel(host.slice(0, dot), entry)
    for (let rest = host; ; rest = rest.slice(rest.indexOf('.') + 1)) {
      if (claimed.has(rest)) {
        return { kind: 'unknown', reason: `nothing answers at ${printable(host)}, which is claimed with ${rest}` }
      }
      if (!rest.includes('.')) return FOREIGN
    }
  }

  return {
    suffixes: [...claimed],
    route(host) {
      const seen = known.get(host)
      if (seen && (seen.exists === undefined || seen.exists(seen.label))) return seen.route
      return remember(host, routeNormalized(normalizeHost(host)))
    },
  }
}

/** Lower case, without a port, without the root's dot. */
export function normalizeHost(host: string): string {
  let name = host.toLowerCase()
  if (!name.startsWith('[')) {
    const colon = name.indexOf(':')
    // More than one colon is an IPv6 address without brackets, which has no port.
    if (colon >= 0 && colon === name.lastIndexOf(':')) name = name.slice(0, colon)
  }
  return name.endsWith('.') ? name.replace(/\.+$/, '') : name
}

/** Cuts a client's string to what can stand in a status line or a log line: visible ASCII, 253 characters. */
export function printable(text: string): string {
  const visible = text.slice(0, 253).replace(/[^\x21-\x7e]/g, '?')
  return text.length > 253 ? `${visible}...` : visible
}

function parsePattern(pattern: string): { readonly name: string; readonly wildcard: boolean } {
  const wildcard = pattern.startsWith('*.')
  const name = wildcard ? pattern.slice(2) : pattern
  if (!name.includes('.') || !name.split('.').every((label) => LABEL.test(label))) {
    throw new TypeError(`"${pattern}" is not a host name or "*." and a suffix, in lower case`)
  }
  return { name, wildcard }
}
