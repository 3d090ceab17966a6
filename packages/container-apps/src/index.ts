/** The public surface of container-apps: its migrations, the service of Microsoft.App, and the platform that runs apps. */
export { Ingress, type IngressOptions } from './ingress/ingress.ts'
export type { Replicas } from './ingress/replicas.ts'
export { type MappedImage, normalizeImage, readImageMap, writeImageMap } from './platform/image-map.ts'
export type { IngressSpec, Platform } from './platform/platform.ts'
export {
  type IngressPorts,
  type PlatformOptions,
  type RunningPlatform,
  startPlatform,
} from './platform/platform-client.ts'
export { containerAppsMigrations } from './provider/migrations.ts'
export { type ContainerApps, type ContainerAppsOptions, openContainerApps } from './service.ts'
