/** How the supervisor starts the logs process. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface LogsProcessOptions {
  /** Where the databases of the workspaces are kept. */
  readonly directory: string
  readonly port: number
  /** The same that {@link LogsClient} gets. */
  readonly secret: string
}

/** `environment` replaces the supervisor's own. It prints `logs: ready` on stdout when it listens, and exits with 1 when it can not. */
export function logsCommand(options: LogsProcessOptions): {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
} {
  return {
    command: process.execPath,
    args: [fileURLToPath(new URL(`./launcher${extname(import.meta.url)}`, import.meta.url))],
    environment: {
      PATH: process.env.PATH ?? '',
      KEYSTEAD_LOGS_LOCATION: options.directory,
      KEYSTEAD_LOGS_PORT: String(options.port),
      KEYSTEAD_LOGS_SECRET: options.secret,
    },
  }
}
