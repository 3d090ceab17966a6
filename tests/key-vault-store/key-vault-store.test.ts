/** secretstores.azure.keyvault against a vault: the conformance suite, and every way to sign in that needs no host of its own. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRegistry, type SecretStore } from '@keystead/components'
import { secretStoreChecks } from '@keystead/components/conformance'
import { pfx } from '@keystead/components/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { TestCloud } from '../support/cloud.ts'
import { Provisioner } from '../support/provisioner.ts'

let cloud: TestCloud
let owner: Provisioner
let reader: TestApplication
let keeper: TestApplication
let vaultId: string
const cleanups: (() => Promise<void> | undefined)[] = []

beforeAll(async () => {
  cloud = await TestCloud.start()
  ;({ keeper, reader } = await addApplications(cloud, ['keeper', 'reader']))
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  vaultId = await owner.vault('kv-store')
  await owner.grant(vaultId, 'Key Vault Secrets Officer', keeper.objectId)
  await owner.grant(vaultId, 'Key Vault Secrets User', reader.objectId)
  await owner.setSecrets('kv-store', keeper, { one: 'first' })
  await owner.setSecrets('kv-store', keeper, { one: 'second', two: 'grüße', three: '' })
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

const signal = () => AbortSignal.timeout(60_000)

async function open(metadata: Readonly<Record<string, string>>): Promise<SecretStore> {
  const factory = await createRegistry().factory('secretstores.azure.keyvault', 'v1')
  if (factory?.block !== 'secretstores') throw new TypeError('no secret store')
  const store = await factory.init({
    name: 'vault',
    metadata: { vaultName: 'kv-store', azureTenantId: owner.tenantId, ...metadata },
    environment: process.env,
    log: () => {},
    signal: signal(),
  })
  cleanups.push(() => store.close?.())
  return store
}

const withSecret = ({ clientId, clientSecret }: TestApplication) => ({
  azureClientId: clientId,
  azureClientSecret: clientSecret,
})

describe('the conformance suite', () => {
  for (const check of secretStoreChecks) {
    test(check.name, async () =>
      check.run({
        store: await open(withSecret(reader)),
        secrets: { one: { one: 'second' }, two: { two: 'grüße' } },
        missing: 'absent',
        missingAnswer: /RESPONSE 404: 404 Not Found\nERROR CODE: SecretNotFound/,
      }),
    )
  }
})

describe('request metadata', () => {
  test('version_id gives an older version', async () => {
    const store = await open(withSecret(keeper))
    const versions = await versionsOf('one')
    const values = await Promise.all(
      versions.map(async (version_id) => (await store.getSecret('one', { version_id }, signal())).one),
    )
    expect(values.sort()).toEqual(['first', 'second'])
    await expect(store.getSecret('one', { version_id: '0'.repeat(32) }, signal())).rejects.toThrow(/SecretNotFound/)
    await expect(store.getSecret('one', { version_id: '..' }, signal())).rejects.toThrow('invalid secret version: ..')
  })

  test('maxresults is looked at page by page, so a first page is given whole', async () => {
    const store = await open(withSecret(reader))
    expect(Object.keys(await store.bulkGetSecret({ maxresults: '1' }, signal())).sort()).toEqual([
      'one',
      'three',
      'two',
    ])
    await expect(store.bulkGetSecret({ maxresults: 'x' }, signal())).rejects.toThrow(/^strconv.Atoi: parsing "x"/)
  })

  async function versionsOf(name: string): Promise<string[]> {
    const { ClientSecretCredential } = await import('@azure/identity')
    const { SecretClient } = await import('@azure/keyvault-secrets')
    const credential = new ClientSecretCredential(owner.tenantId, keeper.clientId, keeper.clientSecret)
    const client = new SecretClient('https://kv-store.vault.azure.net', credential)
    const versions: string[] = []
    for await (const { version } of client.listPropertiesOfSecretVersions(name)) versions.push(String(version))
    return versions
  }
})

describe('a certificate', () => {
  /** The certificate that is registered for the reader, as PEM and as PFX with and without a password. */
  const forms: Readonly<Record<string, (pem: string) => { file: string | Buffer; password?: string }>> = {
    'in a PEM file': (pem) => ({ file: pem }),
    'in a PFX file': (pem) => ({ file: asPfx(pem, '', 'aes256') }),
    'in an old PFX file with a password': (pem) => ({ file: asPfx(pem, 'hunter2', '3des'), password: 'hunter2' }),
  }

  test.each(Object.keys(forms))('%s signs in', async (form) => {
    const pem = await readFile(reader.certificatePath, 'utf8')
    const { file, password } = forms[form]?.(pem) ?? { file: '' }
    const azureCertificateFile = join(cloud.dataDirectory, 'certificate')
    await writeFile(azureCertificateFile, file, { mode: 0o600 })
    const store = await open({
      azureClientId: reader.clientId,
      azureCertificateFile,
      ...(password !== undefined && { azureCertificatePassword: password }),
    })
    expect(await store.getSecret('one', {}, signal())).toEqual({ one: 'second' })
  })

  test('given as a value signs in', async () => {
    const azureCertificate = await readFile(reader.certificatePath, 'utf8')
    const store = await open({ azureClientId: reader.clientId, azureCertificate })
    expect(await store.getSecret('one', {}, signal())).toEqual({ one: 'second' })
  })

  test('of another application is refused, with Entra’s words', async () => {
    const store = await open({ azureClientId: reader.clientId, azureCertificateFile: keeper.certificatePath })
    await expect(store.getSecret('one', {}, signal())).rejects.toThrow(/AADSTS700027/)
  })

  test('with a wrong password keeps the component from loading', async () => {
    const azureCertificateFile = join(cloud.dataDirectory, 'locked')
    const pem = await readFile(reader.certificatePath, 'utf8')
    await writeFile(azureCertificateFile, asPfx(pem, 'hunter2', 'aes256'), { mode: 0o600 })
    await expect(
      open({
        azureAuthMethods: 'cert',
        azureClientId: reader.clientId,
        azureCertificateFile,
        azureCertificatePassword: 'other',
      }),
    ).rejects.toThrow(/certificate is not valid/)
  })
})

test('a wrong client secret is refused with Entra’s words, and is not shown', async () => {
  const store = await open({ ...withSecret(reader), azureClientSecret: 'wrong' })
  await expect(store.getSecret('one', {}, signal())).rejects.toThrow(/AADSTS7000215/)
  await expect(store.getSecret('one', {}, signal())).rejects.not.toThrow(/wrong/)
})

test('a role that is taken away and given back counts for the store that is open', async () => {
  const { keeper: other } = await addApplications(cloud, ['keeper'])
  const revoke = await owner.grant(vaultId, 'Key Vault Secrets User', other.objectId)
  const store = await open(withSecret(other))
  expect(await store.getSecret('one', {}, signal())).toEqual({ one: 'second' })
  await revoke()
  await expect(store.getSecret('one', {}, signal())).rejects.toThrow(
    /RESPONSE 403: 403 Forbidden\nERROR CODE: Forbidden/,
  )
  await owner.grant(vaultId, 'Key Vault Secrets User', other.objectId)
  expect(await store.getSecret('one', {}, signal())).toEqual({ one: 'second' })
})

function asPfx(pem: string, password: string, algorithm: '3des' | 'aes256'): Buffer {
  const block = (label: string): string =>
    new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`).exec(pem)?.[0] ?? ''
  return pfx({ certificate: block('CERTIFICATE'), key: block('PRIVATE KEY') }, password, algorithm)
}
