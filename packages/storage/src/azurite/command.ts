/** How the supervisor starts Azurite. */
import { randomBytes } from 'node:crypto'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface AzuriteOptions {
  /** Where blobs, messages and Azurite's metadata are kept. */
  readonly directory: string
  readonly blobPort: number
  readonly queuePort: number
  /** From {@link createAzuriteSecret}; the same that {@link StorageOptions.azurite} gets. */
  readonly secret: string
  /** Azurite's log, off when absent. */
  readonly debugLog?: string
}

/** What the storage service and Azurite share for one launch: every account's internal key is derived from it. */
export function createAzuriteSecret(): string {
  return randomBytes(32).toString('base64')
}

/**
 * The process the supervisor starts: `command` with `args` under `environment` (which replaces, not extends, the
 * supervisor's own: a proxy set there must not reach Azurite). It prints `azurite: ready` on stdout when both ports
 * listen, exits with 1 when one can not, and saves its metadata on SIGTERM and SIGINT before it exits.
 */
export function azuriteCommand(options: AzuriteOptions): {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
} {
  return {
    command: process.execPath,
    args: [fileURLToPath(new URL(`./launcher${extname(import.meta.url)}`, import.meta.url))],
    environment: {
      PATH: process.env.PATH ?? '',
      KEYSTEAD_AZURITE_SECRET: options.secret,
      KEYSTEAD_AZURITE_LOCATION: options.directory,
      KEYSTEAD_AZURITE_BLOB_PORT: String(options.blobPort),
      KEYSTEAD_AZURITE_QUEUE_PORT: String(options.queuePort),
      ...(options.debugLog === undefined ? {} : { KEYSTEAD_AZURITE_DEBUG_LOG: options.debugLog }),
    },
  }
}
