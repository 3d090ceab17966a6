/** The public surface of kubernetes-service: its migrations, and the provider of attached clusters. */

export { clusterApiVersions } from './api-versions.ts'
export { kubernetesServiceMigrations } from './migrations.ts'
export { type KubernetesServiceOptions, openKubernetesService } from './service.ts'
