/** The secrets of apps and Dapr components: sealed in the database, opened to be handed to the platform or to `listSecrets`. */
import type { Store } from '@keystead/store'
import { z } from 'zod'
import type { ContainerAppsTables } from './migrations.ts'

const dataKey = 'container-apps'

const storedSecrets = z.array(
  z.union([
    z.object({ name: z.string(), value: z.string() }),
    /** `identity` as it was written: `system`, or the id of a user-assigned one. */
    z.object({ name: z.string(), keyVaultUrl: z.string(), identity: z.string() }),
  ]),
)
export type StoredSecret = z.infer<typeof storedSecrets>[number]

export class SecretStore {
  readonly #store: Store
  readonly #database

  private constructor(store: Store) {
    this.#store = store
    this.#database = store.database<ContainerAppsTables>()
  }

  static async open(store: Store): Promise<SecretStore> {
    await store.keyring.create(dataKey)
    return new SecretStore(store)
  }

  async get(ownerId: string): Promise<readonly StoredSecret[]> {
    const key = ownerId.toLowerCase()
    const row = await this.#database
      .selectFrom('container_apps_secrets')
      .select('sealed')
      .where('owner_key', '=', key)
      .executeTakeFirst()
    if (!row) return []
    const text = Buffer.from(this.#store.keyring.open(dataKey, row.sealed, key)).toString('utf8')
    return storedSecrets.parse(JSON.parse(text))
  }

  async put(ownerId: string, secrets: readonly StoredSecret[]): Promise<void> {
    const key = ownerId.toLowerCase()
    const sealed = this.#store.keyring.seal(dataKey, Buffer.from(JSON.stringify(secrets)), key)
    await this.#database
      .insertInto('container_apps_secrets')
      .values({ owner_key: key, sealed })
      .onConflict((conflict) => conflict.column('owner_key').doUpdateSet({ sealed }))
      .execute()
  }

  async delete(ownerId: string): Promise<void> {
    await this.#database.deleteFrom('container_apps_secrets').where('owner_key', '=', ownerId.toLowerCase()).execute()
  }
}
