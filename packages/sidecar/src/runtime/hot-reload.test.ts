import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SidecarProcess, startSidecar } from '../testing/sidecar-process.ts'

function component(name: string, type: string, metadata: Record<string, string>, annotations = '{}'): string {
  const items = Object.entries(metadata).map(([key, value]) => `  - {name: ${key}, value: "${value}"}`)
  return `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: ${name}, annotations: ${annotations}}
spec:
  type: ${type}
  version: v1
  metadata:
${items.join('\n')}
`
}

describe('a sidecar whose files change', () => {
  let sidecar: SidecarProcess
  const file = (name: string, content: string) => writeFileSync(join(sidecar.folder, name), content)
  const secret = async (store: string, name: string) => {
    const response = await fetch(`${sidecar.url}/v1.0/secrets/${store}/${name}`)
    return { status: response.status, body: await response.json() }
  }

  beforeAll(async () => {
    sidecar = await startSidecar({
      resources: {
        'a.json': '{"k":"first"}',
        'b.json': '{"k":"second"}',
        'rotated.json': '{"path":"{folder}/a.json"}',
        'store.yaml': component('store', 'secretstores.local.file', { secretsFile: '{folder}/a.json' }),
        'source.yaml': component('source', 'secretstores.local.file', { secretsFile: '{folder}/rotated.json' }),
        'follower.yaml': `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: follower, annotations: {keystead.io/secret-refresh: 50ms}}
spec:
  type: secretstores.local.file
  version: v1
  metadata:
  - {name: secretsFile, secretKeyRef: {name: path, key: path}}
auth: {secretStore: source}
`,
        'cached.yaml': component(
          'cached',
          'secretstores.local.file',
          { secretsFile: '{folder}/a.json' },
          '{keystead.io/secret-cache: 1h}',
        ),
      },
    })
    await sidecar.line('Starting to watch Component updates')
  }, 30_000)

  afterAll(() => sidecar?.stop())

  it('takes a changed component with no request failing meanwhile', async () => {
    expect((await secret('store', 'k')).body).toEqual({ k: 'first' })
    let asking = true
    const statuses = new Set<number>()
    const load = (async () => {
      while (asking) statuses.add((await secret('store', 'k')).status)
    })()
    file('store.yaml', component('store', 'secretstores.local.file', { secretsFile: join(sidecar.folder, 'b.json') }))
    await sidecar.line('Component updated: store')
    asking = false
    await load
    expect(statuses).toEqual(new Set([200]))
    expect((await secret('store', 'k')).body).toEqual({ k: 'second' })
  })

  it('loads a new file, another type under the same name, and lets go of a deleted one', async () => {
    file('new.yaml', component('new', 'state.in-memory', { unused: 'x' }))
    await sidecar.line('Component updated: new (state.in-memory/v1)')
    expect((await fetch(`${sidecar.url}/v1.0/state/new/x`)).status).toBe(204)
    file('new.yaml', component('new', 'secretstores.local.file', { secretsFile: join(sidecar.folder, 'a.json') }))
    await sidecar.line('Component updated: new (secretstores.local.file/v1)')
    expect((await secret('new', 'k')).body).toEqual({ k: 'first' })
    expect((await fetch(`${sidecar.url}/v1.0/state/new/x`)).status).toBe(500)
    rmSync(join(sidecar.folder, 'new.yaml'))
    await sidecar.line('Component deleted: new')
    expect((await secret('new', 'k')).status).toBe(401)
  })

  it('keeps what it has when a file cannot be read', async () => {
    file('broken.yaml', 'apiVersion: [')
    await sidecar.line('error when parsing manifests yaml resource')
    expect((await secret('store', 'k')).status).toBe(200)
    rmSync(join(sidecar.folder, 'broken.yaml'))
  })

  it('begins a component anew when a secret that it refers to was rotated', async () => {
    expect((await secret('follower', 'k')).body).toEqual({ k: 'first' })
    file('rotated.json', JSON.stringify({ path: join(sidecar.folder, 'b.json') }))
    // The store that has the secret reads its file when it begins.
    file(
      'source.yaml',
      component('source', 'secretstores.local.file', { secretsFile: join(sidecar.folder, 'rotated.json'), x: '1' }),
    )
    await sidecar.line('A secret of component follower was rotated')
    expect((await secret('follower', 'k')).body).toEqual({ k: 'second' })
  })

  it('answers from the cache that a component asks for', async () => {
    expect((await secret('cached', 'k')).body).toEqual({ k: 'first' })
    expect((await secret('cached', 'k')).body).toEqual({ k: 'first' })
  })
})
