/** How much memory Key Vault may keep opened secrets in: `KEYSTEAD_VAULT_CACHE_BYTES`. */
import { CliError } from '../cli-error.ts'

const variable = 'KEYSTEAD_VAULT_CACHE_BYTES'

/** Undefined when it is not set: then Key Vault's own default holds (16 MiB). 0 keeps nothing in memory. */
export function vaultCacheBytes(environment: NodeJS.ProcessEnv): number | undefined {
  const text = environment[variable]
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) {
    throw new CliError(
      `${variable} is not a number of bytes: ${text.slice(0, 64)}`,
      'Set it to 0 or more, or unset it.',
    )
  }
  return Number(text)
}
