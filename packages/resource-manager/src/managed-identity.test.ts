import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { roles, startCloud, subscriptionId, subscriptionPath, type TestCloud, tenantId } from './testing/cloud.ts'

let cloud: TestCloud
let client: ManagedServiceIdentityClient
const group = `${subscriptionPath}/resourceGroups/rg`
const identities = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
const v = '?api-version=2023-01-31'

beforeAll(async () => {
  cloud = await startCloud()
  client = new ManagedServiceIdentityClient(cloud.owner.credential, subscriptionId, { httpClient: cloud.httpClient })
  await cloud.request('PUT', `${group}?api-version=2021-04-01`, { body: { location: 'westeurope' } })
})
afterAll(() => cloud.stop())

async function names<T extends { name?: string }>(items: AsyncIterable<T>): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for await (const item of items) found.push(item.name)
  return found
}

it('makes an identity that the directory knows, and keeps its principal when it is written again', async () => {
  const created = await client.userAssignedIdentities.createOrUpdate('rg', 'app-id', { location: 'West Europe' })
  expect(created).toMatchObject({
    id: `${identities}/app-id`,
    name: 'app-id',
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    location: 'westeurope',
    tenantId,
  })
  const principal = await cloud.identity.directory.servicePrincipal({ objectId: created.principalId ?? '' })
  expect(principal).toMatchObject({ appId: created.clientId, type: 'ManagedIdentity' })
  const again = await client.userAssignedIdentities.createOrUpdate('rg', 'APP-ID', {
    location: 'westeurope',
    tags: { a: 'b' },
  })
  expect(again).toMatchObject({ principalId: created.principalId, clientId: created.clientId, tags: { a: 'b' } })
  const updated = await client.userAssignedIdentities.update('rg', 'app-id', {
    location: 'westeurope',
    tags: { c: 'd' },
  })
  expect(updated.tags).toEqual({ c: 'd' })
  expect(await client.userAssignedIdentities.get('rg', 'app-id')).toMatchObject({ principalId: created.principalId })
  expect(await names(client.userAssignedIdentities.listByResourceGroup('rg'))).toEqual(['app-id'])
  expect(await names(client.userAssignedIdentities.listBySubscription())).toEqual(['app-id'])
  await client.userAssignedIdentities.delete('rg', 'app-id')
  expect(await cloud.identity.directory.managedIdentity(`${identities}/app-id`)).toBeUndefined()
  await expect(client.userAssignedIdentities.get('rg', 'app-id')).rejects.toMatchObject({
    statusCode: 404,
    code: 'ResourceNotFound',
    message: expect.stringContaining(
      "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/app-id' under resource group 'rg' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    ),
  })
  const made = await client.userAssignedIdentities.createOrUpdate('rg', 'app-id', { location: 'westeurope' })
  expect(made.principalId).not.toBe(created.principalId)
})

it('keeps the federated credentials of an identity, for the directory too', async () => {
  await client.userAssignedIdentities.createOrUpdate('rg', 'federated', { location: 'westeurope' })
  const credential = {
    issuer: 'https://issuer.example/',
    subject: 'system:serviceaccount:default:app',
    audiences: ['api://AzureADTokenExchange'],
  }
  const credentials = client.federatedIdentityCredentials
  expect(await credentials.createOrUpdate('rg', 'federated', 'kube', credential)).toMatchObject({
    id: `${identities}/federated/federatedIdentityCredentials/kube`,
    name: 'kube',
    ...credential,
  })
  expect(
    await credentials.createOrUpdate('rg', 'federated', 'kube', { ...credential, subject: 'system:other' }),
  ).toMatchObject({ subject: 'system:other' })
  await expect(
    credentials.createOrUpdate('rg', 'federated', 'kube-2', { ...credential, subject: 'system:other' }),
  ).rejects.toMatchObject({ statusCode: 409 })
  expect(await credentials.get('rg', 'federated', 'kube')).toMatchObject({ subject: 'system:other' })
  expect(await names(credentials.list('rg', 'federated'))).toEqual(['kube'])
  await credentials.createOrUpdate('rg', 'federated', 'KUBE', credential)
  expect(await names(credentials.list('rg', 'federated'))).toEqual(['kube'])
  await credentials.delete('rg', 'federated', 'kube')
  expect(await names(credentials.list('rg', 'federated'))).toEqual([])
  await expect(credentials.get('rg', 'federated', 'kube')).rejects.toMatchObject({ statusCode: 404 })
})

it.each([
  ['an issuer without TLS', { issuer: 'http://issuer.example/' }],
  ['no audience', { audiences: [] }],
  ['two audiences', { audiences: ['a', 'b'] }],
])('refuses a federated credential with %s', async (_, change) => {
  await client.userAssignedIdentities.createOrUpdate('rg', 'strict', { location: 'westeurope' })
  const properties = { issuer: 'https://issuer.example/', subject: 's', audiences: ['a'], ...change }
  const { status, json } = await cloud.request('PUT', `${identities}/strict/federatedIdentityCredentials/bad${v}`, {
    body: { properties },
  })
  expect({ status, code: json.error?.code }).toEqual({ status: 400, code: 'InvalidRequestContent' })
})

it('refuses more than twenty federated credentials', async () => {
  await client.userAssignedIdentities.createOrUpdate('rg', 'many', { location: 'westeurope' })
  const put = (i: number) =>
    cloud.request('PUT', `${identities}/many/federatedIdentityCredentials/fic-${i}${v}`, {
      body: { properties: { issuer: 'https://issuer.example/', subject: `s${i}`, audiences: ['a'] } },
    })
  for (let i = 0; i < 20; i++) expect((await put(i)).status).toBe(201)
  expect((await put(20)).status).toBe(400)
})

it.each(['ab', '-abc', 'a.b.c', 'x'.repeat(129)])('refuses the name %s', async (name) => {
  const { json } = await cloud.request('PUT', `${identities}/${name}${v}`, { body: { location: 'westeurope' } })
  expect(json.error?.code).toBe('InvalidResourceName')
})

it('shows the identity that a resource has of its own', async () => {
  await client.userAssignedIdentities.createOrUpdate('rg', 'host', { location: 'westeurope' })
  const path = `${identities}/host/providers/Microsoft.ManagedIdentity/identities/default${v}`
  expect((await cloud.request('GET', path)).status).toBe(404)
})

it('refuses whoever lacks the action, and does nothing', async () => {
  const reader = await cloud.client([{ role: roles.reader, scope: group }])
  const { status, json } = await cloud.request('PUT', `${identities}/denied${v}`, {
    as: reader,
    body: { location: 'westeurope' },
  })
  expect({ status, code: json.error?.code }).toEqual({ status: 403, code: 'AuthorizationFailed' })
  expect(await cloud.identity.directory.managedIdentity(`${identities}/denied`)).toBeUndefined()
})
