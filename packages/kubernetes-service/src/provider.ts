/** Microsoft.ContainerService as a resource provider: its one type, and each operation with what it needs. */
import { type Operation, type ResourceProvider, regionDisplayNames } from '@keystead/resource-manager'
import { clusterApiVersions } from './api-versions.ts'
import { type ClusterBody, type ClusterHandlers, clusterBody, clusterType } from './clusters.ts'

export function kubernetesServiceProvider(clusters: ClusterHandlers): ResourceProvider {
  return {
    namespace: 'Microsoft.ContainerService',
    types: [
      {
        type: 'managedClusters',
        apiVersions: clusterApiVersions,
        locations: regionDisplayNames,
        onDelete: (id) => clusters.forget(id),
        operations: [
          {
            name: 'ManagedClusters_CreateOrUpdate',
            method: 'PUT',
            on: 'resource',
            action: `${clusterType}/write`,
            body: clusterBody,
            handle: (context) => clusters.put(context),
          } satisfies Operation<ClusterBody>,
          {
            name: 'ManagedClusters_Get',
            method: 'GET',
            on: 'resource',
            action: `${clusterType}/read`,
            handle: (context) => clusters.get(context),
          } satisfies Operation,
          {
            name: 'ManagedClusters_Delete',
            method: 'DELETE',
            on: 'resource',
            action: `${clusterType}/delete`,
            handle: (context) => clusters.delete(context),
          } satisfies Operation,
          {
            name: 'ManagedClusters_ListByResourceGroup',
            method: 'GET',
            on: 'collection',
            action: `${clusterType}/read`,
            handle: (context) => clusters.list(context),
          } satisfies Operation,
          {
            name: 'ManagedClusters_List',
            method: 'GET',
            on: 'subscription',
            action: `${clusterType}/read`,
            handle: (context) => clusters.list(context),
          } satisfies Operation,
          ...(['User', 'Admin'] as const).map(
            (kind): Operation => ({
              name: `ManagedClusters_ListCluster${kind}Credentials`,
              method: 'POST',
              on: 'resource',
              verb: `listCluster${kind}Credential`,
              action: `${clusterType}/listCluster${kind}Credential/action`,
              handle: (context) => clusters.credentials(context, `cluster${kind}`),
            }),
          ),
        ],
      },
    ],
  }
}
