/**
 * A process of the durability tests: it writes rows one after another, says each on standard output once it is
 * acknowledged, and goes on until it is killed or has written `rows`.
 *
 * Arguments: the database, the number of rows, the `synchronous` setting to weaken the database to (`full` leaves it).
 */
import { writeSync } from 'node:fs'
import { sql } from 'kysely'
import { loadMasterKey, openStore } from '../index.ts'
import { dataKey, numberedBody, type RowTables, rowMigrations } from './rows.ts'

const [path, rows, synchronous] = process.argv.slice(2)
if (path === undefined || rows === undefined || !/^(?:full|normal|off)$/.test(synchronous ?? '')) {
  throw new Error('usage: write-loop.ts DATABASE ROWS full|normal|off')
}
const masterKey = await loadMasterKey({ file: '', environment: process.env, create: false })
const store = await openStore({ path, masterKey, migrations: [rowMigrations] })
await store.keyring.create(dataKey)
const db = store.database<RowTables>()
if (synchronous !== 'full') await sql.raw(`pragma synchronous = ${synchronous}`).execute(db)

const { last } = await db
  .selectFrom('rows')
  .select((select) => select.fn.max('n').as('last'))
  .executeTakeFirstOrThrow()
const first = last === null ? 0 : Number(last) + 1
for (let n = first; n < first + Number(rows); n++) {
  const body = store.keyring.seal(dataKey, numberedBody(n), String(n))
  await db.insertInto('rows').values({ n, body }).execute()
  writeSync(1, `${n}\n`)
}
