/** Applications of the tenant with their service principals, by object id or application id. */
import { randomUUID } from 'node:crypto'
import type { Store } from '@keystead/store'
import type { Application, ServicePrincipal } from './directory.ts'
import type { IdentityTables, ServicePrincipalRow } from './tables.ts'

export class Principals {
  readonly #database
  readonly #clock: () => number

  constructor(store: Store, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#clock = clock
  }

  async createApplication(
    displayName: string,
  ): Promise<{ application: Application; servicePrincipal: ServicePrincipal }> {
    const application: Application = { appId: randomUUID(), objectId: randomUUID(), displayName }
    const servicePrincipal: ServicePrincipal = {
      objectId: randomUUID(),
      appId: application.appId,
      displayName,
      type: 'Application',
    }
    const now = this.#clock()
    await this.#database.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('identity_applications')
        .values({
          app_id: application.appId,
          object_id: application.objectId,
          display_name: displayName,
          created_at: now,
        })
        .execute()
      await transaction
        .insertInto('identity_service_principals')
        .values({
          object_id: servicePrincipal.objectId,
          app_id: servicePrincipal.appId,
          display_name: displayName,
          type: 'Application',
          created_at: now,
        })
        .execute()
    })
    return { application, servicePrincipal }
  }

  async applicationExists(appId: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom('identity_applications')
      .select('app_id')
      .where('app_id', '=', appId.toLowerCase())
      .executeTakeFirst()
    return row !== undefined
  }

  async servicePrincipal(
    by: { readonly objectId: string } | { readonly appId: string },
  ): Promise<ServicePrincipal | undefined> {
    const query = this.#database.selectFrom('identity_service_principals').selectAll()
    const row = await ('objectId' in by
      ? query.where('object_id', '=', by.objectId.toLowerCase())
      : query.where('app_id', '=', by.appId.toLowerCase())
    ).executeTakeFirst()
    return row && principalOf(row)
  }

  async deleteServicePrincipal(objectId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_service_principals')
      .where('object_id', '=', objectId.toLowerCase())
      .where('type', '=', 'Application')
      .executeTakeFirst()
    return result.numDeletedRows > 0n
  }
}

function principalOf(row: ServicePrincipalRow): ServicePrincipal {
  return { objectId: row.object_id, appId: row.app_id, displayName: row.display_name, type: row.type }
}
