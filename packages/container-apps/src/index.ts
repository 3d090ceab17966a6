/** The public surface of container-apps. */
export { Ingress, type IngressOptions } from './ingress/ingress.ts'
export type { Replicas } from './ingress/replicas.ts'
export type { IngressSpec, Platform } from './platform/platform.ts'
