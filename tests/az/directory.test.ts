/** az's commands for the directory; what they write is read back with the official JavaScript clients and plain requests. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClientCertificateCredential, ClientSecretCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { TestCloud } from '../support/cloud.ts'
import { type Answer, Rest } from '../support/rest.ts'

let cloud: TestCloud
let az: Az
let rest: Rest
let tenant: string
let subscription: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  ;({ AZURE_TENANT_ID: tenant, AZURE_SUBSCRIPTION_ID: subscription } = cloud.environment)
  ;[az, rest] = await Promise.all([Az.asOwner(cloud), Rest.asOwner(cloud)])
})
afterAll(async () => {
  for (const each of [az, cloud]) await each?.[Symbol.asyncDispose]()
})

const arm = 'https://management.azure.com/.default'
const valuesOf = (answer: Answer) => answer.value as Answer[]

describe('service principals', () => {
  interface Made {
    readonly appId: string
    readonly password: string
    readonly tenant: string
  }
  let made: Made

  test('`az ad sp create-for-rbac` makes an application, its principal, its secret and its role', async () => {
    made = await az.json<Made>(
      'az ad sp create-for-rbac --name deploy --role Reader --scopes "/subscriptions/$AZURE_SUBSCRIPTION_ID"',
    )
    expect(made).toMatchObject({ displayName: 'deploy', tenant, password: expect.stringMatching(/^[^-].{30,}$/) })
    const credential = new ClientSecretCredential(tenant, made.appId, made.password)
    expect(await credential.getToken(arm)).toMatchObject({ token: expect.any(String) })

    const [principal] = valuesOf(await rest.graph('GET', `/servicePrincipals?$filter=appId%20eq%20'${made.appId}'`))
    expect(principal).toMatchObject({ displayName: 'deploy', servicePrincipalType: 'Application' })
    const assignments = await rest.arm(
      'GET',
      `/subscriptions/${subscription}/providers/Microsoft.Authorization/roleAssignments`,
      `2022-04-01&$filter=principalId%20eq%20'${principal?.id}'`,
    )
    expect(valuesOf(assignments)).toMatchObject([{ properties: { scope: `/subscriptions/${subscription}` } }])
    // The same name again is the same application with a new secret.
    const again = await az.succeed('az ad sp create-for-rbac --name deploy')
    expect(again.stderr).toContain('Found an existing application instance')
    expect(JSON.parse(again.stdout)).toMatchObject({ appId: made.appId })
  })

  test('show and list find it by application id, name and filter', async () => {
    const shown = await az.json<Answer>('az ad sp show --id "$app"', { app: made.appId })
    expect(shown).toMatchObject({ appId: made.appId, displayName: 'deploy', servicePrincipalNames: [made.appId] })
    expect(await rest.graph('GET', `/servicePrincipals/${shown.id}`)).toMatchObject({ appId: made.appId })
    const byName = '--display-name deploy --query [].appId --output tsv'
    expect(await az.text(`az ad sp list ${byName}`)).toBe(made.appId)
    const byFilter = `--filter "startswith(displayName,'dep')" --query [].appId --output tsv`
    expect(await az.text(`az ad sp list ${byFilter}`)).toBe(made.appId)
  })

  test('`az ad sp credential reset` gives a new secret, and the old one is none any more', async () => {
    const reset = await az.json<Made>('az ad sp credential reset --id "$app"', { app: made.appId })
    const renewed = new ClientSecretCredential(tenant, made.appId, reset.password)
    expect(await renewed.getToken(arm)).toMatchObject({ token: expect.any(String) })
    await expect(new ClientSecretCredential(tenant, made.appId, made.password).getToken(arm)).rejects.toThrow(
      'AADSTS7000215',
    )
    made = reset
  })

  test('`az ad sp create-for-rbac --create-cert` writes a certificate that signs in', async () => {
    const created = await az.json<{ appId: string; password: null; fileWithCertAndPrivateKey: string }>(
      'az ad sp create-for-rbac --name with-certificate --create-cert',
    )
    expect(created.password).toBeNull()
    const pem = await readFile(created.fileWithCertAndPrivateKey, 'utf8')
    expect(pem).toContain('PRIVATE KEY')
    const credential = new ClientCertificateCredential(tenant, created.appId, {
      certificatePath: created.fileWithCertAndPrivateKey,
    })
    expect(await credential.getToken(arm)).toMatchObject({ token: expect.any(String) })
    const login = 'az login --service-principal -u "$app" --certificate "$file" --tenant "$AZURE_TENANT_ID"'
    const environment = { app: created.appId, file: created.fileWithCertAndPrivateKey, AZURE_CONFIG_DIR: 'certificate' }
    const refusal = await az.refused(login, environment)
    expect(refusal.message).toBe(`No subscriptions found for ${created.appId}.`)
    expect(await az.json(`${login} --allow-no-subscriptions`, environment)).toMatchObject([
      { name: 'N/A(tenant level account)', tenantId: tenant },
    ])
  })

  test('`az ad sp delete` ends it: it is not found, and gets no token', async () => {
    await az.succeed('az ad sp delete --id "$app"', { app: made.appId })
    const { code, message } = await az.refused('az ad sp show --id "$app"', { app: made.appId })
    expect(code).toBe(3)
    expect(message).toContain(`Resource '${made.appId}' does not exist`)
    await expect(new ClientSecretCredential(tenant, made.appId, made.password).getToken(arm)).rejects.toThrow(
      'AADSTS700016',
    )
  })
})

describe('applications', () => {
  test('are created, shown, listed, given federated credentials, and deleted', async () => {
    const app = await az.json<{ appId: string; id: string }>('az ad app create --display-name pipeline')
    const variables = { app: app.appId }
    expect(await rest.graph('GET', `/applications/${app.id}`)).toMatchObject({ displayName: 'pipeline' })
    expect(await az.text('az ad app list --display-name pipeline --query [].id --output tsv')).toBe(app.id)

    const parameters = {
      name: 'main-branch',
      issuer: 'https://token.actions.example.com',
      subject: 'repo:contoso/shop:ref:refs/heads/main',
      audiences: ['api://AzureADTokenExchange'],
    }
    const created = await az.json('az ad app federated-credential create --id "$app" --parameters "$parameters"', {
      ...variables,
      parameters: JSON.stringify(parameters),
    })
    expect(created).toMatchObject(parameters)
    const read = await rest.graph('GET', `/applications/${app.id}/federatedIdentityCredentials`)
    expect(valuesOf(read)).toMatchObject([parameters])
    const twice = await az.refused('az ad app federated-credential create --id "$app" --parameters "$parameters"', {
      ...variables,
      parameters: JSON.stringify({ ...parameters, name: 'other' }),
    })
    expect(twice.message).toBe('Another federated credential has this issuer and subject.')
    expect(
      await az.text('az ad app federated-credential list --id "$app" --query [].name --output tsv', variables),
    ).toBe('main-branch')
    await az.succeed(
      'az ad app federated-credential delete --id "$app" --federated-credential-id main-branch',
      variables,
    )
    expect(await az.json('az ad app federated-credential list --id "$app"', variables)).toEqual([])

    await az.succeed('az ad app delete --id "$app"', variables)
    const { code, message } = await az.refused('az ad app show --id "$app"', variables)
    expect(code).toBe(3)
    expect(message).toContain('does not exist or one of its queried reference-property objects are not present')
  })
})

describe('users and groups', () => {
  const password = 'Sonne-Mond-42'
  let user: { id: string }

  test('a user is created, shown, listed and told who is signed in; names and passwords have to be good', async () => {
    const create = 'az ad user create --display-name Alice --password "$password" --user-principal-name "$name"'
    user = await az.json(create, { password, name: 'alice@contoso.example' })
    expect(await rest.graph('GET', '/users/alice@contoso.example')).toMatchObject({ id: user.id, displayName: 'Alice' })
    expect(await az.json('az ad user show --id alice@contoso.example')).toMatchObject({ id: user.id })
    expect(await az.text('az ad user list --query [].userPrincipalName --output tsv')).toBe('alice@contoso.example')

    const taken = await az.refused(create, { password, name: 'ALICE@contoso.example' })
    expect(taken.message).toContain('Another object with the same value for property userPrincipalName already exists.')
    const weak = await az.refused(create, { password: 'short', name: 'bob@contoso.example' })
    expect(weak.message).toContain('The specified password does not comply with password complexity requirements.')
    const nobody = await az.refused('az ad user show --id nobody@contoso.example')
    expect(nobody.message).toContain("Resource 'nobody@contoso.example' does not exist")

    const me = await az.json(
      `az login --username alice@contoso.example --password "$password" --tenant "$AZURE_TENANT_ID" \\
         --allow-no-subscriptions --only-show-errors --output none
       az ad signed-in-user show`,
      { password, AZURE_CONFIG_DIR: join(az.home, 'alice') },
    )
    expect(me).toMatchObject({ id: user.id, userPrincipalName: 'alice@contoso.example' })
    const delegated = await az.refused('az ad signed-in-user show')
    expect(delegated.message).toBe('/me request is only valid with delegated authentication flow.')
    // Who has no role in the directory may look, and add no users.
    const change = await az.refused(create, {
      password,
      name: 'bob@contoso.example',
      AZURE_CONFIG_DIR: join(az.home, 'alice'),
    })
    expect(change.message).toBe('Insufficient privileges to complete the operation.')
  })

  test('a group has members; a role that the group is given lets a member read a secret, and no longer when it leaves', async () => {
    const group = await az.json<{ id: string }>('az ad group create --display-name readers --mail-nickname readers')
    const sp = await az.json<{ appId: string; password: string }>(
      'az ad sp create-for-rbac --name shop --only-show-errors',
    )
    const [{ id: member = '' } = {}] = valuesOf(
      await rest.graph('GET', `/servicePrincipals?$filter=appId%20eq%20'${sp.appId}'`),
    ) as { id: string }[]
    const variables = { user: user.id, member, group: group.id, secret: 'hello' }
    await az.succeed(
      `az group create --name rg --location westeurope --output none
       az keyvault create --name kv-readers --resource-group rg --output none
       vault="$(az keyvault show --name kv-readers --query id --output tsv)"
       az role assignment create --role 'Key Vault Secrets Officer' --assignee "$AZURE_CLIENT_ID" --scope "$vault" --output none
       az role assignment create --role 'Key Vault Secrets User' --scope "$vault" --output none \\
         --assignee-object-id "$group" --assignee-principal-type Group
       az keyvault secret set --vault-name kv-readers --name greeting --value "$secret" --output none
       az ad group member add --group readers --member-id "$user"`,
      variables,
    )
    const vault = new SecretClient(
      'https://kv-readers.vault.azure.net',
      new ClientSecretCredential(tenant, sp.appId, sp.password),
    )
    await expect(vault.getSecret('greeting')).rejects.toThrow('Caller is not authorized to perform action on resource.')
    await az.succeed('az ad group member add --group readers --member-id "$member"', variables)
    expect((await vault.getSecret('greeting')).value).toBe('hello')

    const list = 'az ad group member list --group readers --query [].id --output tsv'
    expect((await az.text(list)).split('\n').sort()).toEqual([user.id, member].sort())
    const read = valuesOf(await rest.graph('GET', `/groups/${group.id}/members`))
    expect(read.map(({ id }) => id).sort()).toEqual([user.id, member].sort())
    const check = 'az ad group member check --group readers --member-id "$member" --query value --output tsv'
    expect(await az.text(check, variables)).toBe('true')
    const twice = await az.refused('az ad group member add --group readers --member-id "$member"', variables)
    expect(twice.message).toContain('One or more added object references already exist')

    await az.succeed('az ad group member remove --group readers --member-id "$member"', variables)
    expect(await az.text(check, variables)).toBe('false')
    await expect(vault.getSecret('greeting')).rejects.toThrow('Caller is not authorized to perform action on resource.')
  })
})
