/** Decides where a host name leads: to a service, to a refusal, or out to the network. */
import type { RequestListener } from 'node:http'

/** The suffix under which services answer without a proxy: these names resolve to loopback (RFC 6761 section 6.3). */
export const LOCAL_SUFFIX = 'keystead.localhost'

/** Loopback ports of another process that answers for a host: it takes TLS connections and plain HTTP itself. */
export interface LoopbackPorts {
  readonly secure: number
  readonly plain: number
}

/**
 * Where a host name leads. `elsewhere`: its connections are handed to another process untouched. `unknown`: under a claimed suffix, but nobody
 * created it: refused, never tunnelled. `foreign`: tunnelled untouched.
 */
export type HostRoute =
  | {
      readonly kind: 'service'
      readonly listener: RequestListener
      /** The Azure name, also when the client used a `.keystead.localhost` one. */
      readonly host: string
    }
  | {
      readonly kind: 'elsewhere'
      /** Undefined while the other process does not listen. */
      readonly ports: () => LoopbackPorts | undefined
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

export type HostEntry = HostName & (AnsweredHere | AnsweredElsewhere)

interface AnsweredHere {
  readonly listener: RequestListener
}

interface AnsweredElsewhere {
  readonly ports: () => LoopbackPorts | undefined
}

interface HostName {
  /**
   * A host (`login.microsoftonline.com`), a suffix with one label before it (`*.vault.azure.net`), or one with any number
   * of labels (`**.azurecontainerapps.io`), which are then together what this calls the label.
   */
  readonly pattern: string
  /** The name without a proxy, e.g. `login.keystead.localhost` or `*.vault.keystead.localhost`; absent when there is one name only. */
  readonly localPattern?: string
  /** For a suffix: whether the label was created. Without it every label is. */
  readonly exists?: (label: string) => boolean
  /** For a refusal, e.g. `Key Vault`. */
  readonly service: string
  /** For a refusal: the command that creates the label, e.g. `az keyvault create --name kv1 --resource-group GROUP`. */
  readonly howToCreate?: (label: string) => string
}

/** A route, with what can take it away again where something can. */
interface FoundRoute {
  readonly route: HostRoute
  readonly exists?: (() => boolean) | undefined
}

interface SuffixEntry {
  readonly entry: HostEntry
  /** `.vault.azure.net`: what follows the label in the Azure name. */
  readonly azureSuffix: string
}

interface Pattern {
  readonly name: string
  readonly front: 'nothing' | 'one label' | 'labels'
}

/** Hosts whose route is remembered as it was made; their existence is asked for every time. */
const MAXIMUM_KNOWN = 4096

const FOREIGN: FoundRoute = { route: { kind: 'foreign' } }
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * A table of the hosts that Keystead answers for. A name below a claimed one is claimed as well, whether it leads
 * anywhere or not: a token made here must not reach the real service by a typing error.
 * Throws a TypeError for a pattern that is not a host name, or one claimed twice.
 */
export function createHostTable(entries: readonly HostEntry[]): HostTable {
  const exact = new Map<string, FoundRoute>()
  /** By the host as a client sends it. */
  const known = new Map<string, FoundRoute>()
  const suffixes = new Map<string, SuffixEntry>()
  const deepSuffixes = new Map<string, SuffixEntry>()
  const claimed = new Set<string>([LOCAL_SUFFIX])
  for (const entry of entries) {
    const azure = parsePattern(entry.pattern)
    const local = parsePattern(entry.localPattern ?? entry.pattern)
    if (azure.front !== local.front) {
      throw new TypeError(`${entry.pattern} and ${entry.localPattern} must have the same before their names`)
    }
    if (entry.localPattern !== undefined && !local.name.endsWith(`.${LOCAL_SUFFIX}`)) {
      throw new TypeError(`${entry.localPattern} is not below ${LOCAL_SUFFIX}`)
    }
    claimed.add(azure.name)
    for (const name of new Set([azure.name, local.name])) {
      const tables = azure.front === 'nothing' ? [exact] : [suffixes, deepSuffixes]
      if (tables.some((table) => table.has(name))) throw new TypeError(`${name} is claimed twice`)
      if (azure.front === 'nothing') exact.set(name, { route: routeTo(entry, azure.name) })
      else (azure.front === 'labels' ? deepSuffixes : suffixes).set(name, { entry, azureSuffix: `.${azure.name}` })
    }
  }

  function find(host: string): FoundRoute {
    if (host.length > 253) return unknown('a host name has at most 253 characters')
    const direct = exact.get(host)
    if (direct) return direct
    const dot = host.indexOf('.')
    const entry = dot > 0 ? suffixes.get(host.slice(dot + 1)) : undefined
    if (entry) return routeLabel(host.slice(0, dot), entry)
    for (let start = 0; ; start = host.indexOf('.', start) + 1) {
      const rest = host.slice(start)
      const deep = start > 1 ? deepSuffixes.get(rest) : undefined
      if (deep) return routeLabel(host.slice(0, start - 1), deep)
      if (claimed.has(rest)) {
        return unknown(`nothing answers at ${printable(host)}, which is claimed with ${rest}`)
      }
      if (!rest.includes('.')) return FOREIGN
    }
  }

  return {
    suffixes: [...claimed],
    route(host) {
      const seen = known.get(host)
      if (seen && (seen.exists === undefined || seen.exists())) return seen.route
      const found = find(normalizeHost(host))
      const { kind } = found.route
      if (kind === 'unknown' || kind === 'foreign') return found.route
      if (known.size >= MAXIMUM_KNOWN) known.clear()
      known.set(host, found)
      return found.route
    },
  }
}

function routeTo(entry: HostEntry, host: string): HostRoute {
  return 'listener' in entry
    ? { kind: 'service', listener: entry.listener, host }
    : { kind: 'elsewhere', ports: entry.ports, host }
}

function routeLabel(label: string, { entry, azureSuffix }: SuffixEntry): FoundRoute {
  if (!label.split('.').every((part) => LABEL.test(part))) {
    return unknown(`"${printable(label)}" can not name a ${entry.service}`)
  }
  const host = label + azureSuffix
  const exists = entry.exists && (() => entry.exists?.(label) === true)
  if (exists && !exists()) {
    const advice = entry.howToCreate?.(label) ?? 'create it with az or the Resource Manager API'
    return unknown(
      `nobody created ${host}: this cloud has no ${entry.service} named "${label}". Check the name, or: ${advice}`,
    )
  }
  return { route: routeTo(entry, host), exists }
}

function unknown(reason: string): FoundRoute {
  return { route: { kind: 'unknown', reason } }
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

function parsePattern(pattern: string): Pattern {
  const [, stars, name = ''] = /^(\*{1,2}\.)?(.*)$/.exec(pattern) ?? []
  if (!name.includes('.') || !name.split('.').every((label) => LABEL.test(label))) {
    throw new TypeError(`"${pattern}" is not a host name or "*." or "**." and a suffix, in lower case`)
  }
  return { name, front: stars === undefined ? 'nothing' : stars === '*.' ? 'one label' : 'labels' }
}
