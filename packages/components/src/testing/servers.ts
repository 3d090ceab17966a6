/** Loopback servers for the length of a test: HTTP, HTTPS, and a CONNECT proxy in front of them. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import type { IssuedCertificate } from './certificates.ts'

export interface TestServer {
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

async function listen(server: Server, scheme: string): Promise<TestServer> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export function startHttpServer(listener: RequestListener): Promise<TestServer> {
  return listen(createServer(listener), 'http')
}

export function startHttpsServer(identity: IssuedCertificate, listener: RequestListener): Promise<TestServer> {
  return listen(createSecureServer({ cert: identity.certificate, key: identity.key }, listener), 'https')
}

export interface TestProxy extends TestServer {
  /** What it was asked for: `CONNECT host:port`, or `GET http://…`. */
  readonly asked: string[]
}

/** Sends each claimed host to its loopback port; any other is answered 403 Forbidden. */
export async function startProxy(ports: Readonly<Record<string, number>>): Promise<TestProxy> {
  const asked: string[] = []
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end('answered by the proxy')
  })
  server.on('connect', (request, client) => {
    asked.push(`CONNECT ${request.url}`)
    const port = ports[request.url?.split(':')[0] ?? '']
    if (port === undefined) {
      client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    }
  })
  const { close, ...listening } = await listen(server, 'http')
  return {
    ...listening,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy()
      await close()
    },
  }
}
