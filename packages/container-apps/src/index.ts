/** The public surface of container-apps: its migrations, the service of Microsoft.App, and the parts that it is composed of. */
export { Ingress, type IngressOptions } from './ingress/ingress.ts'
export type { Replicas } from './ingress/replicas.ts'
export type { IngressSpec, Platform } from './platform/platform.ts'
export { containerAppsMigrations } from './provider/migrations.ts'
export { type ContainerApps, type ContainerAppsOptions, openContainerApps } from './service.ts'
