/** What the platform process is started with, handed over by the core on the channel between them. */
import { z } from 'zod'

export const platformSettings = z.object({
  /** Everything of replicas on disk is under it: mounts of secrets, component files, the record of processes. */
  directory: z.string(),
  /** Which image names stand for a folder and a command: see image-map.ts. */
  imagesFile: z.string(),
  /** Proxy and CA variables for apps and their sidecars. */
  environment: z.record(z.string(), z.string()),
  /** The logs process; absent: console and system logs are kept in memory only. */
  logs: z.object({ url: z.string(), secret: z.string() }).optional(),
  /** `environment` is added to the sidecar's own, e.g. `NODE_OPTIONS`. It gets an IPC channel that ends with the platform. */
  sidecar: z.object({ executable: z.string(), environment: z.record(z.string(), z.string()) }),
  /** Where the ingress listens on loopback; 0 picks free ports. */
  ingressPorts: z.object({ plain: z.int(), secure: z.int() }).default({ plain: 0, secure: 0 }),
  /** The second restart of a container waits so long, each later one twice as long, up to 30 times it. */
  backOffMs: z.int().positive().default(10_000),
  /** How often Key Vault references without a version are read again. */
  keyVaultPeriodMs: z
    .int()
    .positive()
    .default(30 * 60_000),
})
export type PlatformSettings = z.infer<typeof platformSettings>
