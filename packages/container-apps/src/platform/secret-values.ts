/** The values of an app's secrets at the moment when a replica starts: those kept here, and those of Key Vault. */
import type { AppSecret } from './platform.ts'

/** A secret's value can not be had. The message says of which secret, why, and what would mend it. */
export class SecretUnavailable extends Error {
  override readonly name = 'SecretUnavailable'
}

export interface KeyVaultReader {
  /** Rejects with {@link SecretUnavailable}. */
  read(appId: string, url: string, identity: string): Promise<string>
  /** The same, whatever was read a moment ago. */
  readAnew(appId: string, url: string, identity: string): Promise<string>
}

/** By the secret's name. Rejects with {@link SecretUnavailable} for the first that can not be had. */
export async function secretValues(
  appId: string,
  secrets: readonly AppSecret[],
  vault: KeyVaultReader,
): Promise<ReadonlyMap<string, string>> {
  return new Map(
    await Promise.all(
      secrets.map(async (secret): Promise<[string, string]> => {
        if ('value' in secret) return [secret.name, secret.value]
        try {
          return [secret.name, await vault.read(appId, secret.keyVaultUrl, secret.identity)]
        } catch (error) {
          if (!(error instanceof SecretUnavailable)) throw error
          throw new SecretUnavailable(`The secret '${secret.name}' can not be had. ${error.message}`, { cause: error })
        }
      }),
    ),
  )
}
