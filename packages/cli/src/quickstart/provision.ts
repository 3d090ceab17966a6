/** What the quickstart makes in the cloud, by the official management clients. */
import { randomUUID } from 'node:crypto'
import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { ResourceManagementClient } from '@azure/arm-resources'
import { StorageManagementClient } from '@azure/arm-storage'
import type { TokenCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'

export const names = {
  group: 'rg-orders',
  location: 'westeurope',
  account: 'stkeysteadorders',
  container: 'orders',
  vault: 'kv-orders',
  identity: 'id-orders',
} as const

const roles = {
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
  blobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
} as const

export interface Identity {
  readonly id: string
  readonly clientId: string
  readonly principalId: string
}

export class Provisioner {
  readonly #credential: TokenCredential
  readonly #subscriptionId: string
  readonly #ownerObjectId: string

  constructor(options: { credential: TokenCredential; subscriptionId: string; ownerObjectId: string }) {
    this.#credential = options.credential
    this.#subscriptionId = options.subscriptionId
    this.#ownerObjectId = options.ownerObjectId
  }

  get vaultId(): string {
    return `/subscriptions/${this.#subscriptionId}/resourceGroups/${names.group}/providers/Microsoft.KeyVault/vaults/${names.vault}`
  }

  async resourceGroup(): Promise<void> {
    const client = new ResourceManagementClient(this.#credential, this.#subscriptionId)
    await client.resourceGroups.createOrUpdate(names.group, { location: names.location })
  }

  /** The account and its blob container; answers its first key, which goes nowhere but into the vault. */
  async storageAccount(): Promise<string> {
    const client = new StorageManagementClient(this.#credential, this.#subscriptionId)
    const account = await client.storageAccounts.create(names.group, names.account, {
      location: names.location,
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
    })
    await client.blobContainers.create(names.group, names.account, names.container, {})
    await this.#assign(account.id ?? '', roles.blobDataReader, this.#ownerObjectId)
    const { keys } = await client.storageAccounts.listKeys(names.group, names.account)
    const key = keys?.[0]?.value
    if (!key) throw new Error('The storage account answered without a key.')
    return key
  }

  /** A vault that decides by roles. Even its owner needs a data role to write secrets. */
  async vault(tenantId: string): Promise<void> {
    const client = new KeyVaultManagementClient(this.#credential, this.#subscriptionId)
    await client.vaults.createOrUpdate(names.group, names.vault, {
      location: names.location,
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        enableRbacAuthorization: true,
        accessPolicies: [],
      },
    })
    await this.#assign(this.vaultId, roles.secretsOfficer, this.#ownerObjectId)
  }

  async secrets(accountKey: string): Promise<void> {
    const client = new SecretClient(`https://${names.vault}.vault.azure.net`, this.#credential)
    await client.setSecret('storage-account-name', names.account)
    await client.setSecret('storage-account-key', accountKey)
    await client.setSecret('storage-account-container', names.container)
  }

  async identity(): Promise<Identity> {
    const client = new ManagedServiceIdentityClient(this.#credential, this.#subscriptionId)
    const { id, clientId, principalId } = await client.userAssignedIdentities.createOrUpdate(
      names.group,
      names.identity,
      {
        location: names.location,
      },
    )
    if (!id || !clientId || !principalId) throw new Error('The identity was answered without its ids.')
    return { id, clientId, principalId }
  }

  /** "Key Vault Secrets User" on the vault; answers the assignment's name. */
  grantSecretsUser(principalId: string): Promise<string> {
    return this.#assign(this.vaultId, roles.secretsUser, principalId)
  }

  async revokeSecretsUser(assignment: string): Promise<void> {
    await this.#authorization().roleAssignments.delete(this.vaultId, assignment)
  }

  async #assign(scope: string, role: string, principalId: string): Promise<string> {
    const assignment = randomUUID()
    await this.#authorization().roleAssignments.create(scope, assignment, {
      roleDefinitionId: `/subscriptions/${this.#subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
      principalId,
      principalType: 'ServicePrincipal',
    })
    return assignment
  }

  #authorization(): AuthorizationManagementClient {
    return new AuthorizationManagementClient(this.#credential, this.#subscriptionId)
  }
}
