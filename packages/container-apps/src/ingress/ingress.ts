/** The ingress: takes requests to apps by their host names, and sends each to a replica of the revision it is for. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { IngressSpec } from '../platform/platform.ts'
import { hostsOf, parseHost, splitHost } from './app-names.ts'
import { type AppRoute, appRoute } from './app-route.ts'
import { Concurrency } from './concurrency.ts'
import { allowsOrigin, answerHeaders, CORS_HEADERS, preflightHeaders } from './cors.ts'
import { type ClientRequest, type ClientResponse, Exchange, sendOwn } from './exchange.ts'
import { headersForApp, type Received } from './headers.ts'
import { Http1Apps } from './http1-apps.ts'
import { Http2Apps } from './http2-apps.ts'
import { NO_APP, NO_REPLICA, NOT_ADMITTED, type OwnAnswer, preflight, redirect, TIMED_OUT } from './own-answer.ts'
import { type Picked, ReplicaPicker } from './replica-picker.ts'
import type { Replicas } from './replicas.ts'
import { IngressServers } from './servers.ts'
import { affinityCookie, affinityIn, affinityOf } from './traffic.ts'
import { responseOn, takeOver } from './web-socket.ts'

/** Milliseconds that Azure's ingress gives a request. */
const REQUEST_TIMEOUT = 240_000
/** Hosts as clients send them whose app is remembered. */
const MAXIMUM_KNOWN_HOSTS = 4096

export interface IngressOptions {
  readonly replicas: Replicas
  /** Loopback ports; 0 picks a free one. `plain` takes HTTP/1.1, `secure` TLS with HTTP/2 and HTTP/1.1. */
  readonly ports: { readonly plain: number; readonly secure: number }
  /** The certificate for a host; rejects for one that gets none. */
  readonly secureContext: (host: string) => Promise<SecureContext>
  /** Milliseconds of any origin that only go forward; for the measure of concurrency. */
  readonly clock?: () => number
  /** At least 0, less than 1. */
  readonly random?: () => number
  /** Milliseconds; 240 seconds by default. */
  readonly requestTimeout?: number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

/** Where a host leads. */
interface Target {
  readonly route: AppRoute
  /** The name asked for says which; otherwise the weights do. */
  readonly revision: string | undefined
  readonly local: boolean
  /** The Azure name. */
  readonly host: string
}

/** A request that a policy let through. */
interface Admitted {
  readonly route: AppRoute
  readonly revision: string
  /** Undefined when none is ready. */
  readonly address: string | undefined
  readonly headers: readonly string[]
  readonly added: string[]
  readonly overruled: ReadonlySet<string> | undefined
  /** Whether its client has to be told which replica it got. */
  readonly newAffinity: boolean
  readonly secure: boolean
}

export class Ingress {
  readonly #options: IngressOptions
  readonly #replicas: ReplicaPicker
  readonly #clock: () => number
  readonly #timeout: number
  readonly #http1 = new Http1Apps()
  readonly #http2 = new Http2Apps()
  readonly #routes = new Map<string, AppRoute>()
  readonly #byHost = new Map<string, AppRoute>()
  /** By the host as a client sends it. */
  readonly #known = new Map<string, Target>()
  /** By app, then by revision. */
  readonly #concurrency = new Map<string, Map<string, Concurrency>>()
  readonly #servers: IngressServers

  private constructor(options: IngressOptions) {
    this.#options = options
    this.#replicas = new ReplicaPicker(options.replicas)
    this.#clock = options.clock ?? (() => performance.now())
    this.#timeout = options.requestTimeout ?? REQUEST_TIMEOUT
    this.#servers = new IngressServers({
      secureContext: options.secureContext,
      log: options.log,
      onRequest: (request, response, secure) => this.#answer(request, response, secure),
      onUpgrade: (request, socket, head, secure) => this.#upgrade(request, socket, head, secure),
    })
  }

  /** Rejects with code EADDRINUSE when a port is taken. */
  static async start(options: IngressOptions): Promise<Ingress> {
    const ingress = new Ingress(options)
    await ingress.#servers.listen(options.ports)
    return ingress
  }

  get ports(): { readonly plain: number; readonly secure: number } {
    return this.#servers.ports
  }

  /** Begins or replaces the routes of an app. Throws a RangeError for an IP restriction that is none. */
  route(spec: IngressSpec): void {
    const route = appRoute(spec, this.#options.random ?? Math.random)
    this.#forget(route.appId)
    this.#routes.set(keyOf(route.appId), route)
    for (const host of hostsOf(spec.place, spec.external)) this.#byHost.set(host, route)
  }

  unroute(appId: string): void {
    this.#forget(appId)
    this.#concurrency.delete(keyOf(appId))
  }

  /** Of a revision's requests, since it was last asked. */
  sampleConcurrency(appId: string, revision: string): ReturnType<Concurrency['sample']> {
    return this.#concurrencyOf(appId, revision).sample()
  }

  async close(): Promise<void> {
    this.#replicas.close()
    await this.#servers.close()
    this.#http2.close()
    await this.#http1.close()
  }

  #forget(appId: string): void {
    const route = this.#routes.get(keyOf(appId))
    if (!route) return
    this.#routes.delete(keyOf(appId))
    for (const [host, of] of this.#byHost) if (of === route) this.#byHost.delete(host)
    this.#known.clear()
  }

  #find(asked: string): Target | undefined {
    const known = this.#known.get(asked)
    if (known) return known
    const { host, local } = parseHost(asked)
    const named = splitHost(host)
    const route = this.#byHost.get(named?.appHost ?? host)
    if (!route) return undefined
    const revision = named && ('revision' in named ? named.revision : route.labels.get(named.label))
    if (named && revision === undefined) return undefined
    const target = { route, revision, local, host }
    if (this.#known.size >= MAXIMUM_KNOWN_HOSTS) this.#known.clear()
    this.#known.set(asked, target)
    return target
  }

  /** What becomes of a request: an answer of the ingress' own, or where it goes. */
  #admit(request: Received & { readonly url?: string; readonly method?: string }, peer: string, secure: boolean) {
    const { headers } = request
    const asked = String(headers[':authority'] ?? headers.host ?? '')
    const target = this.#find(asked)
    if (!target || target.route.spec.transport === 'tcp') return NO_APP
    const { route, local, host } = target
    const { spec } = route
    if (!secure && !local && !spec.allowInsecure) return redirect(`https://${host}${request.url}`)
    if (!route.admits(peer)) return NOT_ADMITTED
    const added: string[] = []
    let overruled: ReadonlySet<string> | undefined
    const { origin } = headers
    if (spec.cors && origin !== undefined && allowsOrigin(spec.cors, origin)) {
      if (request.method === 'OPTIONS' && headers['access-control-request-method'] !== undefined) {
        return preflight(preflightHeaders(spec.cors, origin))
      }
      added.push(...answerHeaders(spec.cors, origin))
      overruled = CORS_HEADERS
    }
    const kept = spec.stickySessions ? this.#keptReplica(target, headers.cookie) : undefined
    const revision = kept?.revision ?? target.revision ?? route.pickRevision()
    if (revision === undefined) return NO_APP
    return {
      route,
      revision,
      address: kept?.address ?? this.#replicas.pick(route.appId, revision),
      headers: headersForApp(request, { host, askedHost: asked, peer, secure, requestId: randomUUID }),
      added,
      overruled,
      newAffinity: spec.stickySessions && !kept,
      secure,
    } satisfies Admitted
  }

  /** The replica that a client's cookie says it had, while it is there. */
  #keptReplica({ route, revision }: Target, cookies: string | undefined) {
    const affinity = affinityIn(cookies)
    if (affinity === undefined) return undefined
    for (const candidate of revision === undefined ? route.weighted : [revision]) {
      for (const address of this.#replicas.addresses(route.appId, candidate)) {
        if (affinityOf(candidate, address) === affinity) return { revision: candidate, address }
      }
    }
    return undefined
  }

  #answer(request: ClientRequest, response: ClientResponse, secure: boolean): void {
    const admitted = this.#admit(request, request.socket.remoteAddress ?? '', secure)
    if ('status' in admitted) {
      request.resume()
      sendOwn(response, admitted)
      return
    }
    const concurrency = this.#concurrencyOf(admitted.route.appId, admitted.revision)
    concurrency.begin()
    if (admitted.address !== undefined) {
      this.#send(admitted, admitted.address, request, response, concurrency)
      return
    }
    const gone = new AbortController()
    const hungUp = () => gone.abort()
    response.once('close', hungUp)
    void this.#wait(admitted, gone.signal).then((picked) => {
      response.off('close', hungUp)
      if (typeof picked === 'object' && 'address' in picked) {
        this.#send(admitted, picked.address, request, response, concurrency)
        return
      }
      concurrency.end()
      if (picked) sendOwn(response, picked)
    })
  }

  #send(
    admitted: Admitted,
    address: string,
    request: ClientRequest,
    response: ClientResponse,
    concurrency: Concurrency,
  ): void {
    const exchange = new Exchange({
      request,
      response,
      address,
      headers: admitted.headers,
      added: withAffinity(admitted, address),
      overruled: admitted.overruled,
      timeout: this.#timeout,
      finished: () => concurrency.end(),
    })
    if (admitted.route.spec.transport === 'http2') this.#http2.send(exchange)
    else this.#http1.send(exchange)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, secure: boolean): void {
    const admitted = this.#admit(request, request.socket.remoteAddress ?? '', secure)
    if ('status' in admitted) {
      sendOwn(responseOn(request, socket), admitted)
      return
    }
    const concurrency = this.#concurrencyOf(admitted.route.appId, admitted.revision)
    concurrency.begin()
    const gone = new AbortController()
    const hungUp = () => gone.abort()
    socket.once('close', hungUp)
    const { address: ready } = admitted
    const picking = ready === undefined ? this.#wait(admitted, gone.signal) : Promise.resolve({ address: ready })
    void picking.then((picked) => {
      socket.off('close', hungUp)
      if (typeof picked !== 'object' || !('address' in picked)) {
        concurrency.end()
        if (picked) sendOwn(responseOn(request, socket), picked)
        return
      }
      const { address } = picked
      takeOver({
        request,
        socket,
        head,
        address,
        headers: admitted.headers,
        added: withAffinity(admitted, address),
        timeout: this.#timeout,
        finished: () => concurrency.end(),
      })
    })
  }

  /** The replica that came, or what the client is told; undefined when the client is gone. */
  async #wait(admitted: Admitted, signal: AbortSignal): Promise<{ readonly address: string } | OwnAnswer | undefined> {
    const { route, revision } = admitted
    const picked: Picked = await this.#replicas.wait(route.appId, revision, this.#timeout, signal)
    if (picked === 'given up') return undefined
    if (picked === 'too late') return TIMED_OUT
    return picked === 'none' ? NO_REPLICA : picked
  }

  #concurrencyOf(appId: string, revision: string): Concurrency {
    const key = keyOf(appId)
    let revisions = this.#concurrency.get(key)
    if (!revisions) {
      revisions = new Map()
      this.#concurrency.set(key, revisions)
    }
    let concurrency = revisions.get(revision)
    if (!concurrency) {
      concurrency = new Concurrency(this.#clock)
      revisions.set(revision, concurrency)
    }
    return concurrency
  }
}

/** Resource ids do not differ by case. */
function keyOf(appId: string): string {
  return appId.toLowerCase()
}

function withAffinity({ added, newAffinity, revision, secure }: Admitted, address: string): readonly string[] {
  return newAffinity ? [...added, 'set-cookie', affinityCookie(affinityOf(revision, address), secure)] : added
}
