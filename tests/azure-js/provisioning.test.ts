import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { ResourceManagementClient } from '@azure/arm-resources'
import { StorageManagementClient } from '@azure/arm-storage'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { keysteadCommand, run, succeed, TestCloud } from '../support/cloud.ts'
import { all, location, Provisioner, required } from '../support/provisioner.ts'

const readSecret = fileURLToPath(new URL('apps/default-credential.js', import.meta.url))

let cloud: TestCloud
let owner: Provisioner
let guest: TestApplication
let clients: ReturnType<typeof clientsOf>

beforeAll(async () => {
  cloud = await TestCloud.start()
  ;({ guest } = await addApplications(cloud, ['guest']))
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  clients = clientsOf(guest)
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

function clientsOf({ clientId, clientSecret }: TestApplication) {
  const credential = new ClientSecretCredential(owner.tenantId, clientId, clientSecret)
  return {
    authorization: new AuthorizationManagementClient(credential, owner.subscriptionId),
    identities: new ManagedServiceIdentityClient(credential, owner.subscriptionId),
    keyVault: new KeyVaultManagementClient(credential, owner.subscriptionId),
    resources: new ResourceManagementClient(credential, owner.subscriptionId),
    storage: new StorageManagementClient(credential, owner.subscriptionId),
  }
}

const vaultProperties = () => ({
  location,
  properties: {
    tenantId: owner.tenantId,
    sku: { family: 'A' as const, name: 'standard' as const },
    enableRbacAuthorization: true,
    accessPolicies: [],
  },
})
const accountProperties = { location, kind: 'StorageV2' as const, sku: { name: 'Standard_LRS' as const } }

async function granted(scope: string, role: string): Promise<() => Promise<void>> {
  const revoke = await owner.grant(scope, role, guest.objectId)
  onTestFinished(revoke)
  return revoke
}

/** Actions are the same in whatever case they are written. */
const refused = (action: string, scope: string) => ({
  statusCode: 403,
  code: 'AuthorizationFailed',
  message: expect.toSatisfy(
    (message: string) =>
      message.toLowerCase() ===
      `The client '${guest.clientId}' with object id '${guest.objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`.toLowerCase(),
  ),
})

describe('the owner', () => {
  test('makes, shows, lists, tags and deletes a resource group', async () => {
    const { resourceGroups } = owner.resources
    expect(await resourceGroups.checkExistence('rg-made')).toMatchObject({ body: false })
    expect(await resourceGroups.createOrUpdate('rg-made', { location, tags: { team: 'a' } })).toMatchObject({
      name: 'rg-made',
      properties: { provisioningState: 'Succeeded' },
    })
    await resourceGroups.update('rg-made', { tags: { team: 'b' } })
    expect(await resourceGroups.get('RG-Made')).toMatchObject({ tags: { team: 'b' } })
    expect((await all(resourceGroups.list())).map(({ name }) => name)).toContain('rg-made')
    await resourceGroups.beginDeleteAndWait('rg-made')
    await expect(resourceGroups.get('rg-made')).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceGroupNotFound',
    })
  })

  test('deletes with a group what is in it', async () => {
    await owner.resources.resourceGroups.createOrUpdate('rg-full', { location })
    await owner.identities.userAssignedIdentities.createOrUpdate('rg-full', 'id-inside', { location })
    await owner.storage.storageAccounts.create('rg-full', 'stinside', accountProperties)
    await owner.resources.resourceGroups.beginDeleteAndWait('rg-full')
    await expect(owner.identities.userAssignedIdentities.get('rg-full', 'id-inside')).rejects.toMatchObject({
      statusCode: 404,
    })
    expect(
      await owner.storage.storageAccounts.checkNameAvailability({
        name: 'stinside',
        type: 'Microsoft.Storage/storageAccounts',
      }),
    ).toMatchObject({
      nameAvailable: true,
    })
  })

  test('makes, shows, lists, updates and deletes a vault, whose name stays taken until it is purged', async () => {
    const { vaults } = owner.keyVault
    const made = await vaults.createOrUpdate('rg', 'kv-made', vaultProperties())
    expect(made).toMatchObject({
      id: owner.vaultId('kv-made'),
      properties: { vaultUri: 'https://kv-made.vault.azure.net/', enableRbacAuthorization: true },
    })
    expect(await vaults.update('rg', 'kv-made', { tags: { team: 'a' } })).toMatchObject({ tags: { team: 'a' } })
    expect(await vaults.get('rg', 'kv-made')).toMatchObject({ name: 'kv-made', tags: { team: 'a' } })
    expect((await all(vaults.listByResourceGroup('rg'))).map(({ name }) => name)).toContain('kv-made')
    expect((await all(vaults.listBySubscription())).map(({ name }) => name)).toContain('kv-made')
    await vaults.delete('rg', 'kv-made')
    await expect(vaults.get('rg', 'kv-made')).rejects.toMatchObject({ statusCode: 404, code: 'ResourceNotFound' })
    expect(await vaults.getDeleted('kv-made', location)).toMatchObject({ name: 'kv-made' })
    await expect(vaults.createOrUpdate('rg', 'kv-made', vaultProperties())).rejects.toMatchObject({ statusCode: 409 })
    await vaults.purgeDeleted('kv-made', location)
    expect(await vaults.createOrUpdate('rg', 'kv-made', vaultProperties())).toMatchObject({ name: 'kv-made' })
  })

  test('makes, shows, lists and deletes a managed identity', async () => {
    const { userAssignedIdentities } = owner.identities
    const { clientId, principalId } = await owner.identity('id-made')
    expect(await userAssignedIdentities.get('rg', 'id-made')).toMatchObject({
      clientId,
      principalId,
      tenantId: owner.tenantId,
    })
    expect((await all(userAssignedIdentities.listByResourceGroup('rg'))).map(({ name }) => name)).toContain('id-made')
    await userAssignedIdentities.delete('rg', 'id-made')
    await expect(userAssignedIdentities.get('rg', 'id-made')).rejects.toMatchObject({ statusCode: 404 })
    expect((await owner.identity('id-made')).principalId).not.toBe(principalId)
  })

  test('makes, shows, lists and deletes a storage account with a container and a queue', async () => {
    const { blobContainers, queue, storageAccounts } = owner.storage
    await owner.account('stmade')
    expect(await storageAccounts.getProperties('rg', 'stmade')).toMatchObject({
      primaryEndpoints: {
        blob: 'https://stmade.blob.core.windows.net/',
        queue: 'https://stmade.queue.core.windows.net/',
      },
    })
    await blobContainers.create('rg', 'stmade', 'inbox', {})
    expect((await all(blobContainers.list('rg', 'stmade'))).map(({ name }) => name)).toEqual(['inbox'])
    await queue.create('rg', 'stmade', 'jobs', {})
    expect((await all(queue.list('rg', 'stmade'))).map(({ name }) => name)).toEqual(['jobs'])
    expect((await all(storageAccounts.list())).map(({ name }) => name)).toContain('stmade')
    await storageAccounts.delete('rg', 'stmade')
    await expect(storageAccounts.getProperties('rg', 'stmade')).rejects.toMatchObject({ statusCode: 404 })
  })

  test('finds every resource of the subscription and of the group', async () => {
    await owner.vault('kv-found')
    const inGroup = await all(
      owner.resources.resources.listByResourceGroup('rg', {
        filter: "resourceType eq 'Microsoft.KeyVault/vaults'",
      }),
    )
    expect(inGroup.map(({ name }) => name)).toContain('kv-found')
    const named = await all(owner.resources.resources.list({ filter: "name eq 'kv-found'" }))
    expect(named.map(({ id }) => id)).toEqual([owner.vaultId('kv-found')])
  })

  test('is told what is wrong with a name, a location, a group', async () => {
    const { vaults } = owner.keyVault
    await expect(vaults.createOrUpdate('rg', 'kv--twice', vaultProperties())).rejects.toMatchObject({
      statusCode: 400,
      code: 'VaultNameNotValid',
    })
    await expect(
      vaults.createOrUpdate('rg', 'kv-away', { ...vaultProperties(), location: 'atlantis' }),
    ).rejects.toMatchObject({ statusCode: 400, code: 'LocationNotAvailableForResourceType' })
    await expect(vaults.createOrUpdate('rg-none', 'kv-away', vaultProperties())).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceGroupNotFound',
    })
    await expect(owner.account('Upper-Case')).rejects.toMatchObject({ statusCode: 400, code: 'AccountNameInvalid' })
  })
})

describe('a vault, an identity and an assignment', () => {
  test('are enough for an app to read a secret, with nothing but the identity', async () => {
    const { id: vault } = await owner.keyVault.vaults.createOrUpdate('rg', 'kv-chain', vaultProperties())
    const identity = await owner.identities.userAssignedIdentities.createOrUpdate('rg', 'id-chain', { location })
    const read = async (): Promise<unknown> => {
      const { stdout } = await succeed(
        run(keysteadCommand, [
          ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'chain', '--identity', required(identity.id), '--'],
          ...['env', `AZURE_CLIENT_ID=${identity.clientId}`, process.execPath, readSecret, 'kv-chain', 'greeting'],
        ]),
      )
      return JSON.parse(stdout)
    }
    const revoke = await owner.grant(required(vault), 'Key Vault Secrets Officer', guest.objectId)
    await owner.setSecrets('kv-chain', guest, { greeting: 'hello' })
    await revoke()
    expect(await read()).toMatchObject({ status: 403, code: 'Forbidden' })
    const assignment = await owner.authorization.roleAssignments.create(required(vault), randomUUID(), {
      roleDefinitionId: await owner.role('Key Vault Secrets User'),
      principalId: required(identity.principalId),
      principalType: 'ServicePrincipal',
    })
    expect(await read()).toEqual({ value: 'hello' })
    await owner.authorization.roleAssignments.deleteById(required(assignment.id))
    expect(await read()).toMatchObject({ status: 403, code: 'Forbidden' })
  })
})

describe('a service principal without a role', () => {
  const subscription = () => `/subscriptions/${owner.subscriptionId}`

  test('makes nothing', async () => {
    await expect(clients.resources.resourceGroups.createOrUpdate('rg-guest', { location })).rejects.toMatchObject(
      refused('Microsoft.Resources/subscriptions/resourcegroups/write', `${subscription()}/resourcegroups/rg-guest`),
    )
    await expect(clients.keyVault.vaults.createOrUpdate('rg', 'kv-guest', vaultProperties())).rejects.toMatchObject(
      refused('Microsoft.KeyVault/vaults/write', owner.vaultId('kv-guest')),
    )
    await expect(
      clients.identities.userAssignedIdentities.createOrUpdate('rg', 'id-guest', { location }),
    ).rejects.toMatchObject(
      refused(
        'Microsoft.ManagedIdentity/userAssignedIdentities/write',
        `${owner.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-guest`,
      ),
    )
    await expect(clients.storage.storageAccounts.create('rg', 'stguest', accountProperties)).rejects.toMatchObject(
      refused(
        'Microsoft.Storage/storageAccounts/write',
        `${owner.group}/providers/Microsoft.Storage/storageAccounts/stguest`,
      ),
    )
  })

  test('can not give itself a role', async () => {
    const assignment = randomUUID()
    const scope = owner.vaultId('kv-found')
    await expect(
      clients.authorization.roleAssignments.create(scope, assignment, {
        roleDefinitionId: await owner.role('Owner'),
        principalId: guest.objectId,
        principalType: 'ServicePrincipal',
      }),
    ).rejects.toMatchObject(
      refused(
        'Microsoft.Authorization/roleAssignments/write',
        `${scope}/providers/Microsoft.Authorization/roleAssignments/${assignment}`,
      ),
    )
  })

  test('reads nothing, the keys of an account least of all', async () => {
    const { id } = await owner.account('stguarded')
    await expect(clients.resources.resourceGroups.get('rg')).rejects.toMatchObject({ code: 'AuthorizationFailed' })
    await expect(clients.storage.storageAccounts.listKeys('rg', 'stguarded')).rejects.toMatchObject(
      refused('Microsoft.Storage/storageAccounts/listKeys/action', id),
    )
    await expect(
      clients.storage.storageAccounts.regenerateKey('rg', 'stguarded', { keyName: 'key1' }),
    ).rejects.toMatchObject(refused('Microsoft.Storage/storageAccounts/regeneratekey/action', id))
  })

  test('deletes nothing, and what it tried to delete is still there', async () => {
    await owner.vault('kv-guarded')
    await expect(clients.keyVault.vaults.delete('rg', 'kv-guarded')).rejects.toMatchObject(
      refused('Microsoft.KeyVault/vaults/delete', owner.vaultId('kv-guarded')),
    )
    await expect(clients.resources.resourceGroups.beginDeleteAndWait('rg')).rejects.toMatchObject({
      code: 'AuthorizationFailed',
    })
    expect(await owner.keyVault.vaults.get('rg', 'kv-guarded')).toMatchObject({ name: 'kv-guarded' })
  })
})

describe('a role', () => {
  test('allows from the next request on, at its scope only, and until it is removed', async () => {
    const vaultId = await owner.vault('kv-scoped')
    await owner.vault('kv-beside')
    const { vaults } = clients.keyVault
    await expect(vaults.get('rg', 'kv-scoped')).rejects.toMatchObject({ code: 'AuthorizationFailed' })
    const revoke = await granted(vaultId, 'Reader')
    expect(await vaults.get('rg', 'kv-scoped')).toMatchObject({ name: 'kv-scoped' })
    await expect(vaults.get('rg', 'kv-beside')).rejects.toMatchObject({ code: 'AuthorizationFailed' })
    await expect(vaults.update('rg', 'kv-scoped', { tags: {} })).rejects.toMatchObject(
      refused('Microsoft.KeyVault/vaults/write', vaultId),
    )
    await revoke()
    await expect(vaults.get('rg', 'kv-scoped')).rejects.toMatchObject({ code: 'AuthorizationFailed' })
  })

  test('of a Contributor makes resources and no assignments', async () => {
    await granted(owner.group, 'Contributor')
    expect(await clients.keyVault.vaults.createOrUpdate('rg', 'kv-contributed', vaultProperties())).toMatchObject({
      name: 'kv-contributed',
    })
    await clients.storage.storageAccounts.create('rg', 'stcontributed', accountProperties)
    const { keys } = await clients.storage.storageAccounts.listKeys('rg', 'stcontributed')
    expect(keys).toHaveLength(2)
    await expect(
      clients.authorization.roleAssignments.create(owner.group, randomUUID(), {
        roleDefinitionId: await owner.role('Reader'),
        principalId: guest.objectId,
        principalType: 'ServicePrincipal',
      }),
    ).rejects.toMatchObject({ statusCode: 403, code: 'AuthorizationFailed' })
  })

  test('of a User Access Administrator makes assignments and no resources', async () => {
    await granted(owner.group, 'User Access Administrator')
    const made = await clients.authorization.roleAssignments.create(owner.group, randomUUID(), {
      roleDefinitionId: await owner.role('Reader'),
      principalId: guest.objectId,
      principalType: 'ServicePrincipal',
    })
    await clients.authorization.roleAssignments.deleteById(required(made.id))
    await expect(clients.keyVault.vaults.createOrUpdate('rg', 'kv-uaa', vaultProperties())).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationFailed',
    })
  })

  test('is listed for whom it was given to', async () => {
    await granted(owner.vaultId('kv-found'), 'Key Vault Secrets User')
    const { roleAssignments } = owner.authorization
    const mine = await all(roleAssignments.listForSubscription({ filter: `principalId eq '${guest.objectId}'` }))
    expect(mine).toHaveLength(1)
    expect(mine[0]).toMatchObject({
      scope: owner.vaultId('kv-found'),
      roleDefinitionId: await owner.role('Key Vault Secrets User'),
      principalId: guest.objectId,
    })
  })
})
