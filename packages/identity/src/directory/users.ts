/** The tenant's users, by object id or user principal name. */
import { randomUUID } from 'node:crypto'
import { type Store, UniqueViolationError } from '@keystead/store'
import { hashSecret } from '../client-secret.ts'
import { DirectoryError } from '../directory-error.ts'
import type { IdentityTables, UserRow } from '../tables.ts'

export interface UserInput {
  readonly userPrincipalName: string
  readonly displayName: string
  readonly accountEnabled: boolean
  readonly password: string
  readonly mustChangePassword: boolean
  /** What else Microsoft Graph keeps of a user, e.g. `mailNickname`. */
  readonly properties: Readonly<Record<string, unknown>>
}

const upn = /^[^\s@"'<>\\/;:,()[\]{}|?*=]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i

export class Users {
  readonly #database
  readonly #clock: () => number

  constructor(store: Store, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#clock = clock
  }

  find(idOrName: string): Promise<UserRow | undefined> {
    const key = idOrName.toLowerCase()
    return this.#database
      .selectFrom('identity_users')
      .selectAll()
      .where(key.includes('@') ? 'upn_key' : 'object_id', '=', key)
      .executeTakeFirst()
  }

  all(): Promise<UserRow[]> {
    return this.#database.selectFrom('identity_users').selectAll().execute()
  }

  /** Throws `DirectoryError`: `invalid` for a name or a password that cannot be, `conflict` for a name that is taken. */
  async create(input: UserInput): Promise<UserRow> {
    requireName(input.userPrincipalName)
    requireStrongPassword(input.password)
    const now = this.#clock()
    const row: UserRow = {
      object_id: randomUUID(),
      upn_key: input.userPrincipalName.toLowerCase(),
      user_principal_name: input.userPrincipalName,
      display_name: input.displayName,
      account_enabled: Number(input.accountEnabled),
      password_hash: await hashSecret(input.password),
      must_change_password: Number(input.mustChangePassword),
      properties: JSON.stringify(input.properties),
      created_at: now,
      sessions_valid_from: now,
    }
    await this.#unique(this.#database.insertInto('identity_users').values(row).execute())
    return row
  }

  /** A new password, or a disabled account, ends the sessions that there are. */
  async update(objectId: string, change: Partial<UserInput>): Promise<void> {
    if (change.userPrincipalName !== undefined) requireName(change.userPrincipalName)
    if (change.password !== undefined) requireStrongPassword(change.password)
    const endsSessions = change.password !== undefined || change.accountEnabled === false
    const { userPrincipalName, displayName, accountEnabled, mustChangePassword, properties } = change
    const values: Partial<UserRow> = {
      ...(userPrincipalName === undefined
        ? {}
        : { user_principal_name: userPrincipalName, upn_key: userPrincipalName.toLowerCase() }),
      ...(displayName === undefined ? {} : { display_name: displayName }),
      ...(accountEnabled === undefined ? {} : { account_enabled: Number(accountEnabled) }),
      ...(change.password === undefined ? {} : { password_hash: await hashSecret(change.password) }),
      ...(mustChangePassword === undefined ? {} : { must_change_password: Number(mustChangePassword) }),
      ...(properties === undefined ? {} : { properties: JSON.stringify(properties) }),
      ...(endsSessions ? { sessions_valid_from: this.#clock() } : {}),
    }
    if (Object.keys(values).length === 0) return
    await this.#unique(
      this.#database.updateTable('identity_users').set(values).where('object_id', '=', objectId).execute(),
    )
  }

  async revokeSessions(objectId: string): Promise<void> {
    await this.#database
      .updateTable('identity_users')
      .set({ sessions_valid_from: this.#clock() })
      .where('object_id', '=', objectId)
      .execute()
  }

  async delete(objectId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_users')
      .where('object_id', '=', objectId)
      .executeTakeFirst()
    await this.#database.deleteFrom('identity_refresh_tokens').where('user_id', '=', objectId).execute()
    return result.numDeletedRows > 0n
  }

  async #unique(write: Promise<unknown>): Promise<void> {
    await write.catch((error: unknown) => {
      if (!(error instanceof UniqueViolationError)) throw error
      throw new DirectoryError(
        'conflict',
        'Another object with the same value for property userPrincipalName already exists.',
      )
    })
  }
}

function requireName(name: string): void {
  if (name.length > 320 || !upn.test(name)) {
    throw new DirectoryError('invalid', "Property 'userPrincipalName' is invalid.")
  }
}

/** Entra's password policy: 8 to 256 characters of at least three of the four kinds. */
export function requireStrongPassword(password: string): void {
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length
  if (password.length < 8 || password.length > 256 || kinds < 3) {
    throw new DirectoryError(
      'invalid',
      'The specified password does not comply with password complexity requirements. Please provide a different password.',
    )
  }
}
