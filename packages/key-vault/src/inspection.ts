/** What of a vault bears on whether a caller gets at its secrets, for whoever explains a refusal. No value is in it. */
import { allowAddress, enablePublicAccess, enableSecret, recoverSecret, recoverVault, setSecret } from './mending.ts'
import type { SecretRepository } from './secret-repository.ts'
import { addressAllowed, type SecretPolicy } from './vault.ts'
import type { VaultDirectory } from './vault-directory.ts'

/** Something that stands in the way, and the az command that takes it away. */
export interface Obstacle {
  readonly detail: string
  readonly mend: string
}

export interface VaultInspection {
  readonly name: string
  readonly resourceId: string
  readonly permissionModel: 'roles' | 'accessPolicies'
  readonly policies: readonly SecretPolicy[]
  /** Why a client at the address is refused whoever asks; undefined when it is not. */
  readonly network: Obstacle | undefined
}

export interface Inspector {
  /** The live vault of that name, as a client at `address` meets it. */
  vault(name: string, address: string): VaultInspection | undefined
  /** A vault of that name that was deleted and can be recovered. */
  deletedVault(name: string): Obstacle | undefined
  /** Why the secret can not be read whoever asks; undefined when it can. */
  secret(vault: string, name: string): Promise<(Obstacle & { readonly state: SecretState }) | undefined>
}

export type SecretState = 'none' | 'deleted' | 'disabled'

export function createInspector(directory: VaultDirectory, repository: SecretRepository): Inspector {
  return {
    vault(name, address) {
      const vault = directory.live(name)
      if (vault === undefined) return undefined
      return {
        name: vault.name,
        resourceId: vault.resourceId,
        permissionModel: vault.properties.enableRbacAuthorization ? 'roles' : 'accessPolicies',
        policies: vault.policies,
        network: !vault.network.publicAccess
          ? { detail: 'its public network access is disabled', mend: enablePublicAccess(vault.name) }
          : addressAllowed(vault.network, address)
            ? undefined
            : {
                detail: `its firewall has no rule for ${address}`,
                mend: allowAddress(vault.name, address),
              },
      }
    },
    deletedVault(name) {
      const deleted = directory.deletedByName(name)
      if (deleted === undefined) return undefined
      const { vault } = deleted
      return {
        detail: `vault ${vault.name} was deleted, and can be recovered`,
        mend: recoverVault(vault.name, vault.location),
      }
    },
    async secret(vaultName, name) {
      const vault = directory.live(vaultName)
      if (vault === undefined) return undefined
      const state = await repository.state(vault, name)
      switch (state) {
        case 'none':
          return { state, detail: `vault ${vault.name} has no secret ${name}`, mend: setSecret(vault.name, name) }
        case 'deleted':
          return {
            state,
            detail: `secret ${name} was deleted, and can be recovered`,
            mend: recoverSecret(vault.name, name),
          }
        case 'disabled':
          return { state, detail: `secret ${name} is disabled`, mend: enableSecret(vault.name, name) }
        case 'enabled':
          return undefined
      }
    },
  }
}
