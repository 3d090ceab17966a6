import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/** The packages that a fresh process has loaded once the given code has run. */
function packagesLoadedBy(code: string): string[] {
  const script = `
    import { registerHooks } from 'node:module'
    const packages = new Set()
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*node_modules)/.exec(url)?.[1]
        if (name) packages.add(name)
        return next(url, context)
      },
    })
    const { createRegistry } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)})
    const context = (metadata, environment = {}) => ({ name: 'x', metadata, environment, log() {}, signal: new AbortController().signal })
    ${code}
    console.log(JSON.stringify([...packages]))`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  return JSON.parse(output)
}

describe('what is loaded', () => {
  it('is nothing but Node for the registry and the local components', () => {
    const loaded = packagesLoadedBy(`
      const registry = createRegistry()
      for (const type of ['secretstores.local.env', 'secretstores.local.file', 'state.in-memory']) await registry.factory(type, 'v1')
      await (await registry.factory('state.in-memory', 'v1')).init(context({}))`)
    expect(loaded).toEqual([])
  })

  it('has no sign-in libraries for a storage account with a key', () => {
    const loaded = packagesLoadedBy(`
      const factory = await createRegistry().factory('state.azure.blobstorage', 'v1')
      await factory.init(context({ accountName: 'a', accountKey: 'a2V5', containerName: 'c', disableEntityManagement: 'true' }))`)
    expect(loaded).toContain('@azure/storage-blob')
    expect(loaded).not.toContain('@azure/identity')
    expect(loaded).not.toContain('node-forge')
  })

  it('has no sign-in, storage or PFX libraries for a vault of which nothing was asked yet', () => {
    const loaded = packagesLoadedBy(`
      const factory = await createRegistry().factory('secretstores.azure.keyvault', 'v1')
      await factory.init(context({ vaultName: 'v', azureAuthMethods: 'mi' }))`)
    expect(loaded).toContain('@azure/keyvault-secrets')
    expect(loaded).not.toContain('@azure/identity')
    expect(loaded).not.toContain('@azure/storage-blob')
    expect(loaded).not.toContain('node-forge')
  })

  it('is nothing but Node for SQLite, Vault and Kubernetes in a pod', () => {
    const loaded = packagesLoadedBy(`
      const registry = createRegistry()
      await (await registry.factory('state.sqlite', 'v1')).init(context({ connectionString: ':memory:' }))
      await (await registry.factory('secretstores.hashicorp.vault', 'v1')).init(context({ vaultToken: 't' }))
      await registry.factory('secretstores.kubernetes', 'v1')`)
    expect(loaded).toEqual([])
  })

  it.each([
    ['state.redis', 'v1', 'ioredis'],
    ['state.postgresql', 'v2', 'pg'],
  ])('has no sign-in libraries for %s', (type, version, client) => {
    const loaded = packagesLoadedBy(`await createRegistry().factory('${type}', '${version}')`)
    expect(loaded).toContain(client)
    expect(loaded.filter((name) => name.startsWith('@azure/'))).toEqual([])
  })
})
