/** How a state key is written in its store (pkg/components/state/state_config.go). */
import { state } from './api-error.ts'

const separator = '||'

/** What daprd says of a key or prefix that holds the separator. */
function illegal(key: string): string {
  return `input key/keyPrefix '${key}' can't contain '${separator}'`
}

export interface PrefixScope {
  readonly appId: string
  /** `NAMESPACE`; empty when not set. */
  readonly namespace: string
}

/**
 * The prefix for a store's `keyPrefix` strategy: `appid` (the default), `name`, `namespace`, `none`, or any text.
 * Throws an ApiError when the text holds `||`.
 */
export function keyPrefix(
  metadata: Readonly<Record<string, string>>,
  store: string,
  scope: PrefixScope,
): string | undefined {
  const name = Object.keys(metadata).find((key) => key.toLowerCase() === 'keyprefix')
  const strategy = (name === undefined ? 'appid' : (metadata[name] ?? '')).toLowerCase()
  if (strategy.includes(separator)) throw state.illegalKey(store, strategy, illegal(strategy))
  switch (strategy) {
    case 'none':
      return undefined
    case 'name':
      return store
    case 'appid':
      return scope.appId || undefined
    case 'namespace':
      if (!scope.appId) return undefined
      return scope.namespace ? `${scope.namespace}.${scope.appId}` : scope.appId
    default:
      return strategy
  }
}

/** Throws an ApiError for a key that holds `||`, with the text once, as daprd's gRPC API has it. */
export function checkKey(key: string, store: string): void {
  if (key.includes(separator)) throw state.illegalKey(store, key, illegal(key))
}

/** The key as the store has it. Throws an ApiError for a key that holds `||`; `shown` is the key its details name. */
export function storeKey(key: string, prefix: string | undefined, store: string, shown = key): string {
  if (key.includes(separator)) {
    // daprd wraps the error in itself, so its text begins twice.
    const inner = state.illegalKey(store, key, illegal(key))
    throw state.illegalKey(store, shown, inner.describe())
  }
  return prefix === undefined ? key : `${prefix}${separator}${key}`
}

/** The key as the app knows it. */
export function appKey(key: string): string {
  const at = key.indexOf(separator)
  if (at < 0) return key
  const rest = key.slice(at + separator.length)
  const next = rest.indexOf(separator)
  return next < 0 ? rest : rest.slice(0, next)
}
