/** `az identity` and `az role`, as people type them; what az writes is read back, and tried, by the JavaScript SDKs. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClientSecretCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { QueueClient } from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { TestCloud } from '../support/cloud.ts'
import { OidcIssuer } from '../support/oidc-issuer.ts'
import { all, Provisioner, required } from '../support/provisioner.ts'

interface Identity {
  readonly id: string
  readonly clientId: string
  readonly principalId: string
}
interface Assignment {
  readonly id: string
  readonly name: string
  readonly principalId: string
  readonly principalName?: string
  readonly principalType: string
  readonly roleDefinitionId: string
  readonly scope: string
}
interface RoleDefinition {
  readonly name: string
  readonly roleName: string
  readonly roleType: string
  readonly assignableScopes: readonly string[]
  readonly permissions: readonly Record<string, unknown>[]
}

let issuer: OidcIssuer
let cloud: TestCloud
let owner: Provisioner
let az: Az
/** Signed in as an application with no role but those a test gives it. */
let reader: Az
let readerAppId: string
let readerObjectId: string
let readerCredential: ClientSecretCredential

beforeAll(async () => {
  issuer = await OidcIssuer.start()
  cloud = await TestCloud.start({ NODE_EXTRA_CA_CERTS: issuer.certificatePath })
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  az = await Az.asOwner(cloud)
  await az.succeed(`
    az keyvault create --name kv-roles --resource-group rg --output none
    az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" \
      --scope "$(az keyvault show --name kv-roles --query id --output tsv)" --output none`)
  const secrets = new SecretClient('https://kv-roles.vault.azure.net', owner.credential)
  for (const name of ['one', 'two']) await secrets.setSecret(name, `value of ${name}`)
  const { appId, password } = await az.json<{ appId: string; password: string }>('az ad sp create-for-rbac -n reader')
  readerAppId = appId
  readerObjectId = await az.text(`az ad sp show --id ${appId} --query id --output tsv`)
  readerCredential = new ClientSecretCredential(owner.tenantId, appId, password)
  reader = await Az.at(cloud, { READER_SECRET: password })
  await signInReader()
})
afterAll(async () => {
  await reader?.[Symbol.asyncDispose]()
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
  await issuer?.[Symbol.asyncDispose]()
})

const signInReader = () =>
  reader.succeed(
    `az login --service-principal -u ${readerAppId} -p "$READER_SECRET" --tenant ${owner.tenantId} --allow-no-subscriptions`,
  )
const readSecret = async (name: string): Promise<string | undefined> =>
  (
    await new SecretClient('https://kv-roles.vault.azure.net', readerCredential, {
      retryOptions: { maxRetries: 0 },
    }).getSecret(name)
  ).value
const forbidden = { statusCode: 403, code: 'Forbidden' }

describe('az identity', () => {
  test('creates, shows, lists and deletes an identity', async () => {
    const created = await az.json<Identity>('az identity create -g rg -n id-orders -o json')
    expect(created).toMatchObject({
      id: `${owner.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders`,
      location: 'westeurope',
      name: 'id-orders',
      resourceGroup: 'rg',
      tenantId: owner.tenantId,
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    })
    expect(await az.json('az identity create -g rg -n id-orders')).toEqual(created)
    expect(await az.json('az identity show --ids "$id"', { id: created.id })).toEqual(created)
    expect(await az.text('az identity list -g rg --query "[].[name,clientId]" -o tsv')).toBe(
      `id-orders\t${created.clientId}`,
    )
    expect((await az.text('az identity list -o table')).split('\n')[0]).toMatch(
      /^ClientId +Location +Name +PrincipalId/,
    )
    const read = await owner.identities.userAssignedIdentities.get('rg', 'id-orders')
    expect([read.clientId, read.principalId]).toEqual([created.clientId, created.principalId])
    expect(await az.json(`az ad sp show --id ${created.clientId}`)).toMatchObject({
      id: created.principalId,
      servicePrincipalType: 'ManagedIdentity',
    })

    await az.succeed('az identity delete -g rg -n id-orders')
    expect((await az.refused('az identity show -g rg -n id-orders')).message).toContain(
      "(ResourceNotFound) The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/id-orders' under resource group 'rg' was not found.",
    )
    await expect(owner.identities.userAssignedIdentities.get('rg', 'id-orders')).rejects.toMatchObject({
      statusCode: 404,
    })
  })

  test('is refused a name or a group that can not be', async () => {
    expect((await az.refused('az identity create -g rg -n "i d"')).message).toContain('(InvalidResourceName)')
    expect((await az.refused('az identity create -g rg-none -n id-x -l westeurope')).message).toContain(
      "(ResourceGroupNotFound) Resource group 'rg-none' could not be found.",
    )
  })

  test('creates, lists, shows, updates and deletes federated credentials', async () => {
    await az.succeed('az identity create -g rg -n id-federated -o none')
    const on = '-g rg --identity-name id-federated'
    const issuer = 'https://issuer.example'
    const created = await az.json(
      `az identity federated-credential create ${on} -n fc-one --issuer ${issuer} --subject system:serviceaccount:default:app`,
    )
    expect(created).toMatchObject({
      name: 'fc-one',
      issuer,
      subject: 'system:serviceaccount:default:app',
      audiences: ['api://AzureADTokenExchange'],
    })
    const twice = await az.refused(
      `az identity federated-credential create ${on} -n fc-two --issuer ${issuer} --subject system:serviceaccount:default:app`,
    )
    expect(twice.message).toContain(
      '(Conflict) Issuer and subject combination already exists for this Managed Identity.',
    )
    expect(await az.json(`az identity federated-credential show ${on} -n fc-one`)).toEqual(created)
    await az.succeed(
      `az identity federated-credential update ${on} -n fc-one --issuer ${issuer} --subject repo:acme/app --audiences acme -o none`,
    )
    expect(
      await az.json(`az identity federated-credential list ${on} --query "[].[name,subject,audiences[0]]"`),
    ).toEqual([['fc-one', 'repo:acme/app', 'acme']])
    const read = await owner.identities.federatedIdentityCredentials.get('rg', 'id-federated', 'fc-one')
    expect(read).toMatchObject({ issuer, subject: 'repo:acme/app', audiences: ['acme'] })
    await az.succeed(`az identity federated-credential delete ${on} -n fc-one --yes`)
    expect(await all(owner.identities.federatedIdentityCredentials.list('rg', 'id-federated'))).toEqual([])
  })
})

describe('a federated credential of an identity', () => {
  test("exchanges its issuer's token for the identity's, for the agreed subject and as long as it is there", async () => {
    const { clientId, principalId } = await az.json<Identity>('az identity create -g rg -n id-pipeline')
    await az.succeed(`
      az identity federated-credential create -g rg --identity-name id-pipeline -n main --issuer ${issuer.url} --subject build-main -o none
      az role assignment create --role "Key Vault Secrets User" --assignee ${principalId} --scope ${owner.vaultId('kv-roles')} -o none`)
    await using pipeline = await Az.at(cloud, { AZURE_CLIENT_ID: undefined, AZURE_CLIENT_SECRET: undefined })
    // A sign-in that az remembers asks for no token, so each begins without one.
    const login = `az account clear; az login --service-principal -u ${clientId} --tenant ${owner.tenantId} --federated-token "$token" --allow-no-subscriptions -o none`
    await pipeline.succeed(login, { token: await issuer.token('build-main') })
    expect(await pipeline.text('az keyvault secret show --vault-name kv-roles -n one --query value -o tsv')).toBe(
      'value of one',
    )
    const other = await pipeline.refused(login, { token: await issuer.token('build-other') })
    expect(other.message).toContain('AADSTS')
    await az.succeed('az identity federated-credential delete -g rg --identity-name id-pipeline -n main --yes')
    const gone = await pipeline.refused(login, { token: await issuer.token('build-main') })
    expect(gone.message).toContain('AADSTS70021')
  })
})

describe('az role assignment', () => {
  const listed = (scope: string) =>
    az.json<Assignment[]>(`az role assignment list --assignee ${readerAppId} --scope "${scope}"`)

  test('at a vault lets in and, deleted, refuses; --assignee is looked up in the directory', async () => {
    await expect(readSecret('one')).rejects.toMatchObject(forbidden)
    const scope = owner.vaultId('kv-roles')
    const created = await az.json<Assignment>(
      `az role assignment create --role "Key Vault Secrets User" --assignee ${readerAppId} --scope ${scope}`,
    )
    expect(created).toMatchObject({ principalId: readerObjectId, principalType: 'ServicePrincipal', scope })
    expect(await readSecret('one')).toBe('value of one')
    const read = await owner.authorization.roleAssignments.get(scope, created.name)
    expect(read).toMatchObject({ principalId: readerObjectId, roleDefinitionId: created.roleDefinitionId, scope })
    expect(await listed(scope)).toMatchObject([
      { name: created.name, principalName: readerAppId, roleDefinitionName: 'Key Vault Secrets User' },
    ])
    // az answers the assignment that is there; the service says that it is.
    expect(
      await az.json(
        `az role assignment create --role "Key Vault Secrets User" --assignee ${readerAppId} --scope ${scope}`,
      ),
    ).toMatchObject({ name: created.name })
    await expect(
      owner.authorization.roleAssignments.create(scope, crypto.randomUUID(), {
        roleDefinitionId: created.roleDefinitionId,
        principalId: readerObjectId,
      }),
    ).rejects.toMatchObject({ statusCode: 409, code: 'RoleAssignmentExists' })

    const remove = `az role assignment delete --assignee ${readerAppId} --role "Key Vault Secrets User" --scope ${scope}`
    await az.succeed(remove)
    await expect(readSecret('one')).rejects.toMatchObject(forbidden)
    expect((await az.refused(remove)).message).toBe('No matched assignments were found to delete')
  })

  test('at one secret lets in to that secret alone', async () => {
    const scope = `${owner.vaultId('kv-roles')}/secrets/one`
    const { id } = await az.json<Assignment>(
      `az role assignment create --role "Key Vault Secrets User" --assignee-object-id ${readerObjectId} --assignee-principal-type ServicePrincipal --scope ${scope}`,
    )
    expect(await readSecret('one')).toBe('value of one')
    await expect(readSecret('two')).rejects.toMatchObject(forbidden)
    const list = await reader.refused('az keyvault secret list --vault-name kv-roles')
    expect(list.message).toContain("Action: 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'")
    await az.succeed('az role assignment delete --ids "$id"', { id })
    await expect(readSecret('one')).rejects.toMatchObject(forbidden)
  })

  test('at a resource group, written as the seed writes it, lets in to what is below', async () => {
    const group = `/subscriptions/${owner.subscriptionId}/resourcegroups/rg`
    const show = 'az identity list --resource-group rg --query "[].name"'
    await az.succeed(`az role assignment create --role "Reader" --assignee ${readerAppId} --scope ${group} -o none`)
    // az keeps the subscriptions that it saw at sign-in, and there were none.
    await signInReader()
    expect(await reader.json(show)).toEqual(expect.any(Array))
    const write = await reader.refused('az identity create -g rg -n id-mine -l westeurope')
    const mine = `${owner.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mine`
    expect(write.message).toContain(
      `(AuthorizationFailed) The client '${readerAppId}' with object id '${readerObjectId}' does not have authorization to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/write' over scope '${mine}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    )
    const grant = await reader.refused(
      `az role assignment create --role Owner --assignee-object-id ${readerObjectId} --assignee-principal-type ServicePrincipal --scope ${owner.group}`,
    )
    expect(grant.message).toContain(
      `(AuthorizationFailed) The client '${readerAppId}' with object id '${readerObjectId}' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '${owner.group}/providers/Microsoft.Authorization/roleAssignments/`,
    )
    await expect(readSecret('one')).rejects.toMatchObject(forbidden)
    await az.succeed(`az role assignment delete --assignee ${readerAppId} --role Reader --scope ${group}`)
    expect((await reader.refused(show)).message).toContain('(AuthorizationFailed)')
  })

  test('at a storage queue lets in to the messages of that queue alone', async () => {
    const account = `${owner.group}/providers/Microsoft.Storage/storageAccounts/queuesofroles`
    await az.succeed(`
      az storage account create --name queuesofroles --resource-group rg --sku Standard_LRS --output none
      key=$(az storage account keys list --account-name queuesofroles --query "[0].value" --output tsv)
      az storage queue create --name orders --account-name queuesofroles --account-key "$key" --output none
      az storage queue create --name others --account-name queuesofroles --account-key "$key" --output none
      az role assignment create --role "Storage Queue Data Contributor" --assignee ${readerAppId} --output none \
        --scope "${account}/queueServices/default/queues/orders"`)
    const queue = (name: string) =>
      new QueueClient(`https://queuesofroles.queue.core.windows.net/${name}`, readerCredential, {
        retryOptions: { maxTries: 1 },
      })
    await queue('orders').sendMessage('hello')
    expect((await queue('orders').receiveMessages()).receivedMessageItems[0]?.messageText).toBe('hello')
    await expect(queue('others').sendMessage('hello')).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationPermissionMismatch',
    })
  })

  test('is refused for a role, a principal or a scope that does not exist', async () => {
    const create = (rest: string) => az.refused(`az role assignment create ${rest}`)
    const nobody = crypto.randomUUID()
    const to = `--assignee ${readerAppId}`
    const typed = `--assignee-object-id ${readerObjectId} --assignee-principal-type`
    const cases = [
      [`--role "Vault Dreamer" ${to} --scope ${owner.group}`, "Role 'Vault Dreamer' doesn't exist."],
      [
        `--role ${nobody} ${typed} ServicePrincipal --scope ${owner.group}`,
        `(RoleDefinitionDoesNotExist) The specified role definition with ID '${nobody.replaceAll('-', '')}' does not exist.`,
      ],
      [
        `--role Reader --assignee ${nobody} --scope ${owner.group}`,
        `Cannot find user or service principal in graph database for '${nobody}'.`,
      ],
      [`--role Reader ${typed} User --scope ${owner.group}`, '(UnmatchedPrincipalType)'],
      [
        `--role Reader ${to} --scope /subscriptions/${owner.subscriptionId}/resourceGroups/rg-none`,
        "(ResourceGroupNotFound) Resource group 'rg-none' could not be found.",
      ],
      [
        `--role Reader ${to} --scope ${owner.vaultId('kv-none')}`,
        "(ResourceNotFound) The Resource 'Microsoft.KeyVault/vaults/kv-none' under resource group 'rg' was not found.",
      ],
    ] as const
    for (const [rest, message] of cases) expect((await create(rest)).message).toContain(message)
    await expect(
      owner.authorization.roleAssignments.create(owner.group, crypto.randomUUID(), {
        roleDefinitionId: await owner.role('Reader'),
        principalId: nobody,
      }),
    ).rejects.toMatchObject({ statusCode: 400, code: 'PrincipalNotFound' })
  })

  test('of a principal that was deleted stays, without a name, until it is deleted itself', async () => {
    const gone = await az.json<Identity>('az identity create -g rg -n id-gone')
    await az.succeed(`
      az role assignment create --role Reader --assignee ${gone.principalId} --scope ${owner.group} -o none
      az identity delete -g rg -n id-gone`)
    const left = (await az.json<Assignment[]>(`az role assignment list --scope ${owner.group}`)).filter(
      ({ principalId }) => principalId === gone.principalId,
    )
    expect(left).toMatchObject([{ principalName: '', principalType: 'ServicePrincipal' }])
    expect(
      (await az.refused(`az role assignment create --role Reader --assignee ${gone.clientId} --scope ${owner.group}`))
        .message,
    ).toContain('Cannot find user or service principal in graph database')
    await az.succeed('az role assignment delete --ids "$id"', { id: required(left[0]).id })
    const { principalId } = gone
    expect(
      await all(
        owner.authorization.roleAssignments.listForScope(owner.group, { filter: `principalId eq '${principalId}'` }),
      ),
    ).toEqual([])
  })
})

describe('az role definition', () => {
  test('lists built-in roles as Azure publishes them', async () => {
    expect(await az.json('az role definition list --name "Key Vault Secrets User" --query "[0]"')).toMatchObject({
      name: '4633458b-17de-408a-b874-0445c86b69e6',
      roleType: 'BuiltInRole',
      assignableScopes: ['/'],
      permissions: [
        {
          dataActions: [
            'Microsoft.KeyVault/vaults/secrets/getSecret/action',
            'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
          ],
        },
      ],
    })
  })

  test('makes a custom role that grants a secret, changes it, and does not delete it while it is in use', async () => {
    const file = join(az.home, 'role.json')
    const role = {
      Name: 'Secret Getter',
      Description: 'Gets the value of secrets.',
      IsCustom: true,
      Actions: ['Microsoft.KeyVault/vaults/read'],
      NotActions: [],
      DataActions: ['Microsoft.KeyVault/vaults/secrets/getSecret/action'],
      NotDataActions: [],
      AssignableScopes: [owner.group],
    }
    await writeFile(file, JSON.stringify(role))
    const created = await az.json<RoleDefinition>('az role definition create --role-definition role.json')
    expect(created).toMatchObject({
      roleName: 'Secret Getter',
      roleType: 'CustomRole',
      assignableScopes: [owner.group],
    })
    const read = await owner.authorization.roleDefinitions.get(owner.group, created.name)
    expect(read).toMatchObject({
      roleName: 'Secret Getter',
      description: 'Gets the value of secrets.',
      permissions: [{ actions: role.Actions, dataActions: role.DataActions }],
    })
    expect((await az.refused('az role definition create --role-definition role.json')).message).toContain(
      '(RoleDefinitionWithSameNameExists)',
    )

    await az.succeed(
      `az role assignment create --role "Secret Getter" --assignee ${readerAppId} --scope ${owner.vaultId('kv-roles')} -o none`,
    )
    expect(await readSecret('one')).toBe('value of one')
    const inUse = await az.refused(`az role definition delete --name "Secret Getter" --scope ${owner.group}`)
    expect(inUse.message).toContain(
      '(RoleDefinitionHasAssignments) There are existing role assignments referencing role.',
    )

    const changed = { ...role, DataActions: ['Microsoft.KeyVault/vaults/secrets/readMetadata/action'] }
    await writeFile(file, JSON.stringify(changed))
    expect(
      await az.json('az role definition update --role-definition role.json --query permissions[0].dataActions'),
    ).toEqual(changed.DataActions)
    await expect(readSecret('one')).rejects.toMatchObject(forbidden)

    await az.succeed(`
      az role assignment delete --role "Secret Getter" --assignee ${readerAppId} --scope ${owner.vaultId('kv-roles')}
      az role definition delete --name "Secret Getter" --scope ${owner.group}`)
    expect(await az.json('az role definition list --custom-role-only')).toEqual([])
    await expect(owner.authorization.roleDefinitions.get(owner.group, created.name)).rejects.toMatchObject({
      statusCode: 404,
    })
  })

  test('is refused a built-in role, a role without a scope, and a scope that does not exist', async () => {
    expect((await az.refused('az role definition delete --name Reader')).message).toContain('(RoleDefinitionNotCustom)')
    const create = (role: object) =>
      az.refused('az role definition create --role-definition "$role"', { role: JSON.stringify(role) })
    const role = { Name: 'Other', Actions: ['*/read'] }
    expect((await create({ ...role, AssignableScopes: [] })).message).toContain("please provide 'assignableScopes'")
    const none = `/subscriptions/${owner.subscriptionId}/resourceGroups/rg-none`
    expect((await create({ ...role, AssignableScopes: [none] })).message).toContain('(ResourceGroupNotFound)')
    expect((await create({ ...role, Name: 'Reader', AssignableScopes: [owner.group] })).message).toContain(
      '(RoleDefinitionWithSameNameExists)',
    )
  })
})
