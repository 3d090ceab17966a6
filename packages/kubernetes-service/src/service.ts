/** Kubernetes Service as the cloud composes it. */
import type { Directory } from '@keystead/identity'
import type { ResourceManager, ResourceProvider } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import { askCluster } from './cluster-probe.ts'
import { ClusterHandlers } from './clusters.ts'
import { ClusterCredentials } from './credentials.ts'
import { kubernetesServiceProvider } from './provider.ts'

export interface KubernetesServiceOptions {
  readonly store: Store
  readonly directory: Directory
  /** Makes the node resource group and its identity, as whoever attaches the cluster. */
  readonly execute: ResourceManager['execute']
}

/** Opens the service on a store that was opened with `kubernetesServiceMigrations`. */
export async function openKubernetesService(options: KubernetesServiceOptions): Promise<ResourceProvider> {
  const credentials = await ClusterCredentials.open(options.store)
  return kubernetesServiceProvider(new ClusterHandlers({ ...options, credentials, ask: askCluster }))
}
