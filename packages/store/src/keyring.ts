/** Encryption at rest: named data keys, which the master key wraps. */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { KeyringError, openBox, sealBox } from './sealed-box.ts'
import { StoreError } from './store-error.ts'

/** 256 bits that wrap every data key. Never logged, never stored in the database. */
export interface MasterKey {
  readonly bytes: Uint8Array
}

/**
 * Encryption at rest: AES-256-GCM under named data keys, each wrapped by the master key.
 * `context` (for a secret: vault, name and version) is bound into the ciphertext as additional data, so that a
 * sealed value moved to another row does not open.
 */
export interface Keyring {
  /** Makes the data key `name` (idempotent), e.g. `vault:<resource id>`. Not inside a transaction: it would wait for itself. */
  create(name: string): Promise<void>
  /** Forgets the data key: everything sealed under it is gone for good (a purged vault). Not inside a transaction. */
  destroy(name: string): Promise<void>
  /** Whether the data key `name` exists. */
  has(name: string): boolean
  /** Synchronous: data keys are held in memory. Throws KeyringError `unknown-key` when `name` was not made. */
  seal(name: string, plaintext: Uint8Array, context: string): Uint8Array
  /** Throws KeyringError when the key is unknown, or the value was altered or moved. */
  open(name: string, sealed: Uint8Array, context: string): Uint8Array
}

export interface KeyringTables {
  data_keys: { name: string; wrapped: Uint8Array }
  /** One row: a value sealed under the master key, which tells a wrong key apart from damage. */
  master_key_check: { id: number; sealed: Uint8Array }
}

export const keyringMigrations: Readonly<Record<string, Migration>> = {
  '001_keyring': {
    async up(db: Kysely<never>) {
      await db.schema
        .createTable('data_keys')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('wrapped', 'bytea', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('master_key_check')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('sealed', 'bytea', (column) => column.notNull())
        .execute()
    },
  },
}

const checkLabels = ['master-key-check'] as const

/** Throws StoreError `wrong-master-key` when the database was written under another master key. */
export async function checkMasterKey(db: Kysely<KeyringTables>, masterKey: MasterKey): Promise<void> {
  const key = createSecretKey(masterKey.bytes)
  const row = await db.selectFrom('master_key_check').select('sealed').executeTakeFirst()
  if (row === undefined) {
    const sealed = sealBox(key, randomBytes(16), checkLabels)
    await db.insertInto('master_key_check').values({ id: 1, sealed }).execute()
    return
  }
  try {
    openBox(key, row.sealed, checkLabels)
  } catch (error) {
    throw new StoreError(
      'wrong-master-key',
      'The master key is not the one that this database was written with. ' +
        'Restore the master key file that was beside the database, or set KEYSTEAD_MASTER_KEY to that key.',
      { cause: error },
    )
  }
}

/** `scrub` makes a deleted row unreadable in the database's files. */
export async function openKeyring(
  db: Kysely<KeyringTables>,
  masterKey: MasterKey,
  scrub: () => Promise<void>,
): Promise<Keyring> {
  const master = createSecretKey(masterKey.bytes)
  const keys = new Map<string, KeyObject>()
  for (const row of await db.selectFrom('data_keys').selectAll().execute()) {
    keys.set(row.name, createSecretKey(openBox(master, row.wrapped, ['data-key', row.name])))
  }

  function key(name: string): KeyObject {
    const found = keys.get(name)
    if (found === undefined) throw new KeyringError('unknown-key', `There is no data key ${name}.`)
    return found
  }

  const creating = new Map<string, Promise<void>>()
  async function make(name: string): Promise<void> {
    const bytes = randomBytes(32)
    const wrapped = sealBox(master, bytes, ['data-key', name])
    // The key is used only once it is on disk: what is sealed under it must open after a crash.
    await db.insertInto('data_keys').values({ name, wrapped }).execute()
    keys.set(name, createSecretKey(bytes))
  }

  return {
    async create(name) {
      if (keys.has(name)) return
      let made = creating.get(name)
      if (made === undefined) {
        made = make(name).finally(() => creating.delete(name))
        creating.set(name, made)
      }
      await made
    },
    async destroy(name) {
      await creating.get(name)
      await db.deleteFrom('data_keys').where('name', '=', name).execute()
      keys.delete(name)
      await scrub()
    },
    has: (name) => keys.has(name),
    seal: (name, plaintext, context) => sealBox(key(name), plaintext, ['value', name, context]),
    open: (name, sealed, context) => openBox(key(name), sealed, ['value', name, context]),
  }
}
