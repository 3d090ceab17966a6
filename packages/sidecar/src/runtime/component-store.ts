/** The components that are loaded, by building block. */
import type { SecretStore, StateStore } from '@keystead/components'
import type { Component } from '../loading/component.ts'
import type { SecretsScope } from '../loading/configuration.ts'
import type { HttpEndpoint } from '../loading/http-endpoint.ts'
import type { LoadedMiddleware } from '../middleware/pipeline.ts'
import type { StateCipher } from './state-encryption.ts'

export interface LoadedStateStore {
  readonly store: StateStore
  /** What goes before `||` in a key; undefined for none (`keyPrefix: none`). */
  readonly prefix: string | undefined
  /** Undefined: values are kept in the clear. */
  readonly cipher?: StateCipher | undefined
}

export class ComponentStore {
  readonly components = new Map<string, Component>()
  /** As the API serves them: with their policies and caches. */
  readonly secretStores = new Map<string, SecretStore>()
  /** As components' own references are resolved by them: with neither. */
  readonly secretSources = new Map<string, SecretStore>()
  readonly stateStores = new Map<string, LoadedStateStore>()
  readonly secretsScopes = new Map<string, SecretsScope>()
  readonly middlewares = new Map<string, LoadedMiddleware>()
  readonly httpEndpoints = new Map<string, HttpEndpoint>()
}
