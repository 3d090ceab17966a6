/** Removes from Azurite what deleted accounts have left there. */
import type { AzuriteResources } from '../azurite/azurite-resources.ts'
import { StorageError } from '../data-plane/storage-error.ts'
import type { AccountRegistry } from './account-registry.ts'

/** Between attempts while Azurite is away, in milliseconds. */
const interval = 5_000

export class RetiredData {
  readonly #registry: AccountRegistry
  readonly #services: readonly AzuriteResources[]
  readonly #log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
  #running: Promise<void> | undefined
  #again = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(
    registry: AccountRegistry,
    services: readonly AzuriteResources[],
    log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void,
  ) {
    this.#registry = registry
    this.#services = services
    this.#log = log
  }

  /** Begins, or goes round once more after the round under way. Nothing waits for it: such data can no longer be reached. */
  start(): void {
    if (this.#stopped) return
    if (this.#running) {
      this.#again = true
      return
    }
    clearTimeout(this.#timer)
    this.#running = this.#round().finally(() => {
      this.#running = undefined
      if (this.#again) {
        this.#again = false
        this.start()
      }
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #round(): Promise<void> {
    try {
      for (const internalName of await this.#registry.retired()) {
        if (this.#stopped) return
        for (const service of this.#services) await service.clear(internalName)
        await this.#registry.forget(internalName)
      }
    } catch (error) {
      if (!(error instanceof StorageError)) {
        this.#log('warn', 'the data of a deleted storage account could not be removed yet', {
          reason: error instanceof Error ? error.message : String(error),
        })
      }
      if (this.#stopped) return
      this.#timer = setTimeout(() => this.start(), interval)
      this.#timer.unref()
    }
  }
}
