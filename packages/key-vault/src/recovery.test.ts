import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeyVaultTables } from './tables.ts'
import { openTestCloud, type Person, roles, type TestCloud } from './testing/cloud.ts'

/** What a crash between two durable writes leaves, and what the next start makes of it. */
describe('after a crash', () => {
  let cloud: TestCloud
  let alice: Person
  beforeEach(async () => {
    cloud = await openTestCloud()
    alice = await cloud.person()
    await cloud.createVault('kv1')
    await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv1'))
  })
  afterEach(() => cloud.close())

  const database = () => cloud.store.database<KeyVaultTables>()
  const row = () => database().selectFrom('key_vault_vaults').selectAll().where('name', '=', 'kv1').executeTakeFirst()

  it('a vault whose creation was not finished is not there, and can be made', async () => {
    await cloud.resources.delete(cloud.vaultId('kv1'))
    await cloud.reopen()
    expect(cloud.keyVault.exists('kv1')).toBe(false)
    expect(await row()).toBeUndefined()
  })

  it('a vault whose resource went with its group is soft-deleted, with its secrets', async () => {
    const put = { method: 'PUT', path: '/secrets/s?api-version=7.5', as: alice, body: { value: 'v' } }
    expect((await cloud.send(put)).status).toBe(200)
    await cloud.resources.delete(cloud.vaultId('kv1'))
    await cloud.reopen()
    expect(cloud.keyVault.exists('kv1')).toBe(false)
    expect((await row())?.deleted_at).toBe(cloud.time.now)
  })

  it('a deletion that was written stands, and takes the resource with it', async () => {
    await database()
      .updateTable('key_vault_vaults')
      .set({ deleted_at: cloud.time.now, scheduled_purge_at: cloud.time.now + 1000 })
      .execute()
    await cloud.reopen()
    expect(cloud.keyVault.exists('kv1')).toBe(false)
    expect(await cloud.resources.get(cloud.vaultId('kv1'))).toBeUndefined()
  })

  it('a purge that was begun is ended', async () => {
    const key = `vault:${(await row())?.id}`
    await database().updateTable('key_vault_vaults').set({ deleted_at: 0, scheduled_purge_at: 0 }).execute()
    await cloud.reopen()
    expect(await row()).toBeUndefined()
    const seal = () => cloud.store.keyring.seal(key, randomBytes(1), '')
    expect(seal).toThrow()
  })
})
