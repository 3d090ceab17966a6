/** Who owns which application, service principal or group: an owner may manage it without a directory role. */
import type { Store } from '@keystead/store'
import { DirectoryError } from '../directory-error.ts'
import type { IdentityTables } from '../tables.ts'

export class Owners {
  readonly #database

  constructor(store: Store) {
    this.#database = store.database<IdentityTables>()
  }

  async of(objectId: string): Promise<string[]> {
    const rows = await this.#database
      .selectFrom('identity_owners')
      .select('owner_id')
      .where('object_id', '=', objectId)
      .execute()
    return rows.map((row) => row.owner_id)
  }

  async ownedBy(ownerId: string): Promise<string[]> {
    const rows = await this.#database
      .selectFrom('identity_owners')
      .select('object_id')
      .where('owner_id', '=', ownerId)
      .execute()
    return rows.map((row) => row.object_id)
  }

  /** Throws `DirectoryError` `conflict` for an owner that is one already. */
  async add(objectId: string, ownerId: string): Promise<void> {
    const result = await this.#database
      .insertInto('identity_owners')
      .values({ object_id: objectId, owner_id: ownerId })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (result.numInsertedOrUpdatedRows === 0n) {
      throw new DirectoryError(
        'conflict',
        "One or more added object references already exist for the following modified properties: 'owners'.",
      )
    }
  }

  async remove(objectId: string, ownerId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_owners')
      .where('object_id', '=', objectId)
      .where('owner_id', '=', ownerId)
      .executeTakeFirst()
    return result.numDeletedRows > 0n
  }

  /** A deleted object owns nothing, and nobody owns it. */
  async forget(objectId: string): Promise<void> {
    await this.#database
      .deleteFrom('identity_owners')
      .where((row) => row.or([row('object_id', '=', objectId), row('owner_id', '=', objectId)]))
      .execute()
  }
}
