/** The app's health, probed over HTTP (pkg/runtime/apphealth). */
import { setTimeout as delay } from 'node:timers/promises'
import type { AppHealthCheckOptions } from '../cli/options.ts'
import type { Logger } from '../log/logger.ts'

export interface AppHealth {
  /** Resolves when the app has failed as many probes in a row as the threshold says. */
  readonly unhealthy: Promise<void>
}

/** Probes until `signal` is aborted. `baseUrl` such as `http://127.0.0.1:8080`. */
export function probeApp(baseUrl: string, options: AppHealthCheckOptions, log: Logger, signal: AbortSignal): AppHealth {
  const { promise, resolve } = Promise.withResolvers<void>()
  void run(baseUrl, options, log, signal, resolve)
  return { unhealthy: promise }
}

async function run(
  baseUrl: string,
  { path, intervalMs, timeoutMs, threshold }: AppHealthCheckOptions,
  log: Logger,
  signal: AbortSignal,
  onUnhealthy: () => void,
): Promise<void> {
  log.info('App health probes starting')
  let failures = 0
  let healthy = false
  while (!signal.aborted) {
    if (await probe(new URL(path, baseUrl), timeoutMs, signal)) {
      if (!healthy) log.info('App entered healthy status')
      healthy = true
      failures = 0
    } else if (++failures === threshold) {
      if (healthy) log.warn('App entered un-healthy status')
      healthy = false
      onUnhealthy()
    }
    try {
      await delay(intervalMs, undefined, { signal, ref: false })
    } catch {
      return
    }
  }
}

async function probe(url: URL, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
