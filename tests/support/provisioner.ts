/** What a test file makes in its cloud, by the official management clients. */
import { randomUUID } from 'node:crypto'
import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { ResourceManagementClient } from '@azure/arm-resources'
import { StorageManagementClient } from '@azure/arm-storage'
import { ClientSecretCredential, type TokenCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { CloudEnvironment } from './cloud.ts'

export const location = 'westeurope'

export interface Account {
  readonly id: string
  readonly keys: readonly string[]
}

export interface Identity {
  readonly id: string
  readonly clientId: string
  readonly principalId: string
}

/** Everything is made in one resource group, `rg`. The cloud has to be connected before. */
export class Provisioner {
  readonly credential: TokenCredential
  readonly subscriptionId: string
  readonly tenantId: string
  readonly authorization: AuthorizationManagementClient
  readonly identities: ManagedServiceIdentityClient
  readonly keyVault: KeyVaultManagementClient
  readonly resources: ResourceManagementClient
  readonly storage: StorageManagementClient
  readonly #roles = new Map<string, string>()

  private constructor(credential: TokenCredential, subscriptionId: string, tenantId: string) {
    this.credential = credential
    this.subscriptionId = subscriptionId
    this.tenantId = tenantId
    this.authorization = new AuthorizationManagementClient(credential, subscriptionId)
    this.identities = new ManagedServiceIdentityClient(credential, subscriptionId)
    this.keyVault = new KeyVaultManagementClient(credential, subscriptionId)
    this.resources = new ResourceManagementClient(credential, subscriptionId)
    this.storage = new StorageManagementClient(credential, subscriptionId)
  }

  /** Signed in as the cloud's owner; makes the resource group. */
  static async asOwner(environment: CloudEnvironment): Promise<Provisioner> {
    const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID } = environment
    const credential = new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)
    const provisioner = new Provisioner(credential, AZURE_SUBSCRIPTION_ID, AZURE_TENANT_ID)
    await provisioner.resources.resourceGroups.createOrUpdate('rg', { location })
    return provisioner
  }

  get group(): string {
    return `/subscriptions/${this.subscriptionId}/resourceGroups/rg`
  }

  vaultId(name: string): string {
    return `${this.group}/providers/Microsoft.KeyVault/vaults/${name}`
  }

  /** Decides by roles, unless access policies are given. Answers its resource id. */
  async vault(
    name: string,
    accessPolicies?: readonly { readonly objectId: string; readonly secrets: readonly string[] }[],
  ): Promise<string> {
    const { tenantId } = this
    await this.keyVault.vaults.createOrUpdate('rg', name, {
      location,
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        enableRbacAuthorization: accessPolicies === undefined,
        accessPolicies: (accessPolicies ?? []).map(({ objectId, secrets }) => ({
          tenantId,
          objectId,
          permissions: { secrets: [...secrets] },
        })),
      },
    })
    return this.vaultId(name)
  }

  /** Sets secrets as an application that may. */
  async setSecrets(
    vault: string,
    { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
    values: Readonly<Record<string, string>>,
  ): Promise<void> {
    const credential = new ClientSecretCredential(this.tenantId, clientId, clientSecret)
    const client = new SecretClient(`https://${vault}.vault.azure.net`, credential)
    for (const [name, value] of Object.entries(values)) await client.setSecret(name, value)
  }

  async account(name: string): Promise<Account> {
    const { id } = await this.storage.storageAccounts.create('rg', name, {
      location,
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
    })
    const { keys } = await this.storage.storageAccounts.listKeys('rg', name)
    return { id: required(id), keys: (keys ?? []).map(({ value }) => required(value)) }
  }

  /** Puts a blob with the account's key, in a container that is made when it is not there. */
  async putBlob(account: string, key: string, container: string, name: string, content: string): Promise<void> {
    const credential = new StorageSharedKeyCredential(account, key)
    const service = new BlobServiceClient(`https://${account}.blob.core.windows.net`, credential)
    const client = service.getContainerClient(container)
    await client.createIfNotExists()
    await client.uploadBlockBlob(name, content, Buffer.byteLength(content))
  }

  async identity(name: string): Promise<Identity> {
    const { id, clientId, principalId } = await this.identities.userAssignedIdentities.createOrUpdate('rg', name, {
      location,
    })
    return { id: required(id), clientId: required(clientId), principalId: required(principalId) }
  }

  /** Assigns a role by its name, as people know it. Answers how to take it away again. */
  async grant(scope: string, roleName: string, principalId: string): Promise<() => Promise<void>> {
    const name = randomUUID()
    await this.authorization.roleAssignments.create(scope, name, {
      roleDefinitionId: await this.role(roleName),
      principalId,
      principalType: 'ServicePrincipal',
    })
    return async () => {
      await this.authorization.roleAssignments.delete(scope, name)
    }
  }

  /** The id of a role definition. */
  async role(roleName: string): Promise<string> {
    const known = this.#roles.get(roleName)
    if (known) return known
    const scope = `/subscriptions/${this.subscriptionId}`
    for await (const { id } of this.authorization.roleDefinitions.list(scope, {
      filter: `roleName eq '${roleName}'`,
    })) {
      this.#roles.set(roleName, required(id))
      return required(id)
    }
    throw new Error(`There is no role '${roleName}'.`)
  }
}

export function required<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('The answer lacks what it must have.')
  return value
}

/** Everything that a paged list answers. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
