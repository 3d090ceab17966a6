/** The server every client comes in by: one loopback port that takes TLS, proxy requests and plain HTTP. */
import type { LookupAddress } from 'node:dns'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { CertificateAuthority } from './certificate-authority.ts'
import { handOver } from './hand-over.ts'
import { type HostTable, LOCAL_SUFFIX, normalizeHost, printable } from './host-table.ts'
import { createOutbound } from './outbound.ts'
import { forwardPlainRequest } from './plain-proxy.ts'
import { ProxyError, type ProxyStatus, refusalBytes, toProxyError } from './proxy-error.ts'
import { formatTarget, type ProxyTarget, parseAbsoluteForm, parseAuthority } from './proxy-target.ts'
import { joinSockets } from './tunnel.ts'

const INSTANCE_METADATA_HOST = '169.254.169.254'
/** The first byte of a TLS record that carries a handshake (RFC 8446 section 5.1); no HTTP method starts with it. */
const TLS_HANDSHAKE = 0x16
const MAXIMUM_HEADER_BYTES = 32_768

/** Bounds on what one client can hold; times in milliseconds. */
export interface GatewayLimits {
  /** Connections at a time; further ones are closed at once. */
  readonly connections: number
  /** From the connection's start to its first byte, and for a TLS handshake. */
  readonly handshakeTimeout: number
  /** For a request's line and headers. */
  readonly headersTimeout: number
  /** For a whole request; long, since a large blob is one request. */
  readonly requestTimeout: number
  /** Between two requests of one connection. */
  readonly keepAliveTimeout: number
  /** For a connection to a foreign host. */
  readonly connectTimeout: number
  /** For requests that are being answered when the gateway closes. */
  readonly drainTimeout: number
}

const DEFAULT_LIMITS: GatewayLimits = {
  connections: 4096,
  handshakeTimeout: 10_000,
  headersTimeout: 30_000,
  requestTimeout: 3_600_000,
  keepAliveTimeout: 60_000,
  connectTimeout: 15_000,
  drainTimeout: 5_000,
}

export interface GatewayOptions {
  /** Loopback only. 0 picks a free port. */
  readonly port: number
  readonly hosts: HostTable
  readonly authority: CertificateAuthority
  /** Answers plain-HTTP requests for 169.254.169.254 that come through the proxy. */
  readonly instanceMetadata: RequestListener
  /** A proxy for foreign hosts, e.g. `http://proxy.example:3128`, with credentials as `http://user:password@...`. */
  readonly upstreamProxy?: string
  /** Whether the proxy may connect to an address; by default to public ones only. */
  readonly addressAllowed?: (address: string) => boolean
  /** All addresses of a foreign name; by default the system's resolver. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
  readonly limits?: Partial<GatewayLimits>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface Gateway {
  readonly port: number
  /** Takes no more connections, waits for requests that are being answered, then closes what is left. */
  close(): Promise<void>
}

/**
 * Starts the CONNECT proxy and TLS server on one loopback port. Rejects with code EADDRINUSE when it is taken, and
 * with a TypeError for an upstream proxy that is not a URL.
 *
 * A service's listener gets requests whose `Host` header is the Azure name, lower case and without a port; where the
 * client used a `.keystead.localhost` name, that is in `x-forwarded-host`.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { hosts, authority, instanceMetadata, log } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  let outbound = createOutbound({ ...options, connectTimeout: limits.connectTimeout })
  const httpOptions = {
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: Math.min(limits.headersTimeout, 5_000),
    maxHeaderSize: MAXIMUM_HEADER_BYTES,
    // Java offers h2c on plain requests: an upgrade that is not taken is ignored (RFC 9110 section 7.8).
    shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
  }

  /** Every open connection, and those among them that no HTTP server looks after: silent so far, or tunnels. */
  const connections = new Set<Socket>()
  const unattended = new Set<Duplex>()
  /** The proxy credentials a metadata request was tunnelled with: its own headers do not carry them. */
  const tunnelCredentials = new WeakMap<Socket, string>()

  function callListener(listener: RequestListener, request: IncomingMessage, response: ServerResponse): void {
    const failed = (error: unknown) => {
      log('error', 'a service failed to answer', {
        host: request.headers.host,
        error: error instanceof Error ? error.name : typeof error,
      })
      if (response.headersSent) response.destroy()
      else answerText(response, 500, 'the service failed to answer: see the log')
    }
    try {
      const result: unknown = listener(request, response)
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  const secureServer = createHttpsServer(
    {
      ...httpOptions,
      // A request that has no body comes with its stream ended: a service that waits for `end` asks `readableEnded` first.
      optimizeEmptyRequests: true,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.handshakeTimeout,
      SNICallback: (name, callback) => {
        contextFor(name).then(
          // Without a context there is no certificate: the client gets the handshake_failure alert.
          (context) => callback(null, context),
          (error: unknown) => {
            log('error', 'no certificate', { host: printable(name), error: String(error) })
            callback(null, undefined)
          },
        )
      },
    },
    (request, response) => {
      const { host } = request.headers
      const name = request.socket instanceof TLSSocket ? request.socket.servername : false
      if (host === undefined || !name || (host !== name && normalizeHost(host) !== normalizeHost(name))) {
        answerText(response, 421, 'the Host header must be the name of the TLS connection')
        return
      }
      if (hasSecondHost(request)) {
        answerText(response, 400, 'a request has one Host header')
        return
      }
      if (!request.url?.startsWith('/')) {
        answerText(response, 400, 'the request target must be a path')
        return
      }
      const route = hosts.route(host)
      if (route.kind === 'elsewhere') {
        const name = normalizeHost(host)
        const plain = isLocalName(name) ? route.ports()?.plain : undefined
        const where = plain === undefined ? 'through the proxy' : `at http://${name}:${plain}`
        answerText(response, 421, `${route.host} answers ${where}, not here`)
        return
      }
      if (route.kind !== 'service') {
        answerText(response, 404, route.kind === 'unknown' ? route.reason : 'nothing answers at this name')
        return
      }
      if (request.headers['x-forwarded-host'] !== undefined) delete request.headers['x-forwarded-host']
      if (route.host !== host) {
        if (isLocalName(normalizeHost(host))) request.headers['x-forwarded-host'] = host
        request.headers.host = route.host
      }
      callListener(route.listener, request, response)
    },
  )

  async function contextFor(name: string): Promise<SecureContext | undefined> {
    const host = normalizeHost(name)
    return hosts.route(host).kind === 'foreign' ? undefined : authority.secureContext(host)
  }

  secureServer.on('tlsClientError', (error, socket) => {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
    if (/UNKNOWN_CA|CERTIFICATE_UNKNOWN|BAD_CERTIFICATE/.test(code)) {
      log('warn', 'a client does not trust the local certificate authority', {
        host: socket.servername ? printable(socket.servername) : undefined,
        certificate: authority.certificatePath,
      })
    }
  })

  const plainServer = createHttpServer(httpOptions, (request, response) => {
    const url = request.url ?? ''
    if (url.startsWith('/') || url === '*') answerPage(request, response)
    else answerProxyRequest(request, response, url)
  })

  const metadataServer = createHttpServer(httpOptions, (request, response) => {
    const credentials = tunnelCredentials.get(request.socket)
    if (credentials === undefined) delete request.headers['proxy-authorization']
    else request.headers['proxy-authorization'] = credentials
    callListener(instanceMetadata, request, response)
  })

  function answerProxyRequest(request: IncomingMessage, response: ServerResponse, url: string): void {
    const target = parseAbsoluteForm(url)
    if (!target) {
      answerText(response, 400, 'this proxy takes http:// URLs, and CONNECT for https')
      return
    }
    if (isInstanceMetadata(target)) {
      request.url = target.path
      request.headers.host = INSTANCE_METADATA_HOST
      callListener(instanceMetadata, request, response)
      return
    }
    const route = hosts.route(target.host)
    if (route.kind === 'unknown') answerText(response, 502, route.reason)
    else if (route.kind === 'service') answerText(response, 403, `${route.host} answers https only: use https://`)
    else {
      const way = route.kind === 'elsewhere' ? handOver(route, request.socket) : outbound
      void forwardPlainRequest(request, response, target, way, (error) => {
        log('info', 'refused a proxy request', { target: formatTarget(target), reason: error.message })
        answerText(response, error.status, error.message)
      })
    }
  }

  plainServer.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    void answerConnect(request, socket as Socket, head).catch((error: unknown) => {
      const refusal = toProxyError(error, request.url ?? '')
      log('info', 'refused CONNECT', { target: printable(request.url ?? ''), reason: refusal.message })
      refuseSocket(socket, refusal)
    })
  })

  async function answerConnect(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const target = parseAuthority(request.url ?? '')
    if (!target) throw new ProxyError(400, 'CONNECT takes host:port')
    if (isInstanceMetadata(target)) {
      const credentials = request.headers['proxy-authorization']
      if (credentials !== undefined) tunnelCredentials.set(socket, credentials)
      acceptConnect(socket, head)
      metadataServer.emit('connection', socket)
      return
    }
    const route = hosts.route(target.host)
    if (route.kind === 'unknown') throw new ProxyError(502, route.reason)
    if (route.kind === 'service') {
      if (target.port !== 443 && !isLocalName(target.host)) {
        throw new ProxyError(403, `${route.host} answers on port 443 only`)
      }
      acceptConnect(socket, head)
      handToSecureServer(socket)
      return
    }
    if (route.kind === 'elsewhere' && ![443, 80].includes(target.port) && !isLocalName(target.host)) {
      throw new ProxyError(403, `${route.host} answers on ports 443 and 80 only`)
    }
    unattended.add(socket)
    socket.once('close', () => unattended.delete(socket))
    const way = route.kind === 'elsewhere' ? handOver(route, socket) : outbound
    const abort = new AbortController()
    const hungUp = () => abort.abort()
    socket.once('close', hungUp)
    const server = await way.tunnel(target, abort.signal)
    socket.off('close', hungUp)
    if (socket.destroyed) {
      server.socket.destroy()
      return
    }
    acceptConnect(socket, head)
    if (server.head.length > 0) server.socket.unshift(server.head)
    joinSockets(socket, server.socket)
  }

  /** Tells by its first byte what a connection speaks, and leaves that byte to the server that speaks it. */
  function answerConnection(socket: Socket): void {
    connections.add(socket)
    unattended.add(socket)
    socket.once('close', () => {
      connections.delete(socket)
      unattended.delete(socket)
    })
    // Kept for the connection's whole life: whichever server has it now, an error must not end the process.
    socket.on('error', () => socket.destroy())
    const silent = () => socket.destroy()
    socket.setTimeout(limits.handshakeTimeout, silent)
    socket.once('end', silent)
    socket.once('readable', () => {
      const chunk: Buffer | null = socket.read()
      if (!chunk) return
      socket.off('timeout', silent)
      socket.off('end', silent)
      socket.setTimeout(0)
      unattended.delete(socket)
      socket.unshift(chunk)
      if (chunk[0] === TLS_HANDSHAKE) handToSecureServer(socket)
      else plainServer.emit('connection', socket)
    })
  }

  function handToSecureServer(socket: Socket): void {
    // TLS has no half-open connections; HTTP has.
    socket.allowHalfOpen = false
    secureServer.emit('connection', socket)
  }

  const httpServers = [secureServer, plainServer, metadataServer]
  const refused = new WeakSet<Duplex>()
  for (const server of httpServers) {
    server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
      // What still arrives after a refusal is no new error.
      if (refused.has(socket)) return
      refused.add(socket)
      const status = statusOfClientError(error.code ?? '')
      if (status === undefined || !socket.writable) socket.destroy()
      else refuseSocket(socket, new ProxyError(status, STATUS_CODES[status] ?? ''))
    })
    server.on('upgrade', (_request, socket: Duplex) => {
      socket.on('error', () => socket.destroy())
      refuseSocket(socket, new ProxyError(501, 'WebSocket connections are not implemented'))
    })
    // These servers are handed their connections and never listen themselves: this starts their timeouts.
    server.emit('listening')
  }

  const listener = createNetServer({ allowHalfOpen: true, noDelay: true }, answerConnection)
  listener.maxConnections = limits.connections
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen({ host: '127.0.0.1', port: options.port, exclusive: true }, () => {
      listener.off('error', reject)
      resolve()
    })
  })
  listener.on('error', (error) => log('error', 'the gateway can not take a connection', { error: error.message }))
  const { port } = listener.address() as AddressInfo
  if (isThisGateway(options.upstreamProxy, port)) {
    // Started from a shell that already had this gateway's variables: it would call itself without end.
    log('warn', 'the upstream proxy is this gateway itself: foreign hosts are reached directly', { port })
    outbound = createOutbound({ ...options, upstreamProxy: undefined, connectTimeout: limits.connectTimeout })
  }

  let closed: Promise<void> | undefined
  return {
    port,
    close() {
      closed ??= close()
      return closed
    },
  }

  async function close(): Promise<void> {
    const stopped = new Promise<void>((resolve) => listener.close(() => resolve()))
    const deadline = Date.now() + limits.drainTimeout
    const drain = () => {
      for (const server of httpServers) server.closeIdleConnections()
      const answering = [...connections].some((socket) => !unattended.has(socket))
      if (answering && Date.now() < deadline) return
      clearInterval(timer)
      for (const socket of connections) socket.destroy()
    }
    const timer = setInterval(drain, 25)
    drain()
    await stopped
    clearInterval(timer)
    // Ends the timers of servers that never listened; that they did not is the error they report.
    for (const server of httpServers) server.close(() => {})
  }
}

/** The status for an error of Node's HTTP parser; none for one of TLS or of the connection. */
function statusOfClientError(code: string): ProxyStatus | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return code.startsWith('HPE_') ? 400 : undefined
}

/** Node keeps the first Host and drops others, which RFC 9112 section 3.2 wants refused. */
function hasSecondHost({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

function isThisGateway(upstreamProxy: string | undefined, port: number): boolean {
  if (upstreamProxy === undefined) return false
  const url = new URL(upstreamProxy)
  return Number(url.port) === port && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
}

function isInstanceMetadata({ host, port }: ProxyTarget): boolean {
  return host === INSTANCE_METADATA_HOST && port === 80
}

function isLocalName(host: string): boolean {
  return host.endsWith(`.${LOCAL_SUFFIX}`)
}

function acceptConnect(socket: Socket, head: Buffer): void {
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
  if (head.length > 0) socket.unshift(head)
}

function refuseSocket(socket: Duplex, error: ProxyError): void {
  if (socket.destroyed) return
  socket.end(refusalBytes(error))
  // Read to the end, so that closing does not reset the connection before the client has the reason.
  socket.resume()
  setTimeout(() => socket.destroy(), 2_000).unref()
}

function answerText(response: ServerResponse, status: number, text: string): void {
  const body = `${text}\n`
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

function answerPage(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/healthz') {
    response.writeHead(204).end()
  } else if (request.url === '/') {
    answerText(
      response,
      200,
      'This is the Keystead gateway: an HTTP proxy that answers for Azure host names.\n' +
        '"keystead env" prints the variables that make a shell use it; "keystead doctor" says what is wrong.',
    )
  } else {
    answerText(response, 404, 'nothing is here: GET / says what this is')
  }
}
