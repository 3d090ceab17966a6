import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AppChain, AppIdentity } from './app-chain.ts'
import { walkApp } from './app-chain.ts'
import { readComponentFiles } from './component-files.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystead-chain-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const identity = { resourceId: '/subscriptions/s/resourceGroups/g/providers/n/t/id-app', clientId: 'client-1' }

function component(name: string, type: string, metadata: readonly string[] = [], more = ''): string {
  return `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: ${name} }
spec:
  type: ${type}
  version: v1
  metadata: [${metadata.join(', ')}]
${more}`
}
const field = (name: string, value: string) => `{ name: ${name}, value: '${value}' }`
const keyVault = (metadata: readonly string[], more = '') =>
  component('secrets', 'secretstores.azure.keyvault', metadata, more)

async function walk(
  files: Readonly<Record<string, string>>,
  options: { store?: string; identities?: readonly AppIdentity[] } = {},
): Promise<AppChain> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return walkApp({
    app: { appId: 'orders', resourcesPath: [folder], identities: [], startedAt: 'today' },
    secret: 'account-key',
    store: options.store,
    files: await readComponentFiles([folder]),
    identities: options.identities ?? [identity],
  })
}
const failing = ({ links }: AppChain) => links.find(({ state }) => state === 'fails')

describe('the way of a secret through component files', () => {
  test('leads to the vault, asked as the identity that the store names', async () => {
    for (const name of ['azureClientId', 'spnClientId', 'AzureClientID']) {
      const { asks, links } = await walk({
        'a.yaml': keyVault([field('vaultName', 'https://kv-orders.vault.azure.net'), field(name, 'CLIENT-1')]),
      })
      expect(asks).toEqual({ principal: identity.resourceId, vault: 'kv-orders' })
      expect(links.map(({ state }) => state)).toEqual(['holds', 'holds', 'holds'])
    }
  })

  test('without a client id leads to the identity of the app itself', async () => {
    const own = { resourceId: '/subscriptions/s/apps/orders', clientId: undefined }
    const { asks } = await walk({ 'a.yaml': keyVault([field('vaultName', 'kv')]) }, { identities: [identity, own] })
    expect(asks).toEqual({ principal: own.resourceId, vault: 'kv' })
  })

  test('a store that signs in with a credential asks as its application', async () => {
    const { asks } = await walk({
      'a.yaml': keyVault([
        field('vaultName', 'kv'),
        field('azureClientId', 'app-1'),
        '{ name: azureClientSecret, secretKeyRef: { name: s, key: s } }',
      ]),
    })
    expect(asks).toEqual({ principal: 'app-1', vault: 'kv' })
  })

  test.each([
    ['no identity is named', [field('vaultName', 'kv')], 'secrets names no azureClientId'],
    [
      'an identity is none of the app',
      [field('vaultName', 'kv'), field('azureClientId', 'x')],
      'no identity of the app',
    ],
    ['no vault is named', [field('azureClientId', 'client-1')], 'secrets names no vaultName'],
  ])('%s', async (_, metadata, message) => {
    const chain = await walk({ 'a.yaml': keyVault(metadata) })
    expect(failing(chain)?.detail).toContain(message)
    expect(chain.asks).toBeUndefined()
  })

  test('a store that is scoped to others, is not there, or is one of several', async () => {
    const store = keyVault([field('vaultName', 'kv')], 'scopes: [billing]\n')
    const wanting = component(
      'state',
      'state.in-memory',
      ['{ name: key, secretKeyRef: { name: account-key, key: account-key } }'],
      'auth: { secretStore: secrets }\n',
    )
    const scoped = failing(await walk({ 'a.yaml': store, 'b.yaml': wanting }))
    expect(scoped).toMatchObject({ name: 'secret store', detail: 'secrets is not for this app' })
    expect(scoped?.considered).toEqual([
      'state takes key from it (secretKeyRef, store secrets)',
      `add orders to the scopes in ${join(folder, 'a.yaml')}`,
    ])
    expect(failing(await walk({}, { store: 'other' }))?.detail).toBe('no secret store is called other')
    const local = component('file', 'secretstores.local.file')
    const both = { 'a.yaml': `${keyVault([field('vaultName', 'kv')])}---\n${local}`, 'b.yaml': '' }
    expect(failing(await walk(both))?.detail).toBe('the app has several: name one with --store (secrets, file)')
    const { asks, links } = await walk(both, { store: 'file' })
    expect([asks, links.at(-1)?.state]).toEqual([undefined, 'holds'])
  })

  test('a file that can not be read is named', async () => {
    const chain = await walk({ 'a.yaml': 'a: [1', 'b.yaml': 'kind: Component\nspec: 1\n' })
    expect(failing(chain)).toMatchObject({ name: 'app', detail: 'a component file can not be read' })
    expect(failing(chain)?.considered?.map((line) => line.split(':')[0])).toEqual([
      join(folder, 'a.yaml'),
      join(folder, 'b.yaml'),
    ])
  })
})
