/** A store that is closed when its last call has ended. */
import { memberNames } from './decorate-store.ts'

export interface UsedStore<S> {
  readonly store: S
  /** Lets calls end, at most for `graceMs`, then closes. */
  retire(graceMs: number): Promise<void>
}

type Method = (...args: unknown[]) => unknown

/** A store that has nothing to close is left as it is: nothing is lost when calls go on. */
export function trackUse<S extends { close?(): Promise<void> }>(store: S): UsedStore<S> {
  if (typeof store.close !== 'function') return { store, retire: () => Promise.resolve() }
  let running = 0
  let idle: (() => void) | undefined
  const done = () => {
    running--
    if (running === 0) idle?.()
  }
  const tracked: Record<string, unknown> = {}
  const source = store as unknown as Readonly<Record<string, unknown>>
  for (const name of memberNames(store)) {
    const member = source[name]
    if (typeof member !== 'function' || name === 'close') {
      tracked[name] = typeof member === 'function' ? (member as Method).bind(store) : member
      continue
    }
    const method = member as Method
    // Every request comes through here: one promise, nothing more.
    tracked[name] = (...args: unknown[]) => {
      const result = method.apply(store, args)
      if (!(result instanceof Promise)) return result
      running++
      result.then(done, done)
      return result
    }
  }
  return {
    store: tracked as S,
    async retire(graceMs) {
      if (running > 0) {
        await new Promise<void>((resolve) => {
          const late = setTimeout(resolve, graceMs)
          idle = () => {
            clearTimeout(late)
            resolve()
          }
        })
      }
      await store.close?.()
    },
  }
}
