import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRegistry } from './registry.ts'

const folders = globSync('{secretstores,state}/**/metadata.ts', { cwd: import.meta.dirname }).map(dirname)
const registry = createRegistry()

describe('the registry', () => {
  it('knows exactly the component folders', () => {
    expect([...registry.types].sort()).toEqual(folders.map((folder) => folder.replaceAll('/', '.')).sort())
  })

  it.each(folders)('gives each version that %s declares', async (folder) => {
    const { declaration } = await import(join(import.meta.dirname, folder, 'metadata.ts'))
    expect(declaration.type).toBe(folder.replaceAll('/', '.'))
    for (const version of declaration.versions) {
      const factory = await registry.factory(declaration.type, version)
      expect(factory?.block).toBe(folder.split('/')[0])
    }
  })

  it('compares type and version without regard to case', async () => {
    expect(await registry.factory('SecretStores.Local.ENV', 'V1')).toBeDefined()
  })

  it('takes no version and v0 for the first one', async () => {
    expect(await registry.factory('state.in-memory', '')).toBeDefined()
    expect(await registry.factory('state.in-memory', 'v0')).toBeDefined()
    expect(await registry.factory('state.azure.blobstorage', '')).toBe(
      await registry.factory('state.azure.blobstorage', 'v1'),
    )
  })

  it.each([
    ['state.mysql', 'v1'],
    ['state.in-memory', 'v2'],
    ['state.azure.blobstorage', 'v3'],
    ['state.azure.blobstorage', 'v0'],
    ['constructor', 'v1'],
    ['state.azure.blobstorage', 'constructor'],
  ])('has no %s/%s', (type, version) => {
    expect(registry.factory(type, version)).toBeUndefined()
  })

  it('warns of the first blob storage version', () => {
    const warning =
      'WARNING: state store state.azure.blobstorage/v1 is deprecated and will be removed in a future version, please use state.azure.blobstorage/v2'
    expect(registry.deprecation('state.azure.blobstorage', 'v1')).toBe(warning)
    expect(registry.deprecation('state.azure.blobstorage', '')).toBe(warning)
    expect(registry.deprecation('state.azure.blobstorage', 'v2')).toBeUndefined()
    expect(registry.deprecation('state.in-memory', 'v1')).toBeUndefined()
  })
})
