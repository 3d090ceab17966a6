/** A store with something around each of its calls. */

type Call = (signal: AbortSignal) => Promise<unknown>
type Method = (...args: unknown[]) => unknown
/** Gets a call, whose last argument is a signal, as a function of another one. */
export type Around = (call: Call, signal: AbortSignal) => Promise<unknown>

/** `around` is asked for with each call; undefined: the call is made as it is. `close` stays as it is. */
export function decorateStore<S extends object>(store: S, around: () => Around | undefined): S {
  const decorated: Record<string, unknown> = {}
  const source = store as Readonly<Record<string, unknown>>
  for (const name of memberNames(store)) {
    const member = source[name]
    if (typeof member !== 'function' || name === 'close') {
      decorated[name] = typeof member === 'function' ? (member as Method).bind(store) : member
      continue
    }
    const method = member as Method
    decorated[name] = (...args: unknown[]) => {
      const signal = args.at(-1)
      const current = signal instanceof AbortSignal ? around() : undefined
      if (!current) return method.apply(store, args)
      const rest = args.slice(0, -1)
      return current(async (own) => method.apply(store, [...rest, own]), signal as AbortSignal)
    }
  }
  return decorated as S
}

/** What an object and its class have. */
export function memberNames(store: object): Set<string> {
  const names = new Set<string>()
  for (let level: object | null = store; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) if (name !== 'constructor') names.add(name)
  }
  return names
}
