/** The app's health, told by its own probe (pkg/apphealth). */
import { setTimeout as delay } from 'node:timers/promises'
import type { AppHealthCheckOptions } from '../cli/options.ts'
import type { Logger } from '../log/logger.ts'

export interface AppHealth {
  /** False until the first probe has succeeded, and when as many in a row have failed as the threshold says. */
  readonly healthy: boolean
  /** Resolves when the app has become unhealthy, or is found so at first. */
  readonly unhealthy: Promise<void>
}

/** Probes until `signal` is aborted. `probe` tells whether the app is well. */
export function probeApp(
  probe: (signal: AbortSignal) => Promise<boolean>,
  { intervalMs, timeoutMs, threshold }: AppHealthCheckOptions,
  log: Logger,
  signal: AbortSignal,
): AppHealth {
  const { promise, resolve } = Promise.withResolvers<void>()
  let failures = threshold
  const run = async () => {
    log.info('App health probes starting')
    while (!signal.aborted) {
      if (await attempt(probe, timeoutMs, signal)) {
        if (failures >= threshold) log.info('App entered healthy status')
        failures = 0
      } else if (++failures === threshold) {
        log.warn('App entered un-healthy status')
        resolve()
      } else if (failures > threshold) resolve()
      try {
        await delay(intervalMs, undefined, { signal, ref: false })
      } catch {
        return
      }
    }
  }
  void run()
  return {
    get healthy() {
      return failures < threshold
    },
    unhealthy: promise,
  }
}

async function attempt(
  probe: (signal: AbortSignal) => Promise<boolean>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await probe(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  } catch {
    return false
  }
}
