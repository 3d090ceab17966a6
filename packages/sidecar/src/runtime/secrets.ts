/** The secrets building block: which store answers, what the configuration lets through, and Dapr's errors. */
import type { SecretStore } from '@keystead/components'
import { monotonicMs } from '../clock.ts'
import { compareGoKeys } from '../gojson/encode.ts'
import type { SecretsScope } from '../loading/configuration.ts'
import { goQuote } from '../log/go-quote.ts'
import type { Logger } from '../log/logger.ts'
import type { ComponentMetrics } from '../metrics/component-metrics.ts'
import { type ApiError, secret } from './api-error.ts'
import type { ComponentStore } from './component-store.ts'
import { errorText } from './error-text.ts'

export interface SecretsApi {
  /** One secret's pairs. Rejects with an ApiError. */
  get(
    store: string,
    key: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>>
  /** Every secret of the store that the configuration lets through, names in order. Rejects with an ApiError. */
  getBulk(
    store: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>>
}

export function createSecretsApi(components: ComponentStore, metrics: ComponentMetrics, log: Logger): SecretsApi {
  const refuse = (error: ApiError): never => {
    if (log.enabled('debug')) log.debug(error.describe())
    throw error
  }
  const find = (name: string): SecretStore => {
    const store = components.secretStores.get(name)
    if (store) return store
    return refuse(components.secretStores.size === 0 ? secret.storesNotConfigured() : secret.storeNotFound(name))
  }
  const allowed = (store: string, key: string) => {
    const scope = components.secretsScopes.get(store)
    return scope === undefined || isSecretAllowed(scope, key)
  }
  return {
    async get(storeName, key, metadata, signal) {
      const store = find(storeName)
      if (!allowed(storeName, key)) refuse(secret.permissionDenied(goQuote(key), goQuote(storeName)))
      const start = monotonicMs()
      try {
        const data = await store.getSecret(key, metadata, signal)
        metrics.secret(storeName, 'get', true, monotonicMs() - start)
        return data
      } catch (error) {
        metrics.secret(storeName, 'get', false, monotonicMs() - start)
        return refuse(secret.get(key, storeName, errorText(error)))
      }
    },
    async getBulk(storeName, metadata, signal) {
      const store = find(storeName)
      const start = monotonicMs()
      let data: Readonly<Record<string, Readonly<Record<string, string>>>>
      try {
        data = await store.bulkGetSecret(metadata, signal)
        metrics.secret(storeName, 'bulk_get', true, monotonicMs() - start)
      } catch (error) {
        metrics.secret(storeName, 'bulk_get', false, monotonicMs() - start)
        return refuse(secret.bulkGet(storeName, errorText(error)))
      }
      const names = Object.keys(data)
        .filter((key) => allowed(storeName, key))
        .sort(compareGoKeys)
      return Object.fromEntries(names.map((key) => [key, data[key] ?? {}]))
    },
  }
}

/** A list of allowed secrets overrides the other two; a denied one is denied whatever the default (SecretsScope.IsSecretAllowed). */
export function isSecretAllowed(scope: SecretsScope, key: string): boolean {
  if (scope.allowedSecrets.length > 0) return scope.allowedSecrets.includes(key)
  if (scope.deniedSecrets.includes(key)) return false
  return scope.defaultAccess.toLowerCase() !== 'deny'
}
