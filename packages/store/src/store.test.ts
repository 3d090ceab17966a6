import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KeyringError, type MigrationSet, masterKeyOf, openStore, StoreError, UniqueViolationError } from './index.ts'

interface Tables {
  things: { name: string; body: Uint8Array | null; active: boolean | number | null }
  parts: { thing: string }
}

const masterKey = masterKeyOf(randomBytes(32))

const things: MigrationSet = {
  owner: 'things',
  migrations: {
    '001_things': {
      async up(db: Kysely<never>) {
        await db.schema
          .createTable('things')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('body', 'bytea')
          .addColumn('active', 'integer')
          .execute()
        await db.schema
          .createTable('parts')
          .addColumn('thing', 'text', (column) => column.notNull().references('things.name'))
          .execute()
      },
    },
  },
}

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-store-'))
  path = join(directory, 'data', 'keystead.db')
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const openThings = () => openStore({ path, masterKey, migrations: [things] })

/** What `action` was refused with. */
async function refusal(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action()
  } catch (error) {
    return error
  }
  throw new Error('It was not refused.')
}

describe('opening', () => {
  test('makes the database and its directory readable by the owner only', async () => {
    const store = await openThings()
    await store.database<Tables>().insertInto('things').values({ name: 'a' }).execute()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory, 'data'))).mode & 0o777).toBe(0o700)
    await store.close()
  })

  test('closes a file that others could read to them', async () => {
    await (await openThings()).close()
    await chmod(path, 0o644)
    await (await openThings()).close()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('finds again what was written', async () => {
    const first = await openThings()
    await first
      .database<Tables>()
      .insertInto('things')
      .values({ name: 'a', body: Buffer.from('b'), active: true })
      .execute()
    await first.close()
    const second = await openThings()
    const [row] = await second.database<Tables>().selectFrom('things').selectAll().execute()
    expect(row?.name).toBe('a')
    expect(Buffer.from(row?.body ?? []).toString()).toBe('b')
    expect(row?.active).toBe(1)
    await second.close()
  })

  test('refuses a database that is open elsewhere, at once, and says what to do', async () => {
    const store = await openThings()
    const error = await refusal(openThings)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'locked', message: expect.stringContaining('keystead down') })
    await store.close()
    await (await openThings()).close()
  })

  test('refuses a file that is no database', async () => {
    await (await openThings()).close()
    await writeFile(path, 'not a database, but long enough to have a header. '.repeat(100))
    expect(await refusal(openThings)).toMatchObject({ name: 'StoreError', code: 'corrupt' })
  })

  test('refuses a database with a damaged schema, and tells damage in a table when it is read', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    for (let n = 0; n < 200; n++) {
      await db
        .insertInto('things')
        .values({ name: `${n}`, body: randomBytes(1000) })
        .execute()
    }
    await store.close()
    const size = (await stat(path)).size
    const file = await open(path, 'r+')
    await file.write(Buffer.alloc(size / 2, 0x5a), 0, size / 2, size / 2)
    await file.close()
    const damaged = await openThings()
    const error = await refusal(() => damaged.database<Tables>().selectFrom('things').selectAll().execute())
    expect(error).toMatchObject({ name: 'StoreError', code: 'corrupt' })
    await damaged.close()

    const header = await open(path, 'r+')
    await header.write(Buffer.alloc(3900, 0x5a), 0, 3900, 100)
    await header.close()
    expect(await refusal(openThings)).toMatchObject({ name: 'StoreError', code: 'corrupt' })
  })

  test('tells another master key apart from damage, and changes nothing', async () => {
    await (await openThings()).close()
    const before = await readFile(path)
    const more: MigrationSet = { owner: 'more', migrations: { '001_more': { up: async () => undefined } } }
    const error = await refusal(() =>
      openStore({ path, masterKey: masterKeyOf(randomBytes(32)), migrations: [things, more] }),
    )
    expect(error).toMatchObject({ code: 'wrong-master-key', message: expect.stringContaining('KEYSTEAD_MASTER_KEY') })
    expect(await readFile(path)).toEqual(before)
    await (await openThings()).close()
  })

  test('refuses a database of a later version', async () => {
    await (await openThings()).close()
    const error = await refusal(() => openStore({ path, masterKey, migrations: [] }))
    expect(error).toMatchObject({ code: 'newer', message: expect.stringContaining('things/001_things') })
  })

  test('refuses a path that cannot be a file', async () => {
    expect(await refusal(() => openStore({ path: directory, masterKey, migrations: [] }))).toMatchObject({
      name: 'StoreError',
      code: 'unavailable',
    })
    await writeFile(join(directory, 'data'), '')
    expect(await refusal(openThings)).toMatchObject({ name: 'StoreError', code: 'unavailable' })
  })

  test('leaves no file open after a refusal', async () => {
    await (await openThings()).close()
    await refusal(() => openStore({ path, masterKey, migrations: [] }))
    await (await openThings()).close()
    expect(existsSync(`${path}-wal`)).toBe(false)
  })
})

describe('migrations', () => {
  test('of a package that sorts before an older one are applied later', async () => {
    await (await openThings()).close()
    const early: MigrationSet = {
      owner: 'early',
      migrations: { '001_early': { up: (db: Kysely<never>) => sql`create table early (a text)`.execute(db).then() } },
    }
    const store = await openStore({ path, masterKey, migrations: [things, early] })
    await sql`select a from early`.execute(store.database())
    await store.close()
  })

  test('that fail leave nothing behind', async () => {
    const failing: MigrationSet = {
      owner: 'things',
      migrations: {
        ...things.migrations,
        '002_fails': {
          async up(db: Kysely<never>) {
            await sql`create table half (a text)`.execute(db)
            throw new Error('no further')
          },
        },
      },
    }
    expect(await refusal(() => openStore({ path, masterKey, migrations: [failing] }))).toMatchObject({
      message: 'no further',
    })
    const store = await openThings()
    expect(await refusal(() => sql`select * from half`.execute(store.database()))).toMatchObject({
      message: expect.stringContaining('no such table'),
    })
    await store.close()
  })

  test.each(['001', 'x/y/001_a', '1_short'])('named %j are refused', async (name) => {
    const set: MigrationSet = { owner: 'things', migrations: { [name]: { up: async () => undefined } } }
    await expect(openStore({ path, masterKey, migrations: [set] })).rejects.toThrow('owner/001_name')
  })

  test('of the same name are refused', async () => {
    await expect(openStore({ path, masterKey, migrations: [things, things] })).rejects.toThrow('Two migrations')
  })
})

describe('a prepared query', () => {
  test('has its first row at once, and while a transaction is open only after that', async () => {
    const store = await openThings()
    const database = store.database<Tables>()
    await database.insertInto('things').values({ name: 'a', body: null, active: true }).execute()
    const byName = store.prepareFirst(database.selectFrom('things').select('active').where('name', '=', '').compile())
    expect(byName('a')).toEqual({ active: 1 })
    expect(byName('b')).toBeUndefined()
    let during: unknown
    let settled = false
    await database.transaction().execute(async (transaction) => {
      await transaction.insertInto('things').values({ name: 'b', body: null, active: false }).execute()
      during = byName('b')
      void Promise.resolve(during).then(() => {
        settled = true
      })
      await transaction.selectFrom('things').select('name').execute()
      expect(during).toBeInstanceOf(Promise)
      expect(settled).toBe(false)
    })
    expect(await during).toEqual({ active: 0 })
    expect(byName('b')).toEqual({ active: 0 })
    await store.close()
  })

  test('does not see what a transaction takes back', async () => {
    const store = await openThings()
    const database = store.database<Tables>()
    const first = store.prepareFirst<{ name: string }>(database.selectFrom('things').select('name').compile())
    let during: unknown
    const undone = database.transaction().execute(async (transaction) => {
      await transaction.insertInto('things').values({ name: 'a', body: null, active: true }).execute()
      during = first()
      throw new Error('taken back')
    })
    await expect(undone).rejects.toThrow('taken back')
    expect(await during).toBeUndefined()
    await store.close()
  })
})

describe('writing', () => {
  test('without space is told as full, rolls back, and works again with space', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db)
    await sql.raw(`pragma max_page_count = ${(rows[0]?.page_count ?? 0) + 4}`).execute(db)
    const insert = (name: string, bytes: number) => ({ name, body: randomBytes(bytes) })
    const write = () =>
      db.transaction().execute(async (transaction) => {
        await transaction.insertInto('things').values(insert('small', 10)).execute()
        await transaction.insertInto('things').values(insert('large', 100_000)).execute()
      })
    expect(await refusal(write)).toMatchObject({ name: 'StoreError', code: 'full' })
    expect(await refusal(() => db.insertInto('things').values(insert('large', 100_000)).execute())).toMatchObject({
      code: 'full',
    })
    expect(await db.selectFrom('things').selectAll().execute()).toEqual([])
    await sql`pragma max_page_count = 1000000`.execute(db)
    await write()
    expect(await db.selectFrom('things').select('name').orderBy('name').execute()).toEqual([
      { name: 'large' },
      { name: 'small' },
    ])
    await store.close()
  })

  test('a key twice is a UniqueViolationError, whose message holds no value', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    const write = () => db.insertInto('things').values({ name: 'the-value' }).execute()
    await write()
    const error = await refusal(write)
    expect(error).toBeInstanceOf(UniqueViolationError)
    expect(String(error)).not.toContain('the-value')
    await store.close()
  })

  test('a reference to what is not there is refused', async () => {
    const store = await openThings()
    await expect(store.database<Tables>().insertInto('parts').values({ thing: 'none' }).execute()).rejects.toThrow(
      'FOREIGN KEY',
    )
    await store.close()
  })

  test('transactions that start together do not see into each other', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    const failing = db.transaction().execute(async (transaction) => {
      await transaction.insertInto('things').values({ name: 'a' }).execute()
      throw new Error('undone')
    })
    const working = db.insertInto('things').values({ name: 'b' }).execute()
    await expect(failing).rejects.toThrow('undone')
    await working
    expect(await db.selectFrom('things').select('name').execute()).toEqual([{ name: 'b' }])
    await store.close()
  })

  test('more different statements than are kept prepared', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    await db.insertInto('things').values({ name: '7' }).execute()
    for (let n = 1; n < 600; n++) {
      const names = Array.from({ length: n }, (_, index) => `${index}`)
      const rows = await db.selectFrom('things').select('name').where('name', 'in', names).execute()
      expect(rows.length).toBe(n > 7 ? 1 : 0)
    }
    await store.close()
  })

  test('a stream that is left half-way leaves the database as it was', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    await db
      .insertInto('things')
      .values([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
      .execute()
    const query = db.selectFrom('things').select('name').orderBy('name')
    for await (const row of query.stream()) {
      expect(row.name).toBe('a')
      break
    }
    await db.insertInto('things').values({ name: 'd' }).execute()
    const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db)
    expect(rows[0]?.busy).toBe(0)
    expect((await query.execute()).length).toBe(4)
    await store.close()
  })

  test('a kept statement answers the columns that a later change added', async () => {
    const store = await openThings()
    const db = store.database<Tables>()
    await db.insertInto('things').values({ name: 'a' }).execute()
    const before = await db.selectFrom('things').selectAll().execute()
    await sql`alter table things add column extra integer default 1`.execute(db)
    const after = await db.selectFrom('things').selectAll().execute()
    expect(Object.keys(after[0] ?? {})).toEqual([...Object.keys(before[0] ?? {}), 'extra'])
    await store.close()
  })
})

describe('the keyring', () => {
  test('opens what it sealed, after the store was opened again', async () => {
    const first = await openThings()
    await first.keyring.create('vault:a')
    const sealed = first.keyring.seal('vault:a', Buffer.from('value'), 'secret/1')
    await first.close()
    const second = await openThings()
    expect(second.keyring.has('vault:a')).toBe(true)
    expect(Buffer.from(second.keyring.open('vault:a', sealed, 'secret/1')).toString()).toBe('value')
    await second.close()
  })

  test('makes a key once, however many ask', async () => {
    const store = await openThings()
    await Promise.all(Array.from({ length: 5 }, () => store.keyring.create('k')))
    const sealed = store.keyring.seal('k', Buffer.from('value'), '')
    await store.keyring.create('k')
    expect(Buffer.from(store.keyring.open('k', sealed, '')).toString()).toBe('value')
    await store.close()
  })

  test('refuses a value that was moved to another row or another key, and a changed one', async () => {
    const store = await openThings()
    await store.keyring.create('a')
    await store.keyring.create('b')
    const sealed = store.keyring.seal('a', Buffer.from('value'), 'row 1')
    for (const [key, context] of [
      ['a', 'row 2'],
      ['b', 'row 1'],
    ] as const) {
      expect(() => store.keyring.open(key, sealed, context)).toThrow(KeyringError)
    }
    for (let position = 0; position < sealed.length; position++) {
      const changed = Uint8Array.from(sealed)
      changed[position] = (changed[position] ?? 0) ^ 1
      expect(() => store.keyring.open('a', changed, 'row 1')).toThrow(KeyringError)
      expect(() => store.keyring.open('a', sealed.subarray(0, position), 'row 1')).toThrow(KeyringError)
    }
    await store.close()
  })

  test('forgets a destroyed key: nothing opens under it, and no byte of it stays in the files', async () => {
    const store = await openThings()
    await store.keyring.create('gone')
    const sealed = store.keyring.seal('gone', Buffer.from('value'), '')
    const { rows } = await sql<{ wrapped: Uint8Array }>`select wrapped from data_keys where name = 'gone'`.execute(
      store.database(),
    )
    const wrapped = Buffer.from(rows[0]?.wrapped ?? [])
    const files = async () => Buffer.concat(await Promise.all([readFile(path), readFile(`${path}-wal`)]))
    expect((await files()).includes(wrapped)).toBe(true)
    await store.keyring.destroy('gone')
    expect((await files()).includes(wrapped)).toBe(false)
    expect(() => store.keyring.open('gone', sealed, '')).toThrow(expect.objectContaining({ code: 'unknown-key' }))
    await store.keyring.create('gone')
    expect(() => store.keyring.open('gone', sealed, '')).toThrow(expect.objectContaining({ code: 'not-authentic' }))
    await store.close()
  })

  test('writes neither the value nor a key into the files', async () => {
    const store = await openThings()
    await store.keyring.create('k')
    const value = randomBytes(40)
    const body = store.keyring.seal('k', value, '')
    await store.database<Tables>().insertInto('things').values({ name: 'a', body }).execute()
    const files = Buffer.concat([await readFile(path), await readFile(`${path}-wal`)])
    expect(files.includes(value)).toBe(false)
    expect(files.includes(Buffer.from(masterKey.bytes))).toBe(false)
    await store.close()
  })
})
