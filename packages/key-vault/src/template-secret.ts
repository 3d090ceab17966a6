/** The secret that a template's parameter refers to, for a deployment whose caller may deploy from the vault. */
import { KeyVaultError } from './key-vault-error.ts'
import type { SecretRepository } from './secret-repository.ts'
import type { VaultDirectory } from './vault-directory.ts'

export interface TemplateSecretReference {
  /** The vault's resource id. */
  readonly vaultId: string
  readonly name: string
  /** Empty: the latest. */
  readonly version: string
}

/** "Use Azure Key Vault to pass a secret as a parameter during deployment": only from a vault that is enabled for it. */
export async function templateSecret(
  directory: VaultDirectory,
  repository: SecretRepository,
  { vaultId, name, version }: TemplateSecretReference,
): Promise<{ readonly value: string } | { readonly refused: string }> {
  const vault = directory.live(vaultId.split('/').at(-1) ?? '')
  if (vault?.resourceId.toLowerCase() !== vaultId.toLowerCase()) {
    return { refused: `The vault '${vaultId.slice(0, 512)}' could not be found.` }
  }
  if (vault.properties.enabledForTemplateDeployment !== true) {
    return { refused: `The vault '${vault.name}' is not enabled for template deployment.` }
  }
  try {
    const secret = await repository.get(vault, name, version)
    return secret.enabled ? { value: secret.value } : { refused: `The secret '${name}' is disabled.` }
  } catch (error) {
    if (!(error instanceof KeyVaultError)) throw error
    return { refused: error.message }
  }
}
