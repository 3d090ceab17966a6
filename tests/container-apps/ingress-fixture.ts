/** A gateway with the ingress behind it, and servers that stand for replicas. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { Ingress, type IngressSpec, type Replicas } from '@keystead/container-apps'
import { createHostTable, openCertificateAuthority, startGateway } from '@keystead/gateway'
import { ProxyAgent } from 'undici'

export const DOMAIN = 'kindsea-1a2b3c4d.westeurope.azurecontainerapps.io'

/** Replicas that a test adds and takes away. */
export class TestReplicas implements Replicas {
  readonly #addresses = new Map<string, string[]>()
  readonly #listeners = new Set<(appId: string, revision: string) => void>()
  readonly woken: string[] = []
  /** What `wake` does and answers; by default nothing comes. */
  onWake: (revision: string) => boolean = () => false

  addresses(_appId: string, revision: string): readonly string[] {
    return this.#addresses.get(revision) ?? []
  }

  wake(_appId: string, revision: string): boolean {
    this.woken.push(revision)
    return this.onWake(revision)
  }

  onChange(listener: (appId: string, revision: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(appId: string, revision: string, addresses: readonly string[]): void {
    this.#addresses.set(revision, [...addresses])
    for (const listener of this.#listeners) listener(appId, revision)
  }
}

export class IngressFixture implements AsyncDisposable {
  readonly replicas: TestReplicas
  readonly ingress: Ingress
  readonly gatewayPort: number
  readonly ca: string
  readonly caPath: string
  /** undici through the gateway, which speaks HTTP/2. */
  readonly dispatcher: ProxyAgent
  readonly http1Dispatcher: ProxyAgent
  readonly #resources: AsyncDisposableStack
  readonly #servers = new Set<Server>()

  private constructor(
    parts: Pick<
      IngressFixture,
      'replicas' | 'ingress' | 'gatewayPort' | 'ca' | 'caPath' | 'dispatcher' | 'http1Dispatcher'
    >,
    resources: AsyncDisposableStack,
  ) {
    this.replicas = parts.replicas
    this.ingress = parts.ingress
    this.gatewayPort = parts.gatewayPort
    this.ca = parts.ca
    this.caPath = parts.caPath
    this.dispatcher = parts.dispatcher
    this.http1Dispatcher = parts.http1Dispatcher
    this.#resources = resources
  }

  static async start(): Promise<IngressFixture> {
    await using resources = new AsyncDisposableStack()
    const directory = await mkdtemp(join(tmpdir(), 'keystead-ingress-'))
    resources.defer(() => rm(directory, { recursive: true, force: true }))
    const hosts = createHostTable([
      {
        pattern: '**.azurecontainerapps.io',
        localPattern: '**.apps.keystead.localhost',
        service: 'container app',
        ports: () => ingress.ports,
        exists: (labels) => `${labels}.azurecontainerapps.io`.endsWith(`.${DOMAIN}`),
      },
    ])
    const authority = await openCertificateAuthority({
      directory,
      permittedSuffixes: hosts.suffixes,
      clock: Date.now,
      seal: (plaintext) => plaintext,
      open: (sealed) => sealed,
    })
    const replicas = new TestReplicas()
    const ingress = await Ingress.start({
      replicas,
      ports: { plain: 0, secure: 0 },
      secureContext: (host) => authority.secureContext(host),
      log: () => {},
    })
    resources.defer(() => ingress.close())
    const gateway = await startGateway({
      port: 0,
      hosts,
      authority,
      instanceMetadata: (_request, response) => response.writeHead(404).end(),
      log: () => {},
    })
    resources.defer(() => gateway.close())
    const ca = authority.certificatePem
    const proxy = { uri: `http://127.0.0.1:${gateway.port}`, requestTls: { ca } }
    const dispatcher = new ProxyAgent(proxy)
    resources.defer(() => dispatcher.destroy())
    const http1Dispatcher = new ProxyAgent({ ...proxy, allowH2: false })
    resources.defer(() => http1Dispatcher.destroy())
    return new IngressFixture(
      {
        replicas,
        ingress,
        gatewayPort: gateway.port,
        ca,
        caPath: authority.certificatePath,
        dispatcher,
        http1Dispatcher,
      },
      resources.move(),
    )
  }

  /** An app whose revisions' replicas are servers with these listeners; all traffic goes to the first one. */
  async app(
    appName: string,
    revisions: Readonly<Record<string, readonly RequestListener[]>>,
    spec: Partial<IngressSpec> = {},
  ): Promise<{ readonly host: string; readonly appId: string; readonly servers: readonly Server[] }> {
    const appId = `/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/${appName}`
    const servers: Server[] = []
    for (const [revision, listeners] of Object.entries(revisions)) {
      const addresses: string[] = []
      for (const listener of listeners) {
        const server = spec.transport === 'http2' ? createHttp2Server(listener as never) : createServer(listener)
        servers.push(server as Server)
        addresses.push(await this.listen(server as Server))
      }
      this.replicas.set(appId, revision, addresses)
    }
    const place = { appId, appName, environmentId: 'e', environmentName: 'env', defaultDomain: DOMAIN }
    const [first = ''] = Object.keys(revisions)
    this.ingress.route({
      place,
      external: true,
      transport: 'auto',
      allowInsecure: false,
      stickySessions: false,
      traffic: [{ revision: first, weight: 100 }],
      ipRestrictions: [],
      ...spec,
    })
    return { host: `${appName}.${DOMAIN}`, appId, servers }
  }

  /** Its address, as a replica's. */
  async listen(server: Server): Promise<string> {
    this.#servers.add(server)
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#resources.defer(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        }),
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** curl with the variables of a shell that uses the cloud; answers what it printed. */
  async curl(...args: readonly string[]): Promise<string> {
    const proxy = `http://127.0.0.1:${this.gatewayPort}`
    const { stdout } = await promisify(execFile)('curl', ['--silent', '--show-error', '--max-time', '20', ...args], {
      env: {
        ...process.env,
        HTTPS_PROXY: proxy,
        https_proxy: proxy,
        http_proxy: proxy,
        CURL_CA_BUNDLE: this.caPath,
        NO_PROXY: '',
        no_proxy: '',
      },
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  }

  /** A TLS connection to an app, by CONNECT. */
  async connect(host: string, alpn: 'h2' | 'http/1.1'): Promise<TLSSocket> {
    const tunnel = await new Promise<Socket>((resolve, reject) => {
      const asked = httpRequest({ port: this.gatewayPort, method: 'CONNECT', path: `${host}:443`, agent: false })
      asked.once('connect', (answer, socket) =>
        answer.statusCode === 200 ? resolve(socket) : reject(new Error(`${answer.statusCode} ${answer.statusMessage}`)),
      )
      asked.once('error', reject)
      asked.end()
    })
    return await new Promise((resolve, reject) => {
      const socket = connectTls({ socket: tunnel, servername: host, ca: this.ca, ALPNProtocols: [alpn] }, () =>
        resolve(socket),
      )
      socket.once('error', reject)
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync()
  }
}
