/** The revisions of apps, as they are kept. */
import type { Store } from '@keystead/store'
import { type Template, template } from './app-body.ts'
import type { ContainerAppsTables } from './migrations.ts'
import type { Revision } from './revision-rules.ts'

export class RevisionStore {
  readonly #database

  constructor(store: Store) {
    this.#database = store.database<ContainerAppsTables>()
  }

  /** Oldest first. */
  async of(appId: string): Promise<readonly Revision[]> {
    const rows = await this.#database
      .selectFrom('container_apps_revisions')
      .selectAll()
      .where('app_key', '=', appId.toLowerCase())
      .orderBy('sequence')
      .execute()
    return rows.map((row) => ({
      name: row.name,
      sequence: row.sequence,
      createdAt: Number(row.created_at),
      active: row.active === 1,
      ready: row.ready === 1,
      ...(row.failure === null ? {} : { failure: row.failure }),
      template: template.parse(JSON.parse(row.template)),
    }))
  }

  async add(appId: string, revision: { name: string; sequence: number; createdAt: number; template: Template }) {
    await this.#database
      .insertInto('container_apps_revisions')
      .values({
        app_key: appId.toLowerCase(),
        name: revision.name,
        sequence: revision.sequence,
        created_at: revision.createdAt,
        active: 1,
        ready: 0,
        failure: null,
        template: JSON.stringify(revision.template),
      })
      .execute()
  }

  async setActive(appId: string, name: string, active: boolean): Promise<void> {
    await this.#database
      .updateTable('container_apps_revisions')
      .set({ active: active ? 1 : 0 })
      .where('app_key', '=', appId.toLowerCase())
      .where('name', '=', name)
      .execute()
  }

  async setReady(appId: string, name: string): Promise<void> {
    await this.#database
      .updateTable('container_apps_revisions')
      .set({ ready: 1, failure: null })
      .where('app_key', '=', appId.toLowerCase())
      .where('name', '=', name)
      .execute()
  }

  async setFailure(appId: string, name: string, failure: string): Promise<void> {
    await this.#database
      .updateTable('container_apps_revisions')
      .set({ failure })
      .where('app_key', '=', appId.toLowerCase())
      .where('name', '=', name)
      .execute()
  }

  async remove(appId: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    await this.#database
      .deleteFrom('container_apps_revisions')
      .where('app_key', '=', appId.toLowerCase())
      .where('name', 'in', [...names])
      .execute()
  }

  async removeAll(appId: string): Promise<void> {
    await this.#database.deleteFrom('container_apps_revisions').where('app_key', '=', appId.toLowerCase()).execute()
  }
}
