/** A running gateway for the tests: two services, an authority in a temporary directory, a loopback "internet". */

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { type CertificateAuthority, openCertificateAuthority } from '../certificate-authority.ts'
import { type Gateway, type GatewayOptions, startGateway } from '../gateway.ts'
import { createHostTable } from '../host-table.ts'

export interface GatewayFixture {
  readonly gateway: Gateway
  readonly authority: CertificateAuthority
  readonly directory: string
  /** Labels that have a vault. */
  readonly vaults: Set<string>
  /** `level message fields`, as logged. */
  readonly logged: string[]
  readonly proxy: string
  stop(): Promise<void>
}

/** What a service of the fixture answers: which one it is, and what it was asked. */
export function describing(service: string): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    let bytes = 0
    const answer = () => {
      const { host, 'x-forwarded-host': forwarded, 'proxy-authorization': credentials } = request.headers
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ service, method: request.method, url: request.url, host, forwarded, credentials, bytes }),
      )
    }
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    if (request.readableEnded) answer()
    else request.on('end', answer)
  }
}

export async function startFixture(
  overrides: Partial<GatewayOptions> & { readonly vault?: RequestListener } = {},
): Promise<GatewayFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-'))
  const vaults = new Set(['kv1', 'kv2'])
  const logged: string[] = []
  const hosts = createHostTable([
    {
      pattern: 'login.microsoftonline.com',
      localPattern: 'login.keystead.localhost',
      listener: describing('login'),
      service: 'token service',
    },
    {
      pattern: '*.vault.azure.net',
      localPattern: '*.vault.keystead.localhost',
      listener: overrides.vault ?? describing('vault'),
      exists: (label) => vaults.has(label),
      service: 'Key Vault',
      howToCreate: (label) => `az keyvault create --name ${label}`,
    },
  ])
  const authority = await openCertificateAuthority({
    directory,
    permittedSuffixes: hosts.suffixes,
    clock: Date.now,
    seal: (plaintext) => plaintext,
    open: (sealed) => sealed,
  })
  const gateway = await startGateway({
    port: 0,
    hosts,
    authority,
    instanceMetadata: describing('metadata'),
    log: (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    ...overrides,
  })
  return {
    gateway,
    authority,
    directory,
    vaults,
    logged,
    proxy: `http://127.0.0.1:${gateway.port}`,
    async stop() {
      await gateway.close()
      await rm(directory, { recursive: true })
    },
  }
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Everything the gateway answers to raw bytes, until it closes the connection. */
export async function exchange(port: number, text: string | Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

/** A connection through CONNECT, with the head of the answer. */
export async function connectThrough(
  port: number,
  target: string,
  headers = '',
): Promise<{ readonly head: string; readonly socket: Socket }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${headers}\r\n`)
  let head = ''
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    head += chunk.toString('latin1')
  }
  socket.pause()
  return { head, socket }
}

/** A TLS connection to the gateway, checked against its authority. Rejects with the handshake's error. */
export async function secure(fixture: GatewayFixture, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({
    ...(options.socket ? {} : { port: fixture.gateway.port, host: '127.0.0.1' }),
    ca: fixture.authority.certificatePem,
    ALPNProtocols: ['http/1.1'],
    ...options,
  })
  await once(socket, 'secureConnect')
  return socket
}

/** One request over a connection, which is closed after it. */
export async function request(
  socket: Socket,
  text: string,
): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
  socket.write(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body }
}

export function get(host: string, path = '/', headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`
}
