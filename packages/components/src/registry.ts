/** The component types that exist, each loaded from its folder on first use. */
import type { ComponentContext } from './metadata.ts'
import type { SecretStore } from './secret-store.ts'
import type { StateStore } from './state-store.ts'

export interface SecretStoreFactory {
  readonly block: 'secretstores'
  init(context: ComponentContext): Promise<SecretStore>
}

export interface StateStoreFactory {
  readonly block: 'state'
  init(context: ComponentContext): Promise<StateStore>
}

/** How a component type comes to life. `init` decodes metadata, builds its client, and rejects with the text daprd would log. */
export type ComponentFactory = SecretStoreFactory | StateStoreFactory

export interface ComponentRegistry {
  /** `type` e.g. `secretstores.azure.keyvault`, `version` e.g. `v1`. Its code is loaded on the first call. Undefined: no such type or version. */
  factory(type: string, version: string): Promise<ComponentFactory> | undefined
  readonly types: readonly string[]
}

type Load = () => Promise<ComponentFactory>

/** A type with one version answers to `v1`, `v0` and no version at all; one with several has a default instead. */
type Entry = Load | { readonly versions: Readonly<Record<string, Load>>; readonly default: string }

/** One line per folder; the paths are literals so that a bundler can follow them. */
const components: Readonly<Record<string, Entry>> = {
  'secretstores.local.env': async () => (await import('./secretstores/local/env/local-env.ts')).factory,
  'secretstores.local.file': async () => (await import('./secretstores/local/file/local-file.ts')).factory,
  'state.in-memory': async () => (await import('./state/in-memory/in-memory.ts')).factory,
}

const initialVersions = ['', 'v0', 'v1']

/** The registry of the built-in types. Names and versions are compared without regard to case (dapr `pkg/components/versioning.go`). */
export function createRegistry(): ComponentRegistry {
  return {
    types: Object.keys(components),
    factory(type, version) {
      const name = type.toLowerCase()
      if (!Object.hasOwn(components, name)) return undefined
      return find(components[name], version.toLowerCase())?.()
    },
  }
}

function find(entry: Entry | undefined, version: string): Load | undefined {
  if (entry === undefined) return undefined
  if (typeof entry === 'function') return initialVersions.includes(version) ? entry : undefined
  const wanted = version === '' ? entry.default : version
  return Object.hasOwn(entry.versions, wanted) ? entry.versions[wanted] : undefined
}
