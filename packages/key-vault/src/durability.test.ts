import { AuditTrailError } from '@keystead/authorization'
import { StoreError } from '@keystead/store'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KeyVaultTables } from './tables.ts'
import { openTestCloud, type Person, roles, type TestCloud } from './testing/cloud.ts'

let cloud: TestCloud
let alice: Person
let names = 0
let name: string

beforeAll(async () => {
  cloud = await openTestCloud()
  alice = await cloud.person()
  await cloud.createVault('kv1', { softDeleteRetentionInDays: 7 })
  await cloud.createVault('kv2')
  await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv1'))
  await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv2'))
})
afterAll(() => cloud.close())
beforeEach(() => {
  names += 1
  name = `secret-${names}`
})

const request = (method: string, path: string, body?: unknown) =>
  cloud.send({ method, path: `${path}?api-version=7.5`, as: alice, ...(body === undefined ? {} : { body }) })
const get = () => request('GET', `/secrets/${name}`)
const set = (value: string) => request('PUT', `/secrets/${name}`, { value })

describe('the cache of values', () => {
  it('is emptied at once by a write, a disable, a delete, a recovery and a purge', async () => {
    await set('one')
    expect([(await get()).body.value, (await get()).body.value]).toEqual(['one', 'one'])
    await set('two')
    expect((await get()).body.value).toBe('two')
    await request('PATCH', `/secrets/${name}/`, { attributes: { enabled: false } })
    expect((await get()).status).toBe(403)
    await request('PATCH', `/secrets/${name}/`, { attributes: { enabled: true } })
    expect((await get()).body.value).toBe('two')
    await request('DELETE', `/secrets/${name}`)
    expect((await get()).status).toBe(404)
    await request('POST', `/deletedsecrets/${name}/recover`)
    expect((await get()).body.value).toBe('two')
    await request('DELETE', `/secrets/${name}`)
    await request('DELETE', `/deletedsecrets/${name}`)
    expect((await get()).status).toBe(404)
  })

  it('keeps the answers of versions and of other host names apart', async () => {
    const first = await set('one')
    const version = String(first.body.id).split('/').at(-1)
    await set('two')
    for (let time = 0; time < 2; time += 1) {
      expect((await request('GET', `/secrets/${name}/${version}`)).body.value).toBe('one')
      expect((await get()).body.value).toBe('two')
      const local = await cloud.send({
        host: `kv1.vault.keystead.localhost:${cloud.keyVaultPort}`,
        path: `/secrets/${name}?api-version=7.5`,
        as: alice,
      })
      expect(local.body.id).toContain(`http://kv1.vault.keystead.localhost:${cloud.keyVaultPort}/secrets/${name}/`)
    }
  })

  it('never lets a get that began before a write answer after it with what was', async () => {
    await set('0')
    for (let round = 1; round <= 20; round += 1) {
      const reads = Array.from({ length: 5 }, () => get())
      await set(String(round))
      await Promise.all(reads)
      expect((await get()).body.value).toBe(String(round))
    }
  })
})

describe('retention', () => {
  it('a deleted secret is gone when it has run out, and its name free', async () => {
    await set('old')
    await request('DELETE', `/secrets/${name}`)
    expect((await set('new')).body.error?.innererror?.code).toBe('ObjectIsDeletedButRecoverable')
    cloud.time.now += 7 * 86_400_000
    expect((await request('GET', `/deletedsecrets/${name}`)).status).toBe(404)
    expect((await request('POST', `/deletedsecrets/${name}/recover`)).status).toBe(404)
    expect((await request('GET', '/deletedsecrets')).text).not.toContain(name)
    expect((await set('new')).status).toBe(200)
    expect((await request('GET', `/secrets/${name}/versions`)).body.value).toHaveLength(1)
  })
})

describe('at rest', () => {
  it('a value is sealed, and opens under no other name or version and in no other vault', async () => {
    await set('plainly-secret')
    const database = cloud.store.database<KeyVaultTables>()
    const secret = await database
      .selectFrom('key_vault_secrets')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    const row = await database
      .selectFrom('key_vault_secret_versions')
      .selectAll()
      .where('secret_id', '=', secret.id)
      .executeTakeFirstOrThrow()
    expect(Buffer.from(row.sealed).toString('latin1')).not.toContain('plainly-secret')
    name = `${name}-other`
    await set('another')
    const other = await database
      .selectFrom('key_vault_secrets')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    await database
      .updateTable('key_vault_secret_versions')
      .set({ sealed: row.sealed })
      .where('secret_id', '=', other.id)
      .execute()
    expect((await get()).status).toBe(500)
  })
})

describe('when the audit trail can not be written', () => {
  it('a get is refused and tells no value, a set is refused and changes nothing', async () => {
    await set('before')
    cloud.auditFault.error = new AuditTrailError('No space is left.')
    try {
      for (const reply of [await get(), await set('after'), await request('DELETE', `/secrets/${name}`)]) {
        expect([reply.status, reply.body.error?.code]).toEqual([503, 'ServiceUnavailable'])
        expect(reply.text).not.toContain('before')
      }
    } finally {
      cloud.auditFault.error = undefined
    }
    expect((await get()).body.value).toBe('before')
    expect((await request('GET', `/secrets/${name}/versions`)).body.value).toHaveLength(1)
  })
})

describe('when the database has no space', () => {
  it('the request is refused in the form of Key Vault, and logged without details for the caller', async () => {
    cloud.auditFault.error = new StoreError('full', 'No space is left for the database.')
    try {
      const reply = await set('v')
      expect([reply.status, reply.body.error?.message]).toEqual([
        503,
        'The request was not carried out, because no storage space is left.',
      ])
    } finally {
      cloud.auditFault.error = undefined
    }
    expect(cloud.logged.at(-1)).toMatchObject({ level: 'error', message: 'A Key Vault request failed' })
  })
})

describe('the audit trail', () => {
  it('has one event for each request, appended before its answer, and never a value', async () => {
    const before = (await cloud.audited()).length
    const requests = [
      () => set('hush-hush'),
      get,
      () => request('GET', '/secrets'),
      () => request('POST', `/secrets/${name}/backup`),
      () => request('DELETE', `/secrets/${name}`),
      () => request('GET', `/deletedsecrets/${name}`),
      () => request('DELETE', `/deletedsecrets/${name}`),
      get,
    ]
    for (const [index, send] of requests.entries()) {
      await send()
      expect((await cloud.audited()).length).toBe(before + index + 1)
    }
    const events = (await cloud.audited()).slice(before)
    expect(events.map((event) => [event.operation, event.status])).toEqual([
      ['SecretSet', 200],
      ['SecretGet', 200],
      ['SecretList', 200],
      ['SecretBackup', 200],
      ['SecretDelete', 200],
      ['SecretGetDeleted', 200],
      ['SecretPurge', 204],
      ['SecretGet', 404],
    ])
    expect(JSON.stringify(events)).not.toContain('hush')
    expect(JSON.stringify(cloud.logged)).not.toContain('hush')
    expect(events[0]).toMatchObject({
      resource: `${cloud.vaultId('kv1')}/secrets/${name}`,
      caller: { objectId: alice.objectId, appId: alice.appId },
      callerIp: '127.0.0.1',
    })
  })
})
