import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestCloud, type Person, roles, type TestCloud } from './testing/cloud.ts'

/** The whole data plane, as the official client uses it. */
describe('SecretClient of @azure/keyvault-secrets', () => {
  let cloud: TestCloud
  let alice: Person
  beforeAll(async () => {
    cloud = await openTestCloud()
    alice = await cloud.person()
    await cloud.createVault('kv1', { softDeleteRetentionInDays: 7 })
    await cloud.createVault('kv2')
    await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv1'))
    await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv2'))
  })
  afterAll(() => cloud.close())

  it('sets, gets the latest and by version', async () => {
    const client = cloud.secrets(alice)
    const first = await client.setSecret('accountName', 'one', {
      contentType: 'text/plain',
      tags: { team: 'orders' },
      notBefore: new Date('2020-01-01T00:00:00Z'),
      expiresOn: new Date('2030-01-01T00:00:00Z'),
    })
    expect(first.properties.version).toMatch(/^[0-9a-f]{32}$/)
    const second = await client.setSecret('accountName', 'two')
    expect((await client.getSecret('accountName')).value).toBe('two')
    const old = await client.getSecret('accountName', { version: first.properties.version })
    expect(old).toMatchObject({
      name: 'accountName',
      value: 'one',
      properties: {
        id: `https://kv1.vault.azure.net/secrets/accountName/${first.properties.version}`,
        contentType: 'text/plain',
        tags: { team: 'orders' },
        enabled: true,
        notBefore: new Date('2020-01-01T00:00:00Z'),
        expiresOn: new Date('2030-01-01T00:00:00Z'),
        createdOn: new Date(Math.floor(cloud.time.now / 1000) * 1000),
        updatedOn: new Date(Math.floor(cloud.time.now / 1000) * 1000),
        recoveryLevel: 'CustomizedRecoverable+Purgeable',
        recoverableDays: 7,
      },
    })
    expect(second.properties.tags).toBeUndefined()
  })

  it('updates attributes, tags and content type, and refuses a disabled get', async () => {
    const client = cloud.secrets(alice)
    const { properties } = await client.setSecret('switched', 'v', { tags: { a: '1' } })
    cloud.time.now += 5000
    const updated = await client.updateSecretProperties('switched', properties.version ?? '', {
      enabled: false,
      contentType: 'password',
    })
    expect(updated).toMatchObject({ enabled: false, contentType: 'password', tags: { a: '1' } })
    expect(updated.updatedOn).toEqual(new Date(Math.floor(cloud.time.now / 1000) * 1000))
    await expect(client.getSecret('switched')).rejects.toMatchObject({
      statusCode: 403,
      message: 'Operation get is not allowed on a disabled secret.',
    })
    await client.updateSecretProperties('switched', properties.version ?? '', { enabled: true })
    expect((await client.getSecret('switched')).value).toBe('v')
  })

  it('lists secrets and versions page by page, without values', async () => {
    const client = cloud.secrets(alice, 'kv2')
    const names = Array.from({ length: 60 }, (_, index) => `secret-${String(index).padStart(2, '0')}`)
    for (const name of names) await client.setSecret(name, `value-of-${name}`)
    for (let index = 0; index < 30; index += 1) await client.setSecret('secret-00', `again ${index}`)
    const pages = []
    for await (const page of client.listPropertiesOfSecrets().byPage({ maxPageSize: 25 })) pages.push(page)
    expect(pages.map((page) => page.length)).toEqual([25, 25, 10])
    expect(pages.flat().map((properties) => properties.name)).toEqual(names)
    expect(JSON.stringify(pages)).not.toContain('value-of-')
    const versions = new Set()
    for await (const properties of client.listPropertiesOfSecretVersions('secret-00')) versions.add(properties.version)
    expect(versions.size).toBe(31)
  })

  it('deletes, shows the deleted, recovers and purges', async () => {
    const client = cloud.secrets(alice)
    await client.setSecret('short-lived', 'first')
    await client.setSecret('short-lived', 'second')
    const deletion = await client.beginDeleteSecret('short-lived')
    const deleted = await deletion.pollUntilDone()
    expect(deleted.properties).toMatchObject({
      recoveryId: 'https://kv1.vault.azure.net/deletedsecrets/short-lived',
      deletedOn: new Date(Math.floor(cloud.time.now / 1000) * 1000),
      scheduledPurgeDate: new Date(Math.floor(cloud.time.now / 1000) * 1000 + 7 * 86_400_000),
    })
    await expect(client.getSecret('short-lived')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' })
    await expect(client.setSecret('short-lived', 'third')).rejects.toMatchObject({
      statusCode: 409,
      message:
        'Secret short-lived is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.',
    })
    const listed = []
    for await (const each of client.listDeletedSecrets()) listed.push(each.name)
    expect(listed).toEqual(['short-lived'])
    await (await client.beginRecoverDeletedSecret('short-lived')).pollUntilDone()
    expect((await client.getSecret('short-lived')).value).toBe('second')
    await (await client.beginDeleteSecret('short-lived')).pollUntilDone()
    await client.purgeDeletedSecret('short-lived')
    await expect(client.getDeletedSecret('short-lived')).rejects.toMatchObject({
      statusCode: 404,
      message: 'Deleted Secret not found: short-lived',
    })
    await client.setSecret('short-lived', 'new life')
  })

  it('backs up every version, and restores them into another vault of the subscription', async () => {
    const client = cloud.secrets(alice)
    const first = await client.setSecret('precious', 'v1', { tags: { n: '1' } })
    await client.setSecret('precious', 'v2', { contentType: 'x' })
    const backup = await client.backupSecret('precious')
    expect(Buffer.from(backup ?? new Uint8Array()).toString('latin1')).not.toContain('v2"')
    await expect(client.restoreSecretBackup(backup ?? new Uint8Array())).rejects.toMatchObject({
      statusCode: 409,
      message: expect.stringContaining('There was a conflict restoring the secret'),
    })
    const other = cloud.secrets(alice, 'kv2')
    await other.restoreSecretBackup(backup ?? new Uint8Array())
    expect((await other.getSecret('precious')).value).toBe('v2')
    const old = await other.getSecret('precious', { version: first.properties.version })
    expect(old).toMatchObject({ value: 'v1', properties: { tags: { n: '1' } } })
  })
})
