/** `--app-max-concurrency`: at most so many calls of the app at one time, the others in line. */

export interface ConcurrencyLimit {
  /** Resolves with the function that frees the place. Rejects when `signal` is aborted first. */
  enter(signal: AbortSignal): Promise<() => void>
}

/** `most` 0: no limit. */
export function createConcurrencyLimit(most: number): ConcurrencyLimit | undefined {
  if (most <= 0) return undefined
  let free = most
  const waiting: (() => void)[] = []
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
  const place = () => {
    let left = false
    return () => {
      if (left) return
      left = true
      leave()
    }
  }
  return {
    enter(signal) {
      if (signal.aborted) return Promise.reject(signal.reason)
      if (free > 0) {
        free--
        return Promise.resolve(place())
      }
      return new Promise((resolve, reject) => {
        const onFree = () => {
          signal.removeEventListener('abort', onAbort)
          resolve(place())
        }
        const onAbort = () => {
          waiting.splice(waiting.indexOf(onFree), 1)
          reject(signal.reason)
        }
        signal.addEventListener('abort', onAbort, { once: true })
        waiting.push(onFree)
      })
    },
  }
}
