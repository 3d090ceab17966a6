import type { ComponentContext } from './metadata.ts'
import type { SecretStore } from './secret-store.ts'
import type { StateStore } from './state-store.ts'

/** How a component type comes to life. `init` decodes metadata, builds its client, and rejects with the text daprd would log. */
export type ComponentFactory =
  | { readonly block: 'secretstores'; init(context: ComponentContext): Promise<SecretStore> }
  | { readonly block: 'state'; init(context: ComponentContext): Promise<StateStore> }

export interface ComponentRegistry {
  /** `type` e.g. `secretstores.azure.keyvault`, `version` e.g. `v1`. Its code is loaded on the first call. Undefined: no such type or version. */
  factory(type: string, version: string): Promise<ComponentFactory> | undefined
  readonly types: readonly string[]
}

export declare function createRegistry(): ComponentRegistry
