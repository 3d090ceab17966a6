import { expect, test } from 'vitest'
import { createHostTable, type HostEntry } from './host-table.ts'

const login = () => {}
const vault = () => {}

function entry(overrides: Partial<HostEntry> = {}): HostEntry {
  return {
    pattern: '*.vault.azure.net',
    localPattern: '*.vault.keystead.localhost',
    listener: vault,
    exists: (label) => label === 'kv1',
    service: 'Key Vault',
    ...overrides,
  }
}

const table = createHostTable([
  {
    pattern: 'login.microsoftonline.com',
    localPattern: 'login.keystead.localhost',
    listener: login,
    service: 'token service',
  },
  entry({ howToCreate: (label) => `az keyvault create --name ${label}` }),
])

test.each([
  ['login.microsoftonline.com', login, 'login.microsoftonline.com'],
  ['LOGIN.MicrosoftOnline.com.', login, 'login.microsoftonline.com'],
  ['login.microsoftonline.com:443', login, 'login.microsoftonline.com'],
  ['login.keystead.localhost:8443', login, 'login.microsoftonline.com'],
  ['kv1.vault.azure.net', vault, 'kv1.vault.azure.net'],
  ['KV1.vault.azure.net.:443', vault, 'kv1.vault.azure.net'],
  ['kv1.vault.keystead.localhost:1234', vault, 'kv1.vault.azure.net'],
])('%s leads to its service', (host, listener, azure) => {
  expect(table.route(host)).toEqual({ kind: 'service', listener, host: azure })
})

test.each([
  [
    'kv2.vault.azure.net',
    /nobody created kv2\.vault\.azure\.net.*Key Vault named "kv2".*az keyvault create --name kv2/,
  ],
  ['kv2.vault.keystead.localhost', /nobody created kv2\.vault\.azure\.net/],
  ['vault.azure.net', /claimed with vault\.azure\.net/],
  ['vault.azure.net..', /claimed with vault\.azure\.net/],
  ['a.kv1.vault.azure.net', /claimed with vault\.azure\.net/],
  ['a.b.c.vault.azure.net', /claimed with vault\.azure\.net/],
  ['.vault.azure.net', /claimed/],
  ['kv_1.vault.azure.net', /can not name a Key Vault/],
  ['kv1\u0000.vault.azure.net', /"kv1\?" can not name/],
  ['westeurope.login.microsoftonline.com', /claimed with login\.microsoftonline\.com/],
  ['keystead.localhost', /claimed/],
  ['other.keystead.localhost', /claimed/],
  [`${'a.'.repeat(5000)}vault.azure.net`, /253 characters/],
])('%s is unknown, never foreign', (host, reason) => {
  const route = table.route(host)
  expect(route).toMatchObject({ kind: 'unknown', reason: expect.stringMatching(reason) })
})

test.each([
  'example.com',
  'azure.net',
  'evilvault.azure.net',
  'vault.azure.net.example.com',
  'localhost',
  '::1',
  '[::1]:443',
  '',
])('%j is foreign', (host) => {
  expect(table.route(host)).toEqual({ kind: 'foreign' })
})

test('a vault that is created or deleted is found or refused on the next request', () => {
  const created = new Set<string>()
  const live = createHostTable([entry({ exists: (label) => created.has(label) })])
  expect(live.route('kv9.vault.azure.net').kind).toBe('unknown')
  created.add('kv9')
  expect(live.route('kv9.vault.azure.net').kind).toBe('service')
  created.delete('kv9')
  expect(live.route('kv9.vault.azure.net').kind).toBe('unknown')
})

test.each([
  ['web.kindsea-1a2b.westeurope.azurecontainerapps.io', 'web.kindsea-1a2b.westeurope.azurecontainerapps.io'],
  ['web---blue.internal.kindsea-1a2b.westeurope.azurecontainerapps.io:443', undefined],
  ['WEB.kindsea-1a2b.westeurope.apps.keystead.localhost:8080', 'web.kindsea-1a2b.westeurope.azurecontainerapps.io'],
])('%s is handed to the process behind a suffix with any number of labels', (host, azure) => {
  const ports = () => ({ secure: 1, plain: 2 })
  const deep = createHostTable([
    {
      pattern: '**.azurecontainerapps.io',
      localPattern: '**.apps.keystead.localhost',
      ports,
      exists: (labels) => labels.endsWith('.kindsea-1a2b.westeurope'),
      service: 'container app',
    },
  ])
  expect(deep.route(host)).toEqual({ kind: 'elsewhere', ports, host: azure ?? host.replace(':443', '') })
  expect(deep.route('web.other.westeurope.azurecontainerapps.io')).toMatchObject({ kind: 'unknown' })
  expect(deep.route('azurecontainerapps.io')).toMatchObject({ kind: 'unknown' })
  expect(deep.route('a..kindsea-1a2b.westeurope.azurecontainerapps.io')).toMatchObject({ kind: 'unknown' })
})

test('suffixes are what the certificate authority may sign for', () => {
  expect([...table.suffixes].sort()).toEqual(['keystead.localhost', 'login.microsoftonline.com', 'vault.azure.net'])
})

test.each([
  ['a pattern of one label', [entry({ pattern: '*.net' })]],
  ['a pattern in upper case', [entry({ pattern: '*.Vault.azure.net' })]],
  ['a local name elsewhere', [entry({ localPattern: '*.vault.example' })]],
  ['a suffix with a host', [entry({ localPattern: 'vault.keystead.localhost' })]],
  ['the same twice', [entry(), entry({ localPattern: '*.vault2.keystead.localhost' })]],
])('%s is a programming error', (_name, entries) => {
  expect(() => createHostTable(entries)).toThrow(TypeError)
})
