/** The public surface of container-apps. */
export type { Platform } from './platform/platform.ts'
