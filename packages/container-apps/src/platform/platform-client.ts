/**
 * The core's side of the platform process: it starts it, starts it again when it dies and hands over what it was given,
 * so that a platform that was killed comes back with the same apps.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { type FromPlatform, fromPlatform, type LogSource, revisionKey, type ToPlatform } from './messages.ts'
import type {
  IngressSpec,
  LogLine,
  Platform,
  RevisionRefresh,
  RevisionSpec,
  RevisionStatus,
  SystemEvent,
} from './platform.ts'
import { baseEnvironment } from './replica-environment.ts'
import { platformSettings } from './settings.ts'

export interface PlatformOptions extends z.input<typeof platformSettings> {
  /** A replica's way to tokens, for these identities only: `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. */
  readonly registerReplica: (input: {
    readonly replicaId: string
    readonly identityResourceIds: readonly string[]
  }) => Promise<{ readonly endpoint: string; readonly header: string }>
  readonly removeReplica: (replicaId: string) => Promise<unknown>
  /** The certificate and key with which the ingress answers for a host; rejects for one that gets none. */
  readonly serverCertificate: (host: string) => Promise<{
    readonly certificatePem: string
    readonly privateKeyPem: string
    /** Milliseconds since the epoch. */
    readonly renewAt: number
  }>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

const entry = fileURLToPath(new URL(`./platform-process${extname(import.meta.url)}`, import.meta.url))
const firstDelayMs = 100
const longestDelayMs = 10_000
/** A process that ran this long before it died is started again without delay. */
const healthyAfterMs = 30_000
/** Longer than the process gives its replicas at its end. */
const closeGraceMs = 15_000

/**
 * Conditions of a test runner and the like hold for the platform as well; a debugger's port does not, nor a preload: one
 * of them ends the core with its supervisor, and the platform has to stop its replicas before it ends.
 */
function inheritedArguments(given: readonly string[]): string[] {
  return given.filter((argument, index) => !/^--(?:inspect|import)/.test(argument) && given[index - 1] !== '--import')
}

export interface RunningPlatform extends Platform {
  /** Where requests to apps go, on 127.0.0.1; undefined while the process is away. */
  ingressPorts(): IngressPorts | undefined
}

export interface IngressPorts {
  readonly plain: number
  readonly secure: number
}

/** Resolves once the platform process takes what it is given; rejects when it ends before that, and why is in the log. */
export async function startPlatform(options: PlatformOptions): Promise<RunningPlatform> {
  const client = new PlatformClient(options)
  await client.start()
  return client
}

interface Pending {
  readonly message: ToPlatform
  resolve(): void
  reject(error: Error): void
}

/** The reader of a log. */
interface Reader {
  take(lines: readonly (LogLine | SystemEvent)[]): void
  end(): void
}

class PlatformClient implements RunningPlatform {
  readonly #options: PlatformOptions
  readonly #specs = new Map<string, RevisionSpec>()
  readonly #routes = new Map<string, IngressSpec>()
  readonly #statuses = new Map<string, RevisionStatus>()
  readonly #listeners = new Set<(status: RevisionStatus) => void>()
  readonly #pending = new Map<number, Pending>()
  readonly #readers = new Map<number, Reader>()
  /** What was registered and not removed: whatever is left when the process dies is removed here. */
  readonly #registered = new Set<string>()
  readonly #firstReady = Promise.withResolvers<void>()
  #child: ChildProcess | undefined
  /** Where the ingress listens: there when the process is ready. */
  #ports: IngressPorts | undefined
  #hasBeenReady = false
  #lastId = 0
  #delayMs = firstDelayMs
  #timer: NodeJS.Timeout | undefined
  #closing = false

  constructor(options: PlatformOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.#spawn()
    return this.#firstReady.promise
  }

  route(ingress: IngressSpec): void {
    this.#routes.set(ingress.place.appId.toLowerCase(), ingress)
    this.#send({ kind: 'route', ingress })
  }

  unroute(appId: string): void {
    this.#routes.delete(appId.toLowerCase())
    this.#send({ kind: 'unroute', appId })
  }

  run(spec: RevisionSpec): void {
    this.#specs.set(revisionKey(spec.place.appId, spec.name), spec)
    this.#send({ kind: 'run', spec })
  }

  refresh(appId: string, revision: string, values: RevisionRefresh): void {
    const key = revisionKey(appId, revision)
    const spec = this.#specs.get(key)
    if (!spec) return
    this.#specs.set(key, { ...spec, secrets: values.secrets, identities: values.identities })
    this.#send({ kind: 'refresh', appId, revision, values })
  }

  restart(appId: string, revision: string): Promise<void> {
    return this.#ask((id) => ({ kind: 'restart', id, appId, revision }))
  }

  async stop(appId: string, revision: string): Promise<void> {
    this.#specs.delete(revisionKey(appId, revision))
    await this.#ask((id) => ({ kind: 'stop', id, appId, revision }))
  }

  status(appId: string, revision: string): RevisionStatus | undefined {
    return this.#statuses.get(revisionKey(appId, revision))
  }

  onStatus(listener: (status: RevisionStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  consoleLog(options: Parameters<Platform['consoleLog']>[0]): AsyncIterable<LogLine> {
    const { appId, revision, replica, container } = options
    const source: LogSource = { log: 'console', appId, revision, replica, container }
    return this.#read(source, options) as AsyncIterable<LogLine>
  }

  systemLog(options: Parameters<Platform['systemLog']>[0]): AsyncIterable<SystemEvent> {
    return this.#read({ log: 'system', appId: options.appId }, options) as AsyncIterable<SystemEvent>
  }

  ingressPorts(): IngressPorts | undefined {
    return this.#ports
  }

  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child) return
    const exited = once(child, 'exit')
    this.#send({ kind: 'close' })
    const timer = setTimeout(() => child.kill('SIGKILL'), closeGraceMs)
    await exited
    clearTimeout(timer)
  }

  #spawn(): void {
    const startedAt = Date.now()
    const child = fork(entry, [], {
      execArgv: inheritedArguments(process.execArgv),
      detached: true,
      env: baseEnvironment(this.#options.environment),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    child.on('message', (message) => this.#hear(fromPlatform.parse(message)))
    child.on('error', (error) => this.#options.log('error', 'The platform process failed', { error: String(error) }))
    child.on('exit', (code, signal) => this.#exited(startedAt, signal ?? `code ${code}`))
    const { registerReplica, removeReplica, serverCertificate, log, ...settings } = this.#options
    this.#post({ kind: 'start', settings: platformSettings.parse(settings) })
  }

  #exited(startedAt: number, how: string): void {
    this.#child = undefined
    this.#ports = undefined
    for (const replicaId of this.#registered) this.#unregister(replicaId)
    for (const reader of this.#readers.values()) reader.end()
    if (this.#closing) {
      for (const { reject } of this.#pending.values()) reject(new Error('The platform was closed.'))
      this.#pending.clear()
      return
    }
    if (!this.#hasBeenReady) {
      this.#firstReady.reject(new Error(`The platform process ended with ${how} before it was ready.`))
      return
    }
    for (const [key, status] of this.#statuses) {
      this.#tell(key, { ...status, runningState: 'Processing', replicas: [] })
    }
    const delay = Date.now() - startedAt >= healthyAfterMs ? 0 : this.#delayMs
    this.#delayMs = delay === 0 ? firstDelayMs : Math.min(this.#delayMs * 2, longestDelayMs)
    this.#options.log('error', 'The platform process ended and is started again', { how, delayMs: delay })
    this.#timer = setTimeout(() => this.#spawn(), delay)
  }

  #hear(message: FromPlatform): void {
    switch (message.kind) {
      case 'ready':
        this.#ports = message.ports
        this.#hasBeenReady = true
        this.#handOver()
        this.#firstReady.resolve()
        return
      case 'status':
        this.#tell(revisionKey(message.status.appId, message.status.name), message.status)
        return
      case 'stopped':
        this.#statuses.delete(revisionKey(message.appId, message.revision))
        return
      case 'done': {
        const pending = this.#pending.get(message.id)
        this.#pending.delete(message.id)
        if (message.failure === undefined) pending?.resolve()
        else pending?.reject(new Error(message.failure))
        return
      }
      case 'lines':
        this.#readers.get(message.id)?.take(message.lines)
        return
      case 'end':
        this.#readers.get(message.id)?.end()
        return
      case 'register':
        void this.#register(message.id, message.replicaId, message.identities)
        return
      case 'certify':
        void this.#certify(message.id, message.host)
        return
      case 'unregister':
        this.#unregister(message.replicaId)
        return
      case 'log':
        this.#options.log(message.level, message.message, message.fields)
    }
  }

  #handOver(): void {
    for (const ingress of this.#routes.values()) this.#post({ kind: 'route', ingress })
    for (const spec of this.#specs.values()) this.#post({ kind: 'run', spec })
    for (const { message } of this.#pending.values()) this.#post(message)
  }

  #tell(key: string, status: RevisionStatus): void {
    this.#statuses.set(key, status)
    for (const listener of this.#listeners) listener(status)
  }

  async #register(id: number, replicaId: string, identityResourceIds: readonly string[]): Promise<void> {
    try {
      this.#registered.add(replicaId)
      const { endpoint, header } = await this.#options.registerReplica({ replicaId, identityResourceIds })
      this.#post({ kind: 'registered', id, endpoint, header })
    } catch (error) {
      this.#registered.delete(replicaId)
      this.#refuse(id, error)
    }
  }

  async #certify(id: number, host: string): Promise<void> {
    try {
      const { certificatePem, privateKeyPem, renewAt } = await this.#options.serverCertificate(host)
      this.#post({ kind: 'certificate', id, certificatePem, privateKeyPem, renewAt })
    } catch (error) {
      this.#refuse(id, error)
    }
  }

  #refuse(id: number, error: unknown): void {
    this.#post({ kind: 'refused', id, message: error instanceof Error ? error.message : String(error) })
  }

  #unregister(replicaId: string): void {
    this.#registered.delete(replicaId)
    this.#options.removeReplica(replicaId).catch((error: unknown) => {
      this.#options.log('warn', "A replica's identity could not be removed", { replicaId, error: String(error) })
    })
  }

  #ask(messageOf: (id: number) => ToPlatform): Promise<void> {
    const id = ++this.#lastId
    const message = messageOf(id)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#pending.set(id, { message, resolve, reject })
    this.#send(message)
    return promise
  }

  async *#read(
    source: LogSource,
    { tail, follow, signal }: { readonly tail: number; readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncGenerator<LogLine | SystemEvent> {
    const id = ++this.#lastId
    const queue = new ReadQueue()
    const stop = (): void => queue.end()
    signal.addEventListener('abort', stop)
    this.#readers.set(id, queue)
    try {
      if (signal.aborted || !this.#ports) return
      this.#send({ kind: 'read', id, source, tail, follow })
      yield* queue
    } finally {
      signal.removeEventListener('abort', stop)
      this.#readers.delete(id)
      this.#send({ kind: 'unread', id })
    }
  }

  /** What is asked of a process that is not there yet is handed over when it is. */
  #send(message: ToPlatform): void {
    if (this.#ports) this.#post(message)
  }

  #post(message: ToPlatform): void {
    // A channel that is gone is followed by the process' exit, and with it by another hand-over.
    if (this.#child?.connected) this.#child.send(message, () => undefined)
  }
}

/** Lines between the channel and a reader; the oldest go when the reader is slower than they come. */
class ReadQueue implements Reader, AsyncIterable<LogLine | SystemEvent> {
  static readonly #most = 10_000
  #lines: (LogLine | SystemEvent)[] = []
  #ended = false
  #wake = Promise.withResolvers<void>()

  take(lines: readonly (LogLine | SystemEvent)[]): void {
    this.#lines.push(...lines)
    if (this.#lines.length > ReadQueue.#most) this.#lines = this.#lines.slice(-ReadQueue.#most)
    this.#wake.resolve()
  }

  end(): void {
    this.#ended = true
    this.#wake.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogLine | SystemEvent> {
    while (true) {
      const lines = this.#lines
      this.#lines = []
      yield* lines
      if (this.#lines.length > 0) continue
      if (this.#ended) return
      this.#wake = Promise.withResolvers()
      await this.#wake.promise
    }
  }
}
