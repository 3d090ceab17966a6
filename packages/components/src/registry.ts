/** The component types that exist, each loaded from its folder on first use; the local ones, a few lines each, are there from the start. */
import type { ComponentContext } from './metadata.ts'
import type { SecretStore } from './secret-store.ts'
import { factory as localEnv } from './secretstores/local/env/local-env.ts'
import { factory as localFile } from './secretstores/local/file/local-file.ts'
import { factory as inMemory } from './state/in-memory/in-memory.ts'
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
  /** The line that daprd logs as a warning when a deprecated version is asked for. */
  deprecation(type: string, version: string): string | undefined
}

type Load = () => Promise<ComponentFactory>

/** A type with one version answers to `v1`, `v0` and no version at all; one with several has a default instead. */
type Entry = Load | Versions

interface Versions {
  readonly versions: Readonly<Record<string, Load>>
  /** Stands for no version at all. */
  readonly default: string
  readonly preferred: string
  readonly deprecated: readonly string[]
}

/** One line per folder; the paths are literals so that a bundler can follow them. */
const components: Readonly<Record<string, Entry>> = {
  'secretstores.azure.keyvault': async () => (await import('./secretstores/azure/keyvault/keyvault.ts')).factory,
  'secretstores.hashicorp.vault': async () => (await import('./secretstores/hashicorp/vault/vault.ts')).factory,
  'secretstores.kubernetes': async () => (await import('./secretstores/kubernetes/kubernetes.ts')).factory,
  'secretstores.local.env': async () => localEnv,
  'secretstores.local.file': async () => localFile,
  'state.azure.blobstorage': {
    default: 'v1',
    preferred: 'v2',
    deprecated: ['v1'],
    versions: {
      v1: async () => (await import('./state/azure/blobstorage/blobstorage.ts')).v1,
      v2: async () => (await import('./state/azure/blobstorage/blobstorage.ts')).v2,
    },
  },
  'state.in-memory': async () => inMemory,
  'state.postgresql': {
    default: 'v1',
    preferred: 'v2',
    deprecated: [],
    versions: {
      v1: async () => (await import('./state/postgresql/postgresql.ts')).v1,
      v2: async () => (await import('./state/postgresql/postgresql.ts')).v2,
    },
  },
  'state.redis': async () => (await import('./state/redis/redis.ts')).factory,
  'state.sqlite': async () => (await import('./state/sqlite/sqlite.ts')).factory,
}

/** Other names that daprd has for a type. */
const aliases: Readonly<Record<string, string>> = {
  'state.postgres': 'state.postgresql',
  'state.sqlite3': 'state.sqlite',
}

const initialVersions = ['', 'v0', 'v1']

/** The registry of the built-in types. Names and versions are compared without regard to case (dapr `pkg/components/versioning.go`). */
export function createRegistry(): ComponentRegistry {
  return {
    types: Object.keys(components),
    factory(type, version) {
      const entry = entryOf(type)
      if (entry === undefined) return undefined
      if (typeof entry === 'function') return initialVersions.includes(version.toLowerCase()) ? entry() : undefined
      const wanted = versionOf(entry, version)
      return Object.hasOwn(entry.versions, wanted) ? entry.versions[wanted]?.() : undefined
    },
    deprecation(type, version) {
      const entry = entryOf(type)
      if (entry === undefined || typeof entry === 'function') return undefined
      const wanted = versionOf(entry, version)
      if (!entry.deprecated.includes(wanted)) return undefined
      const name = type.toLowerCase()
      return `WARNING: state store ${name}/${wanted} is deprecated and will be removed in a future version, please use ${name}/${entry.preferred}`
    },
  }
}

function entryOf(type: string): Entry | undefined {
  const lower = type.toLowerCase()
  const name = (Object.hasOwn(aliases, lower) && aliases[lower]) || lower
  return Object.hasOwn(components, name) ? components[name] : undefined
}

function versionOf(entry: Versions, version: string): string {
  return version === '' ? entry.default : version.toLowerCase()
}
