/** Deletes expired rows of an SQL state store from time to time (components-contrib common/component/sql/cleanup.go). */
import { formatGoDuration } from '../go/duration.ts'
import type { ComponentContext } from '../metadata.ts'

export interface ExpiredRowsOptions {
  /** 0 or less: never. */
  readonly intervalMs: number
  /** Writes down that a cleanup begins; false where another sidecar on the same table began one less than `olderThanMs` ago. */
  readonly claim: (olderThanMs: number) => Promise<boolean>
  /** Answers how many rows are gone. */
  readonly deleteExpired: () => Promise<number>
  readonly log: ComponentContext['log']
}

/** Answers how to stop it. */
export function scheduleCleanup({ intervalMs, claim, deleteExpired, log }: ExpiredRowsOptions): () => void {
  if (intervalMs <= 0) return () => undefined
  log('info', `Schedule expired data clean up every ${formatGoDuration(intervalMs)}`)
  let running = false
  const cleanUp = async (): Promise<void> => {
    if (running) return
    running = true
    try {
      // A little less than the interval, so that a sidecar's own last cleanup does not hold back its next.
      if (await claim(intervalMs - 100)) log('info', `Removed ${await deleteExpired()} expired rows`)
      else log('debug', 'Last cleanup was performed too recently')
    } catch (error) {
      log('error', `Error removing expired data: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      running = false
    }
  }
  const timer = setInterval(cleanUp, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
