export interface AzuriteOptions {
  readonly directory: string
  readonly blobPort: number
  readonly queuePort: number
  /** Azurite's log, off when absent. */
  readonly debugLog?: string
}

/** The process the supervisor starts: `command` with `args`; accounts are given by `environment` or file, never by argv. */
export declare function azuriteCommand(options: AzuriteOptions): {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}
