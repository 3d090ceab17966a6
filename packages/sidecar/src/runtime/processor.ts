/** Components brought to life in order, secret stores first (pkg/runtime/processor). */
import type { ComponentFactory, ComponentRegistry, SecretStore, StateStore } from '@keystead/components'
import { parseGoDuration } from '../cli/go-duration.ts'
import { monotonicMs } from '../clock.ts'
import { type Component, logName } from '../loading/component.ts'
import type { Logger, LogOutput } from '../log/logger.ts'
import type { ComponentMetrics } from '../metrics/component-metrics.ts'
import type { MiddlewareFactory } from '../middleware/factory.ts'
import { middlewareFactory } from '../middleware/registry.ts'
import type { Policy } from '../resiliency/policy.ts'
import type { ComponentKind } from '../resiliency/resiliency.ts'
import { ApiError } from './api-error.ts'
import type { ComponentStore, LoadedStateStore } from './component-store.ts'
import { errorText } from './error-text.ts'
import { InitError } from './init-error.ts'
import { withPolicy } from './resilient-store.ts'
import { fillTemplates, type ResolvedReferences, resolveReferences } from './resolve-metadata.ts'
import { type SecretCacheSettings, withSecretCache } from './secret-cache.ts'
import { type StateCipher, stateCipher } from './state-encryption.ts'
import { keyPrefix } from './state-keys.ts'
import { trackUse } from './store-use.ts'

/** A component that daprd would end over. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError'
}

export interface ProcessorOptions {
  readonly registry: ComponentRegistry
  readonly components: ComponentStore
  readonly metrics: ComponentMetrics
  readonly output: LogOutput
  readonly appId: string
  readonly podName: string
  readonly namespace: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Also print the line that releases up to 1.10 printed for a loaded component. */
  readonly oldLoadedLine: boolean
  /** The policy for a component's calls; undefined where no resource has any. */
  readonly policies: ((name: string, kind: ComponentKind) => Policy | undefined) | undefined
  /** Aborted when the sidecar stops. */
  readonly signal: AbortSignal
}

const defaultInitTimeout = 5000
// The building blocks daprd knows; a type outside them is refused as a whole.
const blocks = [
  'bindings',
  'configuration',
  'crypto',
  'lock',
  'pubsub',
  'secretstores',
  'state',
  'middleware',
  'conversation',
] as const
type Block = (typeof blocks)[number]
const notFoundNames: Readonly<Record<Block, string>> = {
  bindings: 'binding',
  configuration: 'configuration store',
  crypto: 'crypto provider',
  lock: 'lock store',
  pubsub: 'message bus',
  secretstores: 'secret store',
  state: 'state store',
  middleware: 'HTTP middleware',
  conversation: 'conversation',
}

const secretRetireMs = 10_000

export interface Processor {
  /** Loads all, those that wait for a secret store when it comes. Rejects with {@link ProcessError} for one that may not fail. */
  load(all: readonly Component[]): Promise<void>
  /**
   * Puts a component in the place of the one of its name, which goes when its calls have ended. Rejects with
   * {@link ProcessError} like {@link load}; the one before is gone then.
   */
  replace(component: Component): Promise<void>
  /** The same with secrets read anew; when that fails, the component stays as it is. False: nothing has changed. */
  refresh(name: string): Promise<boolean>
  remove(name: string): Promise<void>
  /** Closes all. */
  close(): Promise<void>
}

export function createProcessor(options: ProcessorOptions): Processor {
  return new ComponentProcessor(options)
}

/** What a component became, and how it goes. */
interface Instance {
  /** Its secrets when it came to life, to be told when they change. */
  readonly resolved: string
  /** Takes its place among the loaded. */
  install(): void
  retire(): Promise<void>
}

class ComponentProcessor implements Processor {
  readonly #options: ProcessorOptions
  readonly #log: Logger
  readonly #secretLog: Logger
  readonly #contribLog: Logger
  readonly #waiting = new Map<string, Component[]>()
  readonly #instances = new Map<string, Instance>()

  constructor(options: ProcessorOptions) {
    this.#options = options
    this.#log = options.output.scope('dapr.runtime.processor')
    this.#secretLog = options.output.scope('dapr.runtime.processor.secret')
    this.#contribLog = options.output.scope('dapr.contrib')
  }

  async load(all: readonly Component[]): Promise<void> {
    const secretStores = all.filter(({ type }) => type.startsWith('secretstores.'))
    const others = all.filter(({ type }) => !type.startsWith('secretstores.'))
    for (const component of [...secretStores, ...others]) {
      if (component.name === '') continue
      if (this.#options.signal.aborted) return
      await this.#process(component)
    }
  }

  async replace(component: Component): Promise<void> {
    const before = this.#instances.get(component.name)
    try {
      await this.#process(component)
    } finally {
      const failed = this.#instances.get(component.name) === before
      if (failed) await this.remove(component.name)
      else await this.#retire(before, component.name)
    }
  }

  async refresh(name: string): Promise<boolean> {
    const { components, environment, signal } = this.#options
    const component = components.components.get(name)
    const before = this.#instances.get(name)
    if (!component || !before) return false
    const references = await resolveReferences(
      component,
      components.secretSources,
      environment,
      this.#secretLog,
      signal,
    )
    const resolved = fingerprint(references)
    // A secret that could not be had now says nothing of its rotation.
    if (references.kind === 'waits' || resolved === before.resolved || lost(component, references.metadata))
      return false
    const block = blockOf(component)
    const instance = await this.#init({ ...component, metadata: references.metadata }, block, resolved)
    instance.install()
    this.#instances.set(name, instance)
    await this.#retire(before, name)
    return true
  }

  async remove(name: string): Promise<void> {
    const { components } = this.#options
    components.components.delete(name)
    this.#clear(name)
    for (const [store, waiting] of this.#waiting) {
      this.#waiting.set(
        store,
        waiting.filter((component) => component.name !== name),
      )
    }
    const instance = this.#instances.get(name)
    this.#instances.delete(name)
    await this.#retire(instance, name)
  }

  /** Takes what a name stood for out of every building block: its type may change. */
  #clear(name: string): void {
    const { components } = this.#options
    components.stateStores.delete(name)
    components.secretStores.delete(name)
    components.secretSources.delete(name)
    components.middlewares.delete(name)
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#options.components.components.values()].map(async (component) => {
        this.#options.output.scope('dapr.runtime').info(`Shutting down component ${logName(component)}`)
        const instance = this.#instances.get(component.name)
        this.#instances.delete(component.name)
        await this.#retire(instance, component.name)
      }),
    )
  }

  async #retire(instance: Instance | undefined, name: string): Promise<void> {
    try {
      await instance?.retire()
    } catch (error) {
      this.#log.error(`Error shutting down component ${name}: ${errorText(error)}`)
    }
  }

  async #process(component: Component): Promise<void> {
    try {
      await this.#withDependents(component)
    } catch (error) {
      const text = `process component ${component.name} error: ${errorText(error)}`
      if (component.ignoreErrors) {
        this.#log.error(`Ignoring error processing component: ${text}`)
        return
      }
      this.#log.warn(`Error processing component, daprd will exit gracefully: ${text}`)
      throw new ProcessError(text)
    }
  }

  async #withDependents(component: Component): Promise<void> {
    const name = logName(component)
    this.#log.debug(`Loading component: ${name}`)
    const { components, environment, signal } = this.#options
    const references = await resolveReferences(
      component,
      components.secretSources,
      environment,
      this.#secretLog,
      signal,
    )
    if (references.kind === 'waits') {
      const waiting = this.#waiting.get(references.secretStore) ?? []
      this.#waiting.set(references.secretStore, [...waiting, component])
      return
    }
    const block = blockOf(component)
    try {
      const resolved = { ...component, metadata: references.metadata }
      const instance = await this.#init(resolved, block, fingerprint(references))
      instance.install()
      this.#instances.set(component.name, instance)
    } catch (error) {
      this.#log.error(`Failed to init component ${name}: ${errorText(error)}`)
      this.#options.metrics.initFailed(component.type, 'init', component.name)
      throw new InitError('INIT_COMPONENT_FAILURE', name, errorText(error))
    }
    components.components.set(component.name, component)
    this.#log.info(`Component loaded: ${name}`)
    if (this.#options.oldLoadedLine) {
      this.#log.info(`component loaded. name: ${component.name}, type: ${component.type}/${component.version}`)
    }
    this.#options.metrics.loaded()
    if (block !== 'secretstores') return
    const dependents = this.#waiting.get(component.name) ?? []
    this.#waiting.delete(component.name)
    for (const dependent of dependents) await this.#withDependents(dependent)
  }

  #stateCipher({ metadata, name }: Component): StateCipher | undefined {
    const cipher = stateCipher(metadata, name)
    if (cipher === undefined) return undefined
    const log = this.#options.output.scope('dapr.runtime.processor.state')
    log.info(`Automatic encryption enabled for state store ${name}`)
    log.info(
      'WARNING: Automatic state store encryption should never be used to store more than 4 billion items in the state store (including updates). Storing more items than that can cause the private key to be exposed.',
    )
    return cipher
  }

  async #init(component: Component, block: Block, resolved: string): Promise<Instance> {
    const { appId, components, metrics, registry } = this.#options
    const { name, type, version } = component
    const fullName = logName(component)
    const loading: Promise<ComponentFactory | MiddlewareFactory> | undefined =
      block === 'middleware' ? middlewareFactory(type, version) : registry.factory(type, version)
    const deprecation = registry.deprecation(type, version)
    if (deprecation !== undefined) this.#contribLog.warn(deprecation)
    if (!loading) {
      metrics.initFailed(type, 'creation', name)
      throw new InitError(
        'CREATE_COMPONENT_FAILURE',
        fullName,
        `couldn't find ${notFoundNames[block]} ${type}/${version}`,
      )
    }
    const timeout = parseGoDuration(component.initTimeout) ?? defaultInitTimeout
    const deadline = new AbortController()
    const abort = () => deadline.abort(this.#options.signal.reason)
    this.#options.signal.addEventListener('abort', abort, { once: true })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      deadline.abort(new Error('context deadline exceeded'))
    }, timeout)
    try {
      const metadata = fillTemplates(component.metadata, this.#options)
      const factory = await loading
      const context = {
        name,
        metadata,
        environment: this.#options.environment,
        log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => this.#contribLog[level](message),
        signal: deadline.signal,
      }
      if (typeof factory === 'function') {
        const middleware = await unlessAborted(
          Promise.resolve(factory({ metadata, log: this.#contribLog, signal: deadline.signal })),
          deadline.signal,
        )
        metrics.initialized(type)
        return {
          resolved,
          install: () => {
            this.#clear(name)
            components.middlewares.set(name, { type, version, handle: (request) => middleware.handle(request) })
          },
          retire: () => Promise.resolve(),
        }
      }
      if (factory.block === 'state') {
        const cipher = this.#stateCipher(component)
        const prefix = keyPrefix(metadata, name, { appId, namespace: this.#options.environment['NAMESPACE'] ?? '' })
        const store: StateStore = await unlessAborted(factory.init(context), deadline.signal)
        metrics.initialized(type)
        return this.#stateInstance(component, { store, prefix, cipher }, resolved)
      }
      const store: SecretStore = await unlessAborted(factory.init(context), deadline.signal)
      metrics.initialized(type)
      return this.#secretInstance(component, store, resolved)
    } catch (error) {
      metrics.initFailed(type, 'init', name)
      const cause = error instanceof ApiError ? `failed to save lock keyprefix: ${error.describe()}` : errorText(error)
      const failure = new InitError('INIT_COMPONENT_FAILURE', fullName, cause)
      throw timedOut ? new Error(`${failure.message}\ninit timeout for component ${fullName}`) : failure
    } finally {
      clearTimeout(timer)
      this.#options.signal.removeEventListener('abort', abort)
    }
  }

  #stateInstance({ name }: Component, loaded: LoadedStateStore, resolved: string): Instance {
    const { components, policies } = this.#options
    const used = trackUse(loaded.store)
    return {
      resolved,
      install: () => {
        const store = policies ? withPolicy(used.store, () => policies(name, 'Statestore')) : used.store
        this.#clear(name)
        components.stateStores.set(name, { ...loaded, store })
      },
      retire: () => used.retire(secretRetireMs),
    }
  }

  #secretInstance(component: Component, store: SecretStore, resolved: string): Instance {
    const { components, policies } = this.#options
    const used = trackUse(store)
    const { name } = component
    return {
      resolved,
      install: () => {
        const underPolicy = policies ? withPolicy(used.store, () => policies(name, 'Secretstore')) : used.store
        const cache = cacheSettings(component)
        this.#clear(name)
        components.secretSources.set(name, used.store)
        components.secretStores.set(name, cache ? withSecretCache(underPolicy, cache) : underPolicy)
      },
      retire: () => used.retire(secretRetireMs),
    }
  }
}

function blockOf(component: Component): Block {
  const block = blocks.find((prefix) => component.type.startsWith(`${prefix}.`))
  if (!block) throw new Error(`incorrect type ${component.type}`)
  return block
}

/** Tells whether references have other values than before, without keeping the values. */
function fingerprint(references: ResolvedReferences): string {
  if (references.kind === 'waits') return ''
  const values = references.metadata.flatMap(({ name, value, secretKeyRef }) => (secretKeyRef ? [[name, value]] : []))
  if (values.length === 0) return ''
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(JSON.stringify(values)).digest('hex')
}

/** True when a reference has no value. */
function lost(component: Component, metadata: Component['metadata']): boolean {
  return component.metadata.some(
    ({ secretKeyRef, value }, i) => secretKeyRef !== undefined && value === undefined && !metadata[i]?.value,
  )
}

function cacheSettings({ annotations }: Component): SecretCacheSettings | undefined {
  const given = annotations['secret-cache']
  if (given === undefined) return undefined
  const ttlMs = parseGoDuration(given)
  const staleMs = parseGoDuration(annotations['secret-cache-stale'] ?? '0')
  if (ttlMs === undefined || staleMs === undefined) {
    throw new Error(`keystead.io/secret-cache: time: invalid duration ${JSON.stringify(given)}`)
  }
  return { ttlMs, staleMs, clock: monotonicMs }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
