/** Managed identities of resources: durable, read from memory because every token request of a replica reads them. */
import { randomUUID } from 'node:crypto'
import type { Store } from '@keystead/store'
import type { ManagedIdentity } from './directory.ts'
import { DirectoryError } from './directory-error.ts'
import { resourceKey } from './resource-key.ts'
import type { IdentityTables, ManagedIdentityRow } from './tables.ts'

export class ManagedIdentities {
  readonly #database
  readonly #tenantId: string
  readonly #clock: () => number
  readonly #byResource = new Map<string, ManagedIdentity>()
  readonly #byClientId = new Map<string, ManagedIdentity>()

  private constructor(store: Store, tenantId: string, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#tenantId = tenantId
    this.#clock = clock
  }

  static async open(store: Store, tenantId: string, clock: () => number): Promise<ManagedIdentities> {
    const identities = new ManagedIdentities(store, tenantId, clock)
    const rows = await identities.#database.selectFrom('identity_managed_identities').selectAll().execute()
    for (const row of rows) identities.#remember(row)
    return identities
  }

  get(resourceId: string): ManagedIdentity | undefined {
    return this.#byResource.get(resourceKey(resourceId))
  }

  byClientId(clientId: string): ManagedIdentity | undefined {
    return this.#byClientId.get(clientId.toLowerCase())
  }

  async create(resourceId: string, kind: ManagedIdentity['kind']): Promise<ManagedIdentity> {
    const key = resourceKey(resourceId)
    const existing = this.#byResource.get(key)
    const identity = existing ?? (await this.#insert(key, resourceId, kind))
    if (identity.kind !== kind) {
      throw new DirectoryError('conflict', `The resource has an identity of the other kind, ${identity.kind}.`)
    }
    return identity
  }

  async delete(resourceId: string): Promise<boolean> {
    const key = resourceKey(resourceId)
    const identity = this.#byResource.get(key)
    if (!identity) return false
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('identity_managed_identities').where('resource_key', '=', key).execute()
      await transaction
        .deleteFrom('identity_service_principals')
        .where('object_id', '=', identity.principalId)
        .execute()
      await transaction.deleteFrom('identity_federated_credentials').where('app_id', '=', identity.clientId).execute()
    })
    // Two deletes at once both get here; only the first finds it.
    this.#byClientId.delete(identity.clientId)
    return this.#byResource.delete(key)
  }

  /** Of two that make the same identity at once, the first wins, and both are given it. */
  async #insert(key: string, resourceId: string, kind: ManagedIdentity['kind']): Promise<ManagedIdentity> {
    const principalId = randomUUID()
    const clientId = randomUUID()
    const row = await this.#database.transaction().execute(async (transaction) => {
      const inserted = await transaction
        .insertInto('identity_managed_identities')
        .values({ resource_key: key, resource_id: resourceId, kind, principal_id: principalId, client_id: clientId })
        .onConflict((conflict) => conflict.column('resource_key').doNothing())
        .returningAll()
        .executeTakeFirst()
      if (!inserted) {
        return transaction
          .selectFrom('identity_managed_identities')
          .selectAll()
          .where('resource_key', '=', key)
          .executeTakeFirstOrThrow()
      }
      await transaction
        .insertInto('identity_service_principals')
        .values({
          object_id: principalId,
          app_id: clientId,
          display_name: resourceId.slice(resourceId.lastIndexOf('/') + 1),
          type: 'ManagedIdentity',
          created_at: this.#clock(),
        })
        .execute()
      return inserted
    })
    return this.#remember(row)
  }

  #remember(row: ManagedIdentityRow): ManagedIdentity {
    const identity: ManagedIdentity = {
      resourceId: row.resource_id,
      kind: row.kind,
      tenantId: this.#tenantId,
      principalId: row.principal_id,
      clientId: row.client_id,
    }
    this.#byResource.set(row.resource_key, identity)
    this.#byClientId.set(row.client_id, identity)
    return identity
  }
}
