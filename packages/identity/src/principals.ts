/** Applications of the tenant with their service principals, by object id or application id. */
import { randomUUID } from 'node:crypto'
import { type Store, UniqueViolationError } from '@keystead/store'
import type { Application, ServicePrincipal } from './directory.ts'
import { DirectoryError } from './directory-error.ts'
import type { ApplicationRow, IdentityTables, ServicePrincipalRow } from './tables.ts'

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

  application(by: { readonly objectId: string } | { readonly appId: string }): Promise<ApplicationRow | undefined> {
    const query = this.#database.selectFrom('identity_applications').selectAll()
    return (
      'objectId' in by
        ? query.where('object_id', '=', by.objectId.toLowerCase())
        : query.where('app_id', '=', by.appId.toLowerCase())
    ).executeTakeFirst()
  }

  applicationRows(): Promise<ApplicationRow[]> {
    return this.#database.selectFrom('identity_applications').selectAll().execute()
  }

  servicePrincipalRow(
    by: { readonly objectId: string } | { readonly appId: string },
  ): Promise<ServicePrincipalRow | undefined> {
    const query = this.#database.selectFrom('identity_service_principals').selectAll()
    return (
      'objectId' in by
        ? query.where('object_id', '=', by.objectId.toLowerCase())
        : query.where('app_id', '=', by.appId.toLowerCase())
    ).executeTakeFirst()
  }

  servicePrincipalRows(): Promise<ServicePrincipalRow[]> {
    return this.#database.selectFrom('identity_service_principals').selectAll().execute()
  }

  /** An application alone, without a service principal: it can not sign in yet. */
  async registerApplication(
    displayName: string,
    properties: Readonly<Record<string, unknown>>,
  ): Promise<ApplicationRow> {
    const row = {
      app_id: randomUUID(),
      object_id: randomUUID(),
      display_name: displayName,
      created_at: this.#clock(),
      properties: JSON.stringify(properties),
    }
    await this.#database.insertInto('identity_applications').values(row).execute()
    return row
  }

  async updateApplication(
    appId: string,
    displayName: string,
    properties: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      await transaction
        .updateTable('identity_applications')
        .set({ display_name: displayName, properties: JSON.stringify(properties) })
        .where('app_id', '=', appId)
        .execute()
      await transaction
        .updateTable('identity_service_principals')
        .set({ display_name: displayName })
        .where('app_id', '=', appId)
        .execute()
    })
  }

  /** Its service principal goes with it, with the credentials of both. */
  async deleteApplication(appId: string): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      for (const table of [
        'identity_passwords',
        'identity_certificates',
        'identity_federated_credentials',
        'identity_service_principals',
        'identity_applications',
      ] as const) {
        await transaction.deleteFrom(table).where('app_id', '=', appId).execute()
      }
    })
  }

  /** Throws `DirectoryError` `conflict` when the application has one. */
  async createServicePrincipal(
    application: ApplicationRow,
    properties: Readonly<Record<string, unknown>>,
  ): Promise<ServicePrincipalRow> {
    const row = {
      object_id: randomUUID(),
      app_id: application.app_id,
      display_name: application.display_name,
      type: 'Application',
      created_at: this.#clock(),
      properties: JSON.stringify(properties),
    } as const
    await this.#database
      .insertInto('identity_service_principals')
      .values(row)
      .execute()
      .catch((error: unknown) => {
        if (!(error instanceof UniqueViolationError)) throw error
        throw new DirectoryError(
          'conflict',
          `The service principal cannot be created, updated, or restored because the service principal name ${application.app_id} is already in use.`,
        )
      })
    return row
  }

  async updateServicePrincipal(objectId: string, properties: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#database
      .updateTable('identity_service_principals')
      .set({ properties: JSON.stringify(properties) })
      .where('object_id', '=', objectId)
      .execute()
  }

  async deleteServicePrincipal(objectId: string): Promise<boolean> {
    const principal = await this.servicePrincipalRow({ objectId })
    if (principal?.type === 'Application') {
      for (const table of ['identity_passwords', 'identity_certificates'] as const) {
        await this.#database
          .deleteFrom(table)
          .where('app_id', '=', principal.app_id)
          .where('holder', '=', 'servicePrincipal')
          .execute()
      }
    }
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
