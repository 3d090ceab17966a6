import { ResourceManagementClient } from '@azure/arm-resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roles, startCloud, subscriptionId, subscriptionPath, type TestCloud } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

let cloud: TestCloud
let client: ResourceManagementClient
const v = '?api-version=2024-01-01'
const id = (group: string, name: string) =>
  `${subscriptionPath}/resourceGroups/${group}/providers/Microsoft.Test/widgets/${name}`

beforeAll(async () => {
  cloud = await startCloud({ providers: [createWidgets().provider] })
  client = new ResourceManagementClient(cloud.owner.credential, subscriptionId, { httpClient: cloud.httpClient })
  for (const group of ['a', 'b']) {
    await client.resourceGroups.createOrUpdate(group, { location: 'westeurope' })
    for (let i = 0; i < 5; i++) {
      const body = { location: i < 2 ? 'eastus' : 'westeurope', tags: { index: `${i}` } }
      await cloud.request('PUT', `${id(group, `w${i}`)}${v}`, { body })
    }
  }
  await cloud.request('PUT', `${id('a', 'w0')}/parts/p${v}`)
})
afterAll(() => cloud.stop())

async function names(filter?: string, group?: string, top?: number): Promise<(string | undefined)[]> {
  const options = { ...(filter !== undefined && { filter }), ...(top !== undefined && { top }) }
  const found: (string | undefined)[] = []
  const list =
    group === undefined ? client.resources.list(options) : client.resources.listByResourceGroup(group, options)
  for await (const each of list) found.push(each.name)
  return found
}

describe('the list of resources', () => {
  it('has every tracked resource once, in pages', async () => {
    expect(await names()).toHaveLength(10)
    expect(new Set((await names(undefined, 'a', 2)).values()).size).toBe(5)
    const pages: number[] = []
    for await (const page of client.resources.list({ top: 4 }).byPage()) pages.push(page.length)
    expect(pages).toEqual([4, 4, 2])
  })

  it.each([
    ["resourceType eq 'Microsoft.Test/widgets' and name eq 'w1'", 2],
    ["resourceType eq 'microsoft.test/WIDGETS'", 10],
    ["resourceType ne 'Microsoft.Test/widgets'", 0],
    ["tagName eq 'index' and tagValue eq '3'", 2],
    ["tagName eq 'other'", 0],
    ["resourceGroup eq 'b' and location eq 'eastus'", 2],
    ["substringof('w', name)", 10],
    ["name eq 'w1' or name eq 'w2'", 4],
    ["not (name eq 'w1')", 8],
    ["name eq 'o''hara'", 0],
  ])('answers %s', async (filter, count) => {
    expect(await names(filter)).toHaveLength(count)
  })

  it.each([
    "name = 'x'",
    'name',
    'colour eq 1',
    "name eq 'x",
    'name eq',
    `${'('.repeat(500)}`,
    `${'not '.repeat(500)}name eq 'x'`,
  ])('refuses a filter it cannot read', async (filter) => {
    await expect(names(filter)).rejects.toMatchObject({ statusCode: 400, code: 'InvalidFilterInQueryString' })
  })

  it('shows a caller what they may read', async () => {
    const reader = await cloud.client([{ role: roles.reader, scope: id('b', 'w3') }])
    const { json } = await cloud.request('GET', `${subscriptionPath}/resources?api-version=2015-11-01`, { as: reader })
    expect(json.value).toMatchObject([{ id: id('b', 'w3') }])
    const widgets = await cloud.request('GET', `${subscriptionPath}/providers/Microsoft.Test/widgets${v}`, {
      as: reader,
    })
    expect(widgets.json.value).toMatchObject([{ id: id('b', 'w3') }])
  })
})

it('reads, checks and writes any resource by its id, for the official client', async () => {
  const version = '2024-01-01'
  const path = id('a', 'by-id')
  await client.resources.createOrUpdateById(path, version, { location: 'westeurope', properties: { size: 1 } })
  expect(await client.resources.getById(path, version)).toMatchObject({ properties: { size: 1 } })
  expect(await client.resources.checkExistenceById(path, version)).toMatchObject({ body: true })
  expect(await client.resources.get('a', 'Microsoft.Test', '', 'widgets', 'by-id', version)).toMatchObject({
    name: 'by-id',
  })
  await client.resources.deleteById(path, version)
  expect(await client.resources.checkExistenceById(path, version)).toMatchObject({ body: false })
})

it('tells which providers there are, registered, with their types, versions and locations', async () => {
  const found = new Map<string, unknown>()
  for await (const provider of client.providers.list()) found.set(provider.namespace ?? '', provider)
  expect([...found.keys()]).toEqual([
    'Microsoft.Resources',
    'Microsoft.ManagedIdentity',
    'Microsoft.Authorization',
    'Microsoft.Subscription',
    'Microsoft.Test',
  ])
  const expected = {
    namespace: 'Microsoft.Test',
    registrationState: 'Registered',
    resourceTypes: expect.arrayContaining([
      expect.objectContaining({
        resourceType: 'widgets',
        apiVersions: ['2024-01-01', '2023-01-01'],
        locations: ['West Europe', 'East US'],
      }),
    ]),
  }
  expect(await client.providers.get('microsoft.test')).toMatchObject(expected)
  expect(await client.providers.register('Microsoft.Test')).toMatchObject({ registrationState: 'Registered' })
  await expect(client.providers.get('Microsoft.Nothing')).rejects.toMatchObject({ code: 'InvalidResourceNamespace' })
})
