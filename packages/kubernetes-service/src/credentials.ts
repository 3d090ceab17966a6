/** The kubeconfigs of attached clusters: sealed in the database, opened only to be handed over or to ask the cluster. */
import type { Store } from '@keystead/store'
import type { KubernetesServiceTables } from './migrations.ts'

const dataKey = 'kubernetes-service'

export class ClusterCredentials {
  readonly #store: Store
  readonly #database

  private constructor(store: Store) {
    this.#store = store
    this.#database = store.database<KubernetesServiceTables>()
  }

  static async open(store: Store): Promise<ClusterCredentials> {
    await store.keyring.create(dataKey)
    return new ClusterCredentials(store)
  }

  async get(clusterId: string): Promise<string | undefined> {
    const key = clusterId.toLowerCase()
    const row = await this.#database
      .selectFrom('kubernetes_service_credentials')
      .select('sealed')
      .where('cluster_key', '=', key)
      .executeTakeFirst()
    return row && Buffer.from(this.#store.keyring.open(dataKey, row.sealed, key)).toString('utf8')
  }

  async put(clusterId: string, kubeconfig: string): Promise<void> {
    const key = clusterId.toLowerCase()
    const sealed = this.#store.keyring.seal(dataKey, Buffer.from(kubeconfig), key)
    await this.#database
      .insertInto('kubernetes_service_credentials')
      .values({ cluster_key: key, sealed })
      .onConflict((conflict) => conflict.column('cluster_key').doUpdateSet({ sealed }))
      .execute()
  }

  async delete(clusterId: string): Promise<void> {
    await this.#database
      .deleteFrom('kubernetes_service_credentials')
      .where('cluster_key', '=', clusterId.toLowerCase())
      .execute()
  }
}
