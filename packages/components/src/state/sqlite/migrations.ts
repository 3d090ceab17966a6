/** Brings the tables of state.sqlite to the layout that daprd has (components-contrib state/sqlite/sqlite_migrations.go). */
import type { DatabaseSync } from 'node:sqlite'
import { ComponentError } from '../../component-error.ts'
import type { ComponentContext } from '../../metadata.ts'

export interface Tables {
  readonly state: string
  readonly metadata: string
}

/** Each runs once; the number of those that ran is kept under the key `migrations`. */
const migrations: readonly ((tables: Tables) => string)[] = [
  ({ state }) => `CREATE TABLE IF NOT EXISTS ${state} (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    is_binary BOOLEAN NOT NULL,
    etag TEXT NOT NULL,
    expiration_time TIMESTAMP DEFAULT NULL,
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
  )`,
]

export function migrate(database: DatabaseSync, tables: Tables, log: ComponentContext['log']): void {
  database.exec('BEGIN EXCLUSIVE')
  try {
    database.exec(`CREATE TABLE IF NOT EXISTS ${tables.metadata} (key text NOT NULL PRIMARY KEY, value text NOT NULL)`)
    const row = database.prepare(`SELECT value FROM ${tables.metadata} WHERE key = 'migrations'`).get()
    const level = row === undefined ? '0' : String(row.value)
    if (!/^\d+$/.test(level)) {
      throw new ComponentError(`invalid migration level found in metadata table: ${level}`)
    }
    for (const [index, statement] of migrations.entries()) {
      if (index < Number(level)) continue
      log('info', `Performing migration ${index + 1}`)
      database.exec(statement(tables))
      database.prepare(`REPLACE INTO ${tables.metadata} (key, value) VALUES ('migrations', ?)`).run(String(index + 1))
    }
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
