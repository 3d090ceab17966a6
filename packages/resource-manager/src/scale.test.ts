import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { ResourceManagementClient } from '@azure/arm-resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ResourceManagerTables } from './tables.ts'
import { roles, startCloud, subscriptionId, subscriptionPath, type TestCloud } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

const group = `${subscriptionPath}/resourceGroups/rg`
const gv = '?api-version=2021-04-01'
const type = 'Microsoft.Test/widgets'
const idOf = (index: number) => `${group}/providers/${type}/w${String(index).padStart(5, '0')}`

let cloud: TestCloud

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

beforeAll(async () => {
  cloud = await startCloud({ providers: [createWidgets().provider] })
  await cloud.request('PUT', `${group}${gv}`, { body: { location: 'westeurope' } })
  // In one transaction: ten thousand writes that are each synced to disk would take the time of the whole file.
  const rows = Array.from({ length: 10_000 }, (_, index) => {
    const id = idOf(index)
    const name = id.split('/').at(-1) ?? ''
    return {
      id_key: id.toLowerCase(),
      type_key: type.toLowerCase(),
      name_key: name,
      id,
      name,
      type,
      location: 'westeurope',
      kind: null,
      tags: JSON.stringify({ hundred: String(index % 100) }),
      sku: null,
      identity: null,
      properties: '{}',
      etag: `"${index}"`,
    }
  })
  await cloud.store
    .database<ResourceManagerTables>()
    .transaction()
    .execute(async (transaction) => {
      for (let at = 0; at < rows.length; at += 1000) {
        await transaction
          .insertInto('resources')
          .values(rows.slice(at, at + 1000))
          .execute()
      }
    })
})
afterAll(() => cloud?.stop())

describe('ten thousand resources', () => {
  const clientOf = (who: TestCloud['owner']) =>
    new ResourceManagementClient(who.credential, subscriptionId, { httpClient: cloud.httpClient })

  it('are listed in pages of a thousand, each once and in order', async () => {
    const sizes: number[] = []
    const ids: (string | undefined)[] = []
    for await (const page of clientOf(cloud.owner).resources.listByResourceGroup('rg').byPage()) {
      sizes.push(page.length)
      ids.push(...page.map((each) => each.id))
    }
    expect(sizes).toEqual(Array(10).fill(1000))
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, index) => idOf(index)))
  })

  it('are paged through again and again in flat memory', async () => {
    const kept: number[] = []
    let pages = 0
    for (let pass = 0; pass < 4; pass += 1) {
      let path: string | undefined = `${group}/resources?api-version=2021-04-01`
      while (path !== undefined) {
        const { json } = await cloud.request('GET', path)
        expect(json.value).toHaveLength(1000)
        pages += 1
        const next: unknown = json.nextLink
        path = typeof next === 'string' ? next.replace(/^https?:\/\/[^/]+/, '') : undefined
      }
      collectGarbage()
      kept.push(process.memoryUsage().heapUsed)
    }
    expect(pages).toBe(40)
    // The first pass may compile and fill caches. What 10,000 resources take as objects is several times this bound.
    expect(Math.max(...kept.slice(1)) - (kept[0] ?? 0)).toBeLessThan(1024 * 1024)
  })

  it('are found by a tag that few have', async () => {
    const found: (string | undefined)[] = []
    const filter = "tagName eq 'hundred' and tagValue eq '42'"
    for await (const { id } of clientOf(cloud.owner).resources.list({ filter })) found.push(id)
    expect(found).toEqual(Array.from({ length: 100 }, (_, index) => idOf(100 * index + 42)))
  })

  it('show to whoever may read one of them that one', async () => {
    const reader = await cloud.client([{ role: roles.reader, scope: idOf(9876) }])
    const found: (string | undefined)[] = []
    for await (const { id } of clientOf(reader).resources.listByResourceGroup('rg')) found.push(id)
    expect(found).toEqual([idOf(9876)])
  })
})

it('a thousand role assignments in a group are listed in pages, each once', async () => {
  const names = new Set<string>(Array.from({ length: 1000 }, () => randomUUID()))
  await Promise.all(
    Array.from(names, (name) =>
      cloud.authorizer.putAssignment({
        name,
        scope: group,
        roleDefinitionName: roles.reader,
        principalId: randomUUID(),
        principalType: 'ServicePrincipal',
        createdBy: cloud.owner.objectId,
        createdOn: cloud.now,
      }),
    ),
  )
  const client = new AuthorizationManagementClient(cloud.owner.credential, subscriptionId, {
    httpClient: cloud.httpClient,
  })
  const listed: string[] = []
  for await (const { name } of client.roleAssignments.listForScope(group)) {
    if (names.has(name ?? '')) listed.push(name ?? '')
  }
  expect(listed).toHaveLength(1000)
  expect(new Set(listed)).toEqual(names)
  const path = `${group}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$top=300`
  const first = await cloud.request('GET', path)
  expect(first.json.value).toHaveLength(300)
  expect(String(first.json.nextLink)).toContain('skiptoken')
})
