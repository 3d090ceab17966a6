/** Components brought to life in order, secret stores first (pkg/runtime/processor). */
import type { ComponentRegistry, SecretStore, StateStore } from '@keystead/components'
import { parseGoDuration } from '../cli/go-duration.ts'
import { type Component, logName } from '../loading/component.ts'
import type { Logger, LogOutput } from '../log/logger.ts'
import type { ComponentMetrics } from '../metrics/component-metrics.ts'
import { ApiError } from './api-error.ts'
import type { ComponentStore } from './component-store.ts'
import { errorText } from './error-text.ts'
import { InitError } from './init-error.ts'
import { fillTemplates, resolveReferences } from './resolve-metadata.ts'
import { type StateCipher, stateCipher } from './state-encryption.ts'
import { keyPrefix } from './state-keys.ts'

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

/** Loads all, those that wait for a secret store when it comes. Rejects with {@link ProcessError} for one that may not fail. */
export async function processComponents(all: readonly Component[], options: ProcessorOptions): Promise<void> {
  const processor = new Processor(options)
  const secretStores = all.filter(({ type }) => type.startsWith('secretstores.'))
  const others = all.filter(({ type }) => !type.startsWith('secretstores.'))
  for (const component of [...secretStores, ...others]) {
    if (component.name === '') continue
    if (options.signal.aborted) return
    await processor.process(component)
  }
}

class Processor {
  readonly #options: ProcessorOptions
  readonly #log: Logger
  readonly #secretLog: Logger
  readonly #contribLog: Logger
  readonly #waiting = new Map<string, Component[]>()

  constructor(options: ProcessorOptions) {
    this.#options = options
    this.#log = options.output.scope('dapr.runtime.processor')
    this.#secretLog = options.output.scope('dapr.runtime.processor.secret')
    this.#contribLog = options.output.scope('dapr.contrib')
  }

  async process(component: Component): Promise<void> {
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
    const references = await resolveReferences(component, components.secretStores, environment, this.#secretLog, signal)
    if (references.kind === 'waits') {
      const waiting = this.#waiting.get(references.secretStore) ?? []
      this.#waiting.set(references.secretStore, [...waiting, component])
      return
    }
    const block = blocks.find((prefix) => component.type.startsWith(`${prefix}.`))
    if (!block) throw new Error(`incorrect type ${component.type}`)
    try {
      await this.#init({ ...component, metadata: references.metadata }, block)
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

  async #init(component: Component, block: Block): Promise<void> {
    const { appId, components, metrics, registry } = this.#options
    const { name, type, version } = component
    const fullName = logName(component)
    const loading = registry.factory(type, version)
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
      if (factory.block === 'state') {
        const cipher = this.#stateCipher(component)
        const prefix = keyPrefix(metadata, name, { appId, namespace: this.#options.environment['NAMESPACE'] ?? '' })
        const store: StateStore = await unlessAborted(factory.init(context), deadline.signal)
        components.stateStores.set(name, { store, prefix, cipher })
      } else {
        const store: SecretStore = await unlessAborted(factory.init(context), deadline.signal)
        components.secretStores.set(name, store)
      }
      metrics.initialized(type)
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
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
