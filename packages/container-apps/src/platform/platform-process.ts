/** The platform process: started by platform-client.ts, it runs what it is given and ends with the core. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LogsClient } from '@keystead/logs'
import { Ingress } from '../ingress/ingress.ts'
import type { Autoscaler } from '../scaling/autoscaler.ts'
import { CoreCalls } from './core-calls.ts'
import type { Host } from './host.ts'
import { IdentityTokens } from './identity-tokens.ts'
import { KeyVaultReferences } from './key-vault-references.ts'
import { Logs } from './logs.ts'
import { type FromPlatform, type LogSource, type ToPlatform, toPlatform } from './messages.ts'
import { Ports } from './ports.ts'
import { ProcessRecord } from './process-record.ts'
import { ProcessRunner } from './process-runner.ts'
import { watchReferences } from './reference-watch.ts'
import { Revisions } from './revisions.ts'
import { scalingOf } from './scaling.ts'
import type { PlatformSettings } from './settings.ts'

type Command = Exclude<
  ToPlatform,
  { readonly kind: 'start' | 'close' | 'registered' | 'certificate' | 'refused' | 'unread' }
>

/** Who stops the cloud does not wait for an app that takes its time: less than the core is given. */
const closeGraceMs = 8_000

class PlatformProcess {
  readonly #core = new CoreCalls(send, Date.now)
  readonly #readers = new Map<number, () => void>()
  readonly #changed = new Set<string>()
  #record: ProcessRecord | undefined
  #logs: Logs | undefined
  #revisions: Revisions | undefined
  #ingress: Ingress | undefined
  #stopWatching: (() => void) | undefined
  #scaling: Autoscaler | undefined
  #tokens: IdentityTokens | undefined
  #closing = false

  hear(message: ToPlatform): void {
    switch (message.kind) {
      case 'start':
        this.#start(message.settings).catch(fail)
        break
      case 'close':
        void this.close()
        break
      case 'registered':
      case 'certificate':
        this.#core.answered(message)
        break
      case 'refused':
        this.#core.refused(message.id, message.message)
        break
      case 'unread':
        this.#readers.get(message.id)?.()
        this.#readers.delete(message.id)
        break
      default:
        // Nothing else is said before `ready`, and what is said after `close` comes too late.
        if (this.#revisions && this.#ingress && !this.#closing) this.#command(message, this.#revisions, this.#ingress)
    }
  }

  #command(message: Command, revisions: Revisions, ingress: Ingress): void {
    switch (message.kind) {
      case 'route':
        try {
          ingress.route(message.ingress)
        } catch (error) {
          log('error', 'An app gets no requests', { app: message.ingress.place.appId, error: String(error) })
        }
        break
      case 'unroute':
        ingress.unroute(message.appId)
        break
      case 'run':
        revisions.run(message.spec)
        this.#scaling?.add(message.spec)
        break
      case 'refresh':
        revisions.refresh(message.appId, message.revision, message.values)
        break
      case 'restart':
        this.#answer(message.id, revisions.restart(message.appId, message.revision))
        break
      case 'stop':
        this.#scaling?.remove(message.appId, message.revision)
        this.#answer(message.id, revisions.stop(message.appId, message.revision))
        break
      case 'read':
        this.#read(message.id, message.source, message.tail, message.follow)
    }
  }

  /** Ends every replica, then itself. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#stopWatching?.()
    this.#scaling?.close()
    await this.#ingress?.close()
    const timer = setTimeout(() => this.#record?.endAll(), closeGraceMs)
    await this.#revisions?.close()
    clearTimeout(timer)
    this.#tokens?.close()
    await this.#logs?.close()
    process.exit(0)
  }

  async #start(settings: PlatformSettings): Promise<void> {
    const { directory } = settings
    const record = new ProcessRecord(join(directory, 'processes'))
    this.#record = record
    const leftovers = record.endLeftovers()
    if (leftovers > 0) log('warn', 'Ended what a killed platform had left', { processes: leftovers })
    await rm(join(directory, 'replicas'), { recursive: true, force: true })
    const clock = Date.now
    const client = settings.logs && new LogsClient({ ...settings.logs, log })
    this.#logs = new Logs(client)
    const tokens = new IdentityTokens(this.#core, clock)
    this.#tokens = tokens
    const host: Host = {
      settings,
      runner: new ProcessRunner(settings.imagesFile, record),
      record,
      ports: new Ports(),
      logs: this.#logs,
      identities: this.#core,
      vault: new KeyVaultReferences({ tokens, clock }),
      clock,
    }
    const revisions = new Revisions(host)
    revisions.onChange((appId, revision) => this.#tellSoon(appId, revision))
    this.#revisions = revisions
    this.#stopWatching = watchReferences(revisions, host)
    this.#ingress = await Ingress.start({
      replicas: {
        addresses: (appId, revision) => revisions.addresses(appId, revision),
        wake: (appId, revision) => {
          this.#scaling?.wake(appId, revision)
          return revisions.wake(appId, revision)
        },
        onChange: (listener) => revisions.onChange(listener),
      },
      ports: settings.ingressPorts,
      secureContext: (host) => this.#core.secureContext(host),
      log,
    })
    this.#scaling = scalingOf(host, revisions, this.#ingress, tokens)
    send({ kind: 'ready', ports: this.#ingress.ports })
  }

  /** Several changes of one turn are told as one. */
  #tellSoon(appId: string, revision: string): void {
    const key = `${appId} ${revision}`
    if (this.#changed.has(key)) return
    this.#changed.add(key)
    setImmediate(() => {
      this.#changed.delete(key)
      const found = this.#revisions?.find(appId, revision)
      if (found) send({ kind: 'status', status: found.status })
      else send({ kind: 'stopped', appId, revision })
    })
  }

  #answer(id: number, work: Promise<void>): void {
    work.then(
      () => send({ kind: 'done', id }),
      (error: unknown) => send({ kind: 'done', id, failure: error instanceof Error ? error.message : String(error) }),
    )
  }

  #read(id: number, source: LogSource, tail: number, follow: boolean): void {
    const logs = this.#logs
    if (!logs) return
    const ring =
      source.log === 'system'
        ? logs.system(source.appId)
        : logs.console(source.appId, source.revision, source.replica, source.container)
    send({ kind: 'lines', id, lines: [...ring.last(tail)] })
    if (follow)
      this.#readers.set(
        id,
        ring.follow((line) => send({ kind: 'lines', id, lines: [line] })),
      )
    else send({ kind: 'end', id })
  }
}

function send(message: FromPlatform): void {
  // A channel that is gone is told by `disconnect`.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

function log(level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown> = {}): void {
  send({ kind: 'log', level, message, fields })
}

/** It can not run: the core starts it again. */
function fail(error: unknown): void {
  log('error', 'The platform process can not start', { error: String(error) })
  process.exitCode = 1
  process.disconnect()
}

const platform = new PlatformProcess()
process.on('message', (message) => platform.hear(toPlatform.parse(message)))
// It waits for what it is told, whatever was preloaded.
process.channel?.ref()
process.on('disconnect', () => void platform.close())
process.on('SIGTERM', () => void platform.close())
