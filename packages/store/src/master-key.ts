import type { MasterKey } from './keyring.ts'

/** The master key is missing, malformed, or its file can be read by others. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError'
}

/**
 * The master key: `KEYSTEAD_MASTER_KEY` (base64, 32 bytes) when set, else the file (mode 0600), which is made when
 * `create` is true and it does not exist. Throws {@link MasterKeyError}.
 */
export declare function loadMasterKey(options: {
  readonly file: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly create: boolean
}): Promise<MasterKey>
