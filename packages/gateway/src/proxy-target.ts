/** Reads the target of a proxy request: the authority of a CONNECT, or the absolute form of a plain one (RFC 9112 section 3.2). */
import { isIPv4, isIPv6 } from 'node:net'
import { normalizeHost } from './host-table.ts'

export interface ProxyTarget {
  /** Lower case, without brackets, without the root's dot. */
  readonly host: string
  readonly port: number
}

const DNS_NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i

/** `host:port` or `[v6]:port`; undefined when it is anything else. */
export function parseAuthority(authority: string, defaultPort?: number): ProxyTarget | undefined {
  if (authority.length > 300) return undefined
  const match = /^(\[[^[\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(authority)
  const [, name, digits] = match ?? []
  const port = digits === undefined ? defaultPort : Number(digits)
  if (name === undefined || port === undefined || port < 1 || port > 65_535) return undefined
  if (name.startsWith('[')) {
    const address = name.slice(1, -1)
    // An address with a zone (%eth0) means something on this machine only.
    return isIPv6(address) && !address.includes('%') ? { host: address.toLowerCase(), port } : undefined
  }
  if (name.length > 254 || !DNS_NAME.test(name)) return undefined
  return { host: isIPv4(name) ? name : normalizeHost(name), port }
}

/** The parts of an absolute-form `http://authority/path?query`, the path exactly as it was sent. */
export function parseAbsoluteForm(url: string): (ProxyTarget & { readonly path: string }) | undefined {
  const match = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(url)
  const [, authority, rest] = match ?? []
  if (authority === undefined || rest === undefined) return undefined
  const target = parseAuthority(authority, 80)
  return target && { ...target, path: rest.startsWith('/') ? rest : `/${rest}` }
}

/** The target as it is written in a request. */
export function formatTarget({ host, port }: ProxyTarget): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}
