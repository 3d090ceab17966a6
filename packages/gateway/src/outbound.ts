/** Opens connections to foreign hosts, directly or through an upstream proxy, never to an address that is refused. */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction, connect as netConnect, type Socket } from 'node:net'
import { isPublicAddress } from './address-policy.ts'
import { ProxyError } from './proxy-error.ts'
import { formatTarget, type ProxyTarget } from './proxy-target.ts'

export interface OutboundOptions {
  /** `http://` or `https://`, with credentials for basic authentication where the proxy wants them. */
  readonly upstreamProxy?: string | undefined
  /** Whether the proxy may connect to an address; public ones by default. */
  readonly addressAllowed?: (address: string) => boolean
  /** All addresses of a name; the system's resolver by default. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
  /** Milliseconds until a connection must stand. */
  readonly connectTimeout: number
}

export interface Outbound {
  /** A connection to the target, through the upstream proxy's CONNECT where one was set. Rejects with ProxyError. */
  tunnel(target: ProxyTarget, signal: AbortSignal): Promise<{ readonly socket: Socket; readonly head: Buffer }>
  /** A plain request to the target, not yet sent. Rejects with ProxyError when its address is refused. */
  request(
    target: ProxyTarget,
    options: { readonly method: string; readonly path: string; readonly headers: readonly string[] },
  ): Promise<ClientRequest>
}

/** Throws a TypeError for an upstream proxy that is not an http or https URL. */
export function createOutbound(options: OutboundOptions): Outbound {
  const upstream = options.upstreamProxy === undefined ? undefined : parseUpstream(options.upstreamProxy)
  const allowed = options.addressAllowed ?? isPublicAddress
  const resolve = options.resolve ?? ((host) => lookup(host, { all: true }))

  /** The addresses to connect to, resolved once: connecting by name again could reach another address. */
  async function permittedAddresses(host: string): Promise<readonly LookupAddress[]> {
    const family = isIP(host)
    const addresses = family === 0 ? await resolve(host) : [{ address: host, family }]
    const permitted = addresses.filter(({ address }) => allowed(address))
    if (permitted.length > 0) return permitted
    const reason =
      family === 0
        ? `${host} leads to a loopback, link-local or private address, where this proxy does not connect`
        : `${host} is a loopback, link-local, private or reserved address, where this proxy does not connect`
    throw new ProxyError(403, `${reason}: list it in NO_PROXY`)
  }

  /** An upstream proxy may know names that this machine does not: only what resolves here to refused addresses is refused. */
  async function checkForUpstream(host: string): Promise<void> {
    try {
      await permittedAddresses(host)
    } catch (error) {
      if (error instanceof ProxyError) throw error
    }
    if (host === 'localhost' || host.endsWith('.localhost')) {
      throw new ProxyError(403, `${host} is this machine, where this proxy does not connect: list it in NO_PROXY`)
    }
  }

  return {
    async tunnel(target, signal) {
      if (upstream) {
        await checkForUpstream(target.host)
        return connectThrough(upstream, target, options.connectTimeout, signal)
      }
      const addresses = await permittedAddresses(target.host)
      return { socket: await connectDirectly(target, addresses, options.connectTimeout, signal), head: Buffer.alloc(0) }
    },

    async request(target, { method, path, headers }) {
      if (upstream) {
        await checkForUpstream(target.host)
        return upstream.request({
          ...upstream.options,
          method,
          path: `http://${formatTarget(target)}${path}`,
          headers: [...headers, ...Object.entries(upstream.headers).flat()],
        })
      }
      const addresses = await permittedAddresses(target.host)
      const { host, port } = target
      return httpRequest({ host, port, method, path, headers, agent: false, lookup: pinned(addresses) })
    },
  }
}

interface Upstream {
  readonly request: (options: RequestOptions) => ClientRequest
  readonly options: RequestOptions
  readonly headers: Record<string, string>
}

function parseUpstream(text: string): Upstream {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    // The text is left out: it may hold the proxy's password.
    throw new TypeError('the upstream proxy must be given as http://host:port or https://host:port')
  }
  const secure = url.protocol === 'https:'
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    request: secure ? httpsRequest : httpRequest,
    options: {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      agent: false,
      setHost: false,
    },
    headers:
      credentials === ':' ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` },
  }
}

function connectThrough(
  upstream: Upstream,
  target: ProxyTarget,
  timeout: number,
  signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly head: Buffer }> {
  const path = formatTarget(target)
  return new Promise((resolve, reject) => {
    const request = upstream.request({
      ...upstream.options,
      method: 'CONNECT',
      path,
      headers: { Host: path, ...upstream.headers },
      signal,
    })
    request.setTimeout(timeout, () => {
      request.destroy(new ProxyError(504, `the upstream proxy did not answer for ${path} in ${timeout} ms`))
    })
    request.once('error', reject)
    request.once('connect', (response, socket, head) => {
      socket.setTimeout(0)
      socket.on('error', reject)
      if (response.statusCode === 200) {
        resolve({ socket, head })
        return
      }
      socket.destroy()
      reject(
        new ProxyError(502, `the upstream proxy refused ${path}: ${response.statusCode} ${response.statusMessage}`),
      )
    })
    request.end()
  })
}

function connectDirectly(
  { host, port }: ProxyTarget,
  addresses: readonly LookupAddress[],
  timeout: number,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = netConnect({
      host,
      port,
      lookup: pinned(addresses),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      signal,
    })
    socket.setTimeout(timeout, () => {
      socket.destroy(new ProxyError(504, `${host} did not take the connection in ${timeout} ms`))
    })
    // Stays when the connection stands: an error then has no one to reject, and must not end the process either.
    socket.on('error', reject)
    socket.once('connect', () => {
      socket.setTimeout(0)
      resolve(socket)
    })
  })
}

/** A resolver that knows one answer. */
function pinned(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, options, callback) => {
    if (options.all) {
      callback(null, [...addresses])
      return
    }
    const [first] = addresses
    if (first) callback(null, first.address, first.family)
  }
}
