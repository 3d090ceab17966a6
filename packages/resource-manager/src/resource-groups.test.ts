import { ResourceManagementClient } from '@azure/arm-resources'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  nobody,
  roles,
  startCloud,
  subscriptionId,
  subscriptionPath,
  type TestCloud,
  tenantId,
} from './testing/cloud.ts'

let cloud: TestCloud
let client: ResourceManagementClient
const v = 'api-version=2025-04-01'

beforeAll(async () => {
  cloud = await startCloud()
  client = new ResourceManagementClient(cloud.owner.credential, subscriptionId, {
    httpClient: cloud.httpClient,
  })
})
afterAll(() => cloud.stop())

it('creates, gets, updates, lists and deletes a group for the official client', async () => {
  const created = await client.resourceGroups.createOrUpdate('demo', { location: 'West Europe', tags: { env: 'dev' } })
  expect(created).toMatchObject({
    id: `${subscriptionPath}/resourceGroups/demo`,
    name: 'demo',
    type: 'Microsoft.Resources/resourceGroups',
    location: 'westeurope',
    tags: { env: 'dev' },
    properties: { provisioningState: 'Succeeded' },
  })
  expect(await client.resourceGroups.get('DEMO')).toMatchObject({ name: 'demo' })
  expect(await client.resourceGroups.update('demo', { tags: { env: 'prod' } })).toMatchObject({ tags: { env: 'prod' } })
  const named: (string | undefined)[] = []
  for await (const group of client.resourceGroups.list()) named.push(group.name)
  expect(named).toEqual(['demo'])
  expect(await client.resourceGroups.checkExistence('demo')).toMatchObject({ body: true })
  await client.resourceGroups.delete('demo')
  expect(await client.resourceGroups.checkExistence('demo')).toMatchObject({ body: false })
  await expect(client.resourceGroups.get('demo')).rejects.toMatchObject({
    statusCode: 404,
    code: 'ResourceGroupNotFound',
  })
})

it('lists groups in pages and by tag', async () => {
  for (let i = 0; i < 5; i++) {
    await client.resourceGroups.createOrUpdate(`page-${i}`, {
      location: 'westeurope',
      tags: i < 2 ? { team: 'a' } : {},
    })
  }
  const pages: number[] = []
  for await (const page of client.resourceGroups.list({ top: 2 }).byPage()) pages.push(page.length)
  expect(pages).toEqual([2, 2, 1])
  const tagged: (string | undefined)[] = []
  for await (const group of client.resourceGroups.list({ filter: "tagName eq 'team' and tagValue eq 'a'" })) {
    tagged.push(group.name)
  }
  expect(tagged).toEqual(['page-0', 'page-1'])
})

it.each([
  ['of 91 letters', 'a'.repeat(91), 'InvalidResourceGroup'],
  ['ends-with.', 'ends-with.', 'InvalidResourceGroup'],
  ['sp%20ace', 'sp%20ace', 'InvalidResourceGroup'],
  ['emoji%F0%9F%98%80', 'emoji%F0%9F%98%80', 'InvalidResourceGroup'],
  ['a%2Fb', 'a%2Fb', 'InvalidResourceName'],
  ['a%00b', 'a%00b', 'InvalidResourceName'],
  ['%2E%2E%2F', '%2E%2E%2F', 'InvalidResourceName'],
  ['a%5Cb', 'a%5Cb', 'InvalidResourceName'],
  ['of 10,000 letters', 'x'.repeat(10_000), 'InvalidResourceName'],
  ['%FF', '%FF', 'InvalidRequestUri'],
])('refuses to create a group named %s', async (_, name, code) => {
  const { status, json } = await cloud.request('PUT', `${subscriptionPath}/resourceGroups/${name}?${v}`, {
    body: { location: 'westeurope' },
  })
  expect({ status, code: json.error?.code }).toEqual({ status: 400, code })
})

it('takes every letter of the world in a group name', async () => {
  const created = await client.resourceGroups.createOrUpdate('größe_(1).β', { location: 'westeurope' })
  expect(created.name).toBe('größe_(1).β')
})

it.each([
  ['nothing', {}, 400, 'LocationRequired'],
  ['unknown location', { location: 'atlantis' }, 400, 'LocationNotAvailableForResourceGroup'],
  ['location a number', { location: 5 }, 400, 'InvalidRequestContent'],
  ['tag a number', { location: 'westeurope', tags: { a: 5 } }, 400, 'InvalidRequestContent'],
  ['tag name', { location: 'westeurope', tags: { 'a<b': 'x' } }, 400, 'InvalidTagName'],
  ['tag value', { location: 'westeurope', tags: { a: 'x'.repeat(257) } }, 400, 'InvalidTagNameValue'],
  [
    '51 tags',
    { location: 'westeurope', tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, 'x'])) },
    400,
    'TooManyTags',
  ],
  ['an array', [], 400, 'InvalidRequestContent'],
  ['a string', 'text', 400, 'InvalidRequestContent'],
])('refuses a body with %s', async (_, body, status, code) => {
  const answer = await cloud.request('PUT', `${subscriptionPath}/resourcegroups/bad?${v}`, { body })
  expect({ status: answer.status, code: answer.json.error?.code }).toEqual({ status, code })
})

it('keeps a group where it is', async () => {
  await client.resourceGroups.createOrUpdate('fixed', { location: 'westeurope' })
  await expect(client.resourceGroups.createOrUpdate('fixed', { location: 'eastus' })).rejects.toMatchObject({
    statusCode: 409,
    code: 'InvalidResourceGroupLocation',
  })
})

it('shows the subscription, its locations and its tenant to the official paths', async () => {
  const subscriptions = await cloud.request('GET', '/subscriptions?api-version=2022-12-01')
  expect(subscriptions.json.value).toMatchObject([{ id: subscriptionPath, subscriptionId, tenantId, state: 'Enabled' }])
  const one = await cloud.request('GET', `${subscriptionPath}?api-version=2022-12-01`)
  expect(one.json).toMatchObject({ subscriptionId })
  const locations = await cloud.request('GET', `${subscriptionPath}/locations?api-version=2022-12-01`)
  expect([...(locations.json.value ?? [])]).toContainEqual(
    expect.objectContaining({ name: 'westeurope', displayName: 'West Europe' }),
  )
  const tenants = await cloud.request('GET', '/tenants?api-version=2022-12-01')
  expect(tenants.json.value).toMatchObject([{ tenantId }])
})

it('shows no subscription to whoever has no role in it, and refuses its lists', async () => {
  const stranger = await cloud.client()
  const subscriptions = await cloud.request('GET', '/subscriptions?api-version=2022-12-01', { as: stranger })
  expect(subscriptions.json.value).toEqual([])
  const groups = await cloud.request('GET', `${subscriptionPath}/resourcegroups?${v}`, { as: stranger })
  expect(groups.status).toBe(403)
  expect(groups.json.error).toEqual({
    code: 'AuthorizationFailed',
    message: `The client '${stranger.appId}' with object id '${stranger.objectId}' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '${subscriptionPath}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  })
})

it('shows to a reader of one group that group only', async () => {
  await client.resourceGroups.createOrUpdate('mine', { location: 'westeurope' })
  const reader = await cloud.client([{ role: roles.reader, scope: `${subscriptionPath}/resourceGroups/MINE` }])
  const groups = await cloud.request('GET', `${subscriptionPath}/resourcegroups?${v}`, { as: reader })
  expect(groups.json.value).toMatchObject([{ name: 'mine' }])
  const other = await cloud.request('GET', `${subscriptionPath}/resourcegroups/fixed?${v}`, { as: reader })
  expect(other.json.error?.code).toBe('AuthorizationFailed')
  const write = await cloud.request('PUT', `${subscriptionPath}/resourcegroups/mine?${v}`, {
    as: reader,
    body: { location: 'westeurope' },
  })
  expect(write.status).toBe(403)
  const subscriptions = await cloud.request('GET', '/subscriptions?api-version=2022-12-01', { as: reader })
  expect(subscriptions.json.value).toHaveLength(1)
})

it('asks a caller without a token to sign in to the tenant', async () => {
  const { status, json, headers } = await cloud.request('GET', `${subscriptionPath}/resourcegroups?${v}`, {
    as: nobody,
  })
  expect(status).toBe(401)
  expect(json.error?.code).toBe('AuthenticationFailed')
  expect(headers.get('www-authenticate')).toBe(
    `Bearer authorization_uri="https://login.microsoftonline.com/${tenantId}", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`,
  )
})
