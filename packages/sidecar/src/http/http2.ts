/**
 * HTTP/2 without TLS on the API's port, by prior knowledge (RFC 9113, section 3.3) or upgrade: each stream becomes a request to the
 * HTTP/1.1 server itself, so that there is one API. A connection of HTTP/1.1 pays nothing for it.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http'
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { type Duplex, duplexPair, PassThrough, pipeline, type Transform } from 'node:stream'
import { http } from './builtin.ts'
import { asksForHttp2, switching, withFirstStream } from './http2-upgrade.ts'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** What Node's parser says of a connection that begins with HTTP/2's preface. */
interface ParseError extends NodeJS.ErrnoException {
  readonly bytesParsed?: number
  readonly rawPacket?: Buffer
}

// What HTTP/2 has none of (RFC 9113, section 8.2.2).
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/** Refusals of the parser go to `refuse`, but for connections that speak HTTP/2. */
export function acceptHttp2(server: Server, refuse: (error: ParseError, socket: Duplex) => void): void {
  const taken = new WeakSet<Duplex>()
  const sessions = new Set<ServerHttp2Session>()
  let http2: Http2Server | undefined

  server.on('clientError', (error: ParseError, socket: Duplex) => {
    // The parser of a connection that was taken goes on waiting for a request line.
    if (taken.has(socket)) return
    if (error.code !== 'HPE_PAUSED_H2_UPGRADE') {
      refuse(error, socket)
      return
    }
    taken.add(socket)
    http2 ??= createHttp2Server(server, sessions)
    const begun = Buffer.concat([preface, error.rawPacket?.subarray(error.bytesParsed) ?? Buffer.alloc(0)])
    http2.emit('connection', release(socket, begun))
  })

  const upgradable: Server & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean } = server
  upgradable.shouldUpgradeCallback = asksForHttp2
  server.on('upgrade', (request, socket, head) => {
    http2 ??= createHttp2Server(server, sessions)
    socket.write(switching)
    http2.emit('connection', release(socket, head, withFirstStream(request)))
  })

  // Node's own does not know these: one that has no streams ends, one that has some ends after them.
  const closeIdle = server.closeIdleConnections.bind(server)
  server.closeIdleConnections = () => {
    closeIdle()
    for (const session of sessions) if (!session.closed) session.close()
  }
}

/**
 * Takes the connection from the HTTP/1.1 parser. HTTP/2 gets a stream of its own in its place: the parser holds on to the
 * socket's native handle, which HTTP/2 would read from.
 */
function release(socket: Duplex, begun: Buffer, through: Transform = new PassThrough()): Duplex {
  for (const event of ['data', 'error', 'drain', 'timeout']) socket.removeAllListeners(event)
  const [near, far] = duplexPair()
  through.write(begun)
  pipeline(socket, through, near, socket, () => {
    socket.destroy()
    far.destroy()
  })
  far.once('close', () => near.destroy())
  const { remoteAddress, remotePort } = socket as Socket
  return Object.assign(far, { remoteAddress, remotePort })
}

function createHttp2Server(server: Server, sessions: Set<ServerHttp2Session>): Http2Server {
  const created = process.getBuiltinModule('node:http2').createServer()
  created.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
  })
  created.on('stream', (stream, headers) => forward(server, stream, headers))
  return created
}

function forward(server: Server, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const [near, far] = duplexPair()
  const { remoteAddress, remotePort } = stream.session?.socket ?? {}
  server.emit('connection', Object.assign(far, { remoteAddress, remotePort }))
  const request = http.request({
    createConnection: () => near,
    method: String(headers[':method']),
    path: String(headers[':path'] ?? '/'),
    headers: requestHeaders(headers),
    setHost: false,
  })
  request.on('response', (response) => {
    if (stream.destroyed) return
    stream.respond({ ':status': response.statusCode ?? 502, ...responseHeaders(response) })
    // Whoever was answered before the end of its body need not send the rest (RFC 9113, section 8.1).
    pipeline(response, stream, () => stream.close())
  })
  request.on('error', () => stream.close(2))
  stream.on('error', () => request.destroy())
  stream.on('close', () => {
    request.destroy()
    near.destroy()
    // One side of a pair does not see the other go.
    far.destroy()
  })
  stream.pipe(request)
}

function requestHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const given: Record<string, string | string[]> = { host: String(headers[':authority'] ?? headers.host ?? '') }
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || hopByHop.has(name)) continue
    given[name] = value
  }
  return { ...given, connection: 'close' }
}

function responseHeaders({ headersDistinct }: IncomingMessage): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(headersDistinct).flatMap(([name, values]) =>
      values && !hopByHop.has(name) ? [[name, values]] : [],
    ),
  )
}
