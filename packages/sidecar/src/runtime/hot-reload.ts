/** Resources followed as their files change (pkg/runtime/hotreload), and components as their secrets are rotated. */
import { watch } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { formatGoDuration, parseGoDuration } from '../cli/go-duration.ts'
import { type Component, logName } from '../loading/component.ts'
import type { Logger } from '../log/logger.ts'
import { errorText } from './error-text.ts'
import { isBuiltin } from './kubernetes-mode.ts'
import type { Processor } from './processor.ts'

export interface HotReloadOptions {
  readonly paths: readonly string[]
  readonly reconcileIntervalMs: number
  /** The components that the files have now. Throws for a set that cannot be read. */
  readonly read: () => readonly Component[]
  readonly loaded: ReadonlyMap<string, Component>
  readonly processor: Processor
  /** The other resources are read again. */
  readonly others: () => Promise<void>
  /** A component that may not fail has failed: the sidecar ends. */
  readonly failed: (error: unknown) => void
  readonly log: Logger
  /** Aborted when the sidecar stops. */
  readonly signal: AbortSignal
}

// Editors and orchestrators write a file in several steps.
const settleMs = 100

/** Watches until the signal is aborted. */
export function startHotReload(options: HotReloadOptions): void {
  const { paths, log, signal } = options
  log.info(`Watching directories: [${paths.join(', ')}]`)
  const reconcile = createReconciler(options)
  let timer: NodeJS.Timeout | undefined
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      void reconcile()
    }, settleMs)
    timer.unref()
  }
  for (const path of paths) {
    const watcher = watch(path, { persistent: false, signal }, (_event, name) => {
      // A log that is written beside the resources is none of them.
      if (name === null || /\.ya?ml$/i.test(name) || !name.includes('.') || name.startsWith('..')) soon()
    })
    watcher.on('error', (error) => {
      if (!signal.aborted) log.error(`Error watching ${path}: ${errorText(error)}`)
    })
  }
  const ticker = setInterval(() => void reconcile(), options.reconcileIntervalMs)
  ticker.unref()
  signal.addEventListener(
    'abort',
    () => {
      clearInterval(ticker)
      clearTimeout(timer)
    },
    { once: true },
  )
  log.info('Starting to watch Component updates')
}

/** One run at a time; a change meanwhile asks for another. */
function createReconciler(options: HotReloadOptions): () => Promise<void> {
  let running = false
  let again = false
  return async () => {
    if (running) {
      again = true
      return
    }
    running = true
    try {
      do {
        again = false
        await reconcile(options)
      } while (again && !options.signal.aborted)
    } finally {
      running = false
    }
  }
}

async function reconcile({ read, loaded, processor, others, failed, log, signal }: HotReloadOptions): Promise<void> {
  let wanted: readonly Component[]
  try {
    wanted = read()
  } catch (error) {
    log.error(`Error listing Component: ${errorText(error)}`)
    return
  }
  const byName = new Map(wanted.map((component) => [component.name, component]))
  try {
    for (const [name, component] of [...loaded]) {
      if (signal.aborted) return
      if (byName.has(name) || isBuiltin(component)) continue
      log.info(`Component deleted: ${logName(component)}`)
      await processor.remove(name)
    }
    for (const component of inOrder(wanted)) {
      if (signal.aborted) return
      const current = loaded.get(component.name)
      if (current && JSON.stringify(current) === JSON.stringify(component)) continue
      if (current) log.info(`Closing existing Component to reload: ${logName(current)}`)
      log.info(`Adding Component for processing: ${logName(component)}`)
      await processor.replace(component)
      log.info(`Component updated: ${logName(component)}`)
    }
    await others()
  } catch (error) {
    failed(error)
  }
}

/** Secret stores first: the others may need them. */
function inOrder(components: readonly Component[]): Component[] {
  const isStore = ({ type }: Component) => type.startsWith('secretstores.')
  return [...components.filter(isStore), ...components.filter((component) => !isStore(component))]
}

/** How often a component's secrets are compared, where it asks for it; undefined: never. */
function refreshPeriod({ annotations }: Component, log: Logger): number | undefined {
  const given = annotations['secret-refresh']
  if (given === undefined) return undefined
  const period = parseGoDuration(given)
  if (period !== undefined && period > 0) return period
  log.warn(`keystead.io/secret-refresh: invalid duration ${JSON.stringify(given)}`)
  return undefined
}

const idleCheckMs = 1000

/**
 * Follows the secrets that components refer to, for those that ask for it with `keystead.io/secret-refresh`: when one
 * has another value, the component begins anew with it, and calls that are under way end on the old one.
 */
export async function followSecrets(
  loaded: ReadonlyMap<string, Component>,
  processor: Processor,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const due = new Map<string, number>()
  let now = 0
  while (!signal.aborted) {
    const periods = [...loaded.values()].flatMap((component) => {
      const period = refreshPeriod(component, log)
      return period === undefined ? [] : [{ name: component.name, period }]
    })
    const step = Math.min(idleCheckMs, ...periods.map(({ period }) => period))
    try {
      await delay(step, undefined, { signal, ref: false })
    } catch {
      return
    }
    now += step
    for (const { name, period } of periods) {
      const at = due.get(name) ?? period
      if (now < at) {
        due.set(name, at)
        continue
      }
      due.set(name, now + period)
      try {
        if (await processor.refresh(name)) log.info(`A secret of component ${name} was rotated: it has begun anew`)
      } catch (error) {
        log.error(
          `A secret of component ${name} was rotated, and it could not begin anew with it; trying again in ${formatGoDuration(period)}: ${errorText(error)}`,
        )
      }
    }
  }
}
