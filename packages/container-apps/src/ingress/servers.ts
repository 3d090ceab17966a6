/** The two loopback servers of the ingress: one for plain HTTP/1.1, one for TLS with HTTP/2 and HTTP/1.1. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { ClientRequest, ClientResponse } from './exchange.ts'

const MAXIMUM_HEADER_BYTES = 65_536
/** Milliseconds for a request's head, for a whole request with a body that takes long, and between two requests. */
const HEADERS_TIMEOUT = 30_000
const REQUEST_TIMEOUT = 3_600_000
const KEEP_ALIVE_TIMEOUT = 60_000

export interface IngressServersOptions {
  readonly secureContext: (host: string) => Promise<SecureContext>
  readonly onRequest: (request: ClientRequest, response: ClientResponse, secure: boolean) => void
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, secure: boolean) => void
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export class IngressServers {
  readonly #plain: Server
  readonly #secure: Http2SecureServer
  readonly #sockets = new Set<Socket>()

  constructor({ secureContext, onRequest, onUpgrade, log }: IngressServersOptions) {
    const options = {
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
      maxHeaderSize: MAXIMUM_HEADER_BYTES,
      // Others, such as the h2c that Java offers, are ignored (RFC 9110 section 7.8).
      shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
    }
    this.#plain = createServer(options, (request, response) => onRequest(request, response, false))
    this.#secure = createSecureServer(
      {
        ...options,
        allowHTTP1: true,
        // In megabytes, of what all streams of one connection hold: beyond it they are refused.
        maxSessionMemory: 64,
        SNICallback: (name, callback) => {
          secureContext(name).then(
            (context) => callback(null, context),
            (error: unknown) => {
              log('error', 'no certificate for an app', { host: name, error: String(error) })
              callback(null, undefined)
            },
          )
        },
      },
      (request, response) => onRequest(request, response, true),
    )
    // A client that goes away while a stream or a handshake is open is no failure of ours.
    this.#secure.on('sessionError', () => {})
    for (const [server, secure] of [
      [this.#plain, false],
      [this.#secure, true],
    ] as const) {
      server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on('error', () => socket.destroy())
        onUpgrade(request, socket, head, secure)
      })
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket)
        socket.once('close', () => this.#sockets.delete(socket))
      })
    }
  }

  get ports(): { readonly plain: number; readonly secure: number } {
    return { plain: portOf(this.#plain), secure: portOf(this.#secure) }
  }

  async listen(ports: { readonly plain: number; readonly secure: number }): Promise<void> {
    await Promise.all([listen(this.#plain, ports.plain), listen(this.#secure, ports.secure)])
  }

  /** What is being answered is broken off: who stops the platform stops the apps as well. */
  async close(): Promise<void> {
    const closed = [this.#plain, this.#secure].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    )
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }
}

function portOf(server: Server | Http2SecureServer): number {
  return (server.address() as AddressInfo).port
}

function listen(server: Server | Http2SecureServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
