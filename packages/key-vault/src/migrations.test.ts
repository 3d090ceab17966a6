import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { masterKeyOf, openStore } from '@keystead/store'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keyVaultMigrations } from './migrations.ts'
import type { KeyVaultTables } from './tables.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-migrations-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const secret = {
  id: 's1',
  vault_id: 'v1',
  name_key: 'db',
  name: 'DB',
  current_version: '2',
  deleted_at: null,
  scheduled_purge_at: null,
}
const version = {
  secret_id: 's1',
  sealed: Buffer.from('sealed'),
  content_type: null,
  tags: null,
  enabled: 1,
  not_before: null,
  expires: null,
  created: 1,
  updated: 1,
}

it('keep secrets and versions that an earlier schema held, and what refers to what', async () => {
  const path = join(directory, 'cloud.db')
  const masterKey = masterKeyOf(Buffer.alloc(32, 1))
  const { '001_vaults_and_secrets': first } = keyVaultMigrations.migrations
  if (first === undefined) throw new Error('The first migration has gone.')
  const before = await openStore({
    path,
    masterKey,
    migrations: [{ owner: 'key-vault', migrations: { '001_vaults_and_secrets': first } }],
  })
  const old = before.database<KeyVaultTables>()
  await old
    .insertInto('key_vault_vaults')
    .values({ id: 'v1', name: 'kv', resource_id: '/r', resource: '{}', deleted_at: null, scheduled_purge_at: null })
    .execute()
  await old.insertInto('key_vault_secrets').values(secret).execute()
  for (const each of ['1', '2']) {
    await old
      .insertInto('key_vault_secret_versions')
      .values({ ...version, version: each })
      .execute()
  }
  await before.close()

  const after = await openStore({ path, masterKey, migrations: [keyVaultMigrations] })
  try {
    const database = after.database<KeyVaultTables>()
    expect(await database.selectFrom('key_vault_secrets').selectAll().execute()).toEqual([secret])
    const versions = await database.selectFrom('key_vault_secret_versions').selectAll().orderBy('version').execute()
    expect(versions.map((row) => ({ ...row, sealed: Buffer.from(row.sealed) }))).toEqual([
      { ...version, version: '1' },
      { ...version, version: '2' },
    ])
    expect((await sql`pragma foreign_key_check`.execute(database)).rows).toEqual([])
    await database.deleteFrom('key_vault_vaults').execute()
    expect(await database.selectFrom('key_vault_secret_versions').selectAll().execute()).toEqual([])
  } finally {
    await after.close()
  }
})
