/** What an app's chain needs to know of the cloud: the client ids of its identities, and where a vault is. */
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import type { TokenCredential } from '@azure/identity'
import { commandLine } from '@keystead/authorization'
import { parseResourceId } from '@keystead/resource-manager'
import type { AppRecord } from '../app-records.ts'
import { ownIdentityOf } from '../core/control.ts'
import type { Settings } from '../data-directory.ts'
import type { AppIdentity } from './app-chain.ts'
import type { PrintedLink } from './link.ts'

/** The identities that are there still; a failing link for each one that is not. */
export async function readAppIdentities(
  credential: TokenCredential,
  { subscriptionId }: Settings,
  { appId, identities }: AppRecord,
): Promise<{ readonly known: readonly AppIdentity[]; readonly links: readonly PrintedLink[] }> {
  const client = new ManagedServiceIdentityClient(credential, subscriptionId)
  const known: AppIdentity[] = []
  const links: PrintedLink[] = []
  for (const resourceId of identities) {
    if (resourceId === 'system') {
      known.push({ resourceId: ownIdentityOf(subscriptionId, appId), clientId: undefined })
      continue
    }
    const id = parseResourceId(resourceId)
    const [group, name] = [id?.resourceGroup ?? '', id?.names[0] ?? '']
    try {
      const { clientId } = await client.userAssignedIdentities.get(group, name)
      known.push({ resourceId, clientId: clientId ?? '' })
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 404) throw error
      links.push({
        name: 'identity',
        state: 'fails',
        detail: `the app was started with ${resourceId}, which is not there any more`,
        mend: [commandLine(['az', 'identity', 'create', '--name', name, '--resource-group', group])],
      })
    }
  }
  return { known, links }
}

/** The vault's resource id; a failing link when there is none of that name. */
export async function findVault(
  credential: TokenCredential,
  { subscriptionId }: Settings,
  name: string,
): Promise<string | PrintedLink> {
  const { vaults } = new KeyVaultManagementClient(credential, subscriptionId)
  for await (const { id, name: found } of vaults.listBySubscription()) {
    if (id !== undefined && found?.toLowerCase() === name.toLowerCase()) return id
  }
  for await (const { name: deleted, properties } of vaults.listDeleted()) {
    if (deleted?.toLowerCase() !== name.toLowerCase()) continue
    const location = properties?.location ?? ''
    return {
      name: 'scope',
      state: 'fails',
      detail: `vault ${name} was deleted, and can be recovered`,
      mend: [commandLine(['az', 'keyvault', 'recover', '--name', deleted, '--location', location])],
    }
  }
  return {
    name: 'scope',
    state: 'fails',
    detail: `there is no vault ${name}`,
    mend: [`${commandLine(['az', 'keyvault', 'create', '--name', name, '--resource-group'])} GROUP`],
  }
}
