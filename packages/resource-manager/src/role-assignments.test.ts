import { randomUUID } from 'node:crypto'
import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, roles, startCloud, subscriptionId, subscriptionPath, type TestCloud } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

let cloud: TestCloud
let client: AuthorizationManagementClient
let other: Client
const group = `${subscriptionPath}/resourceGroups/rg`
const widget = `${group}/providers/Microsoft.Test/widgets/w1`
const v = '?api-version=2022-04-01'
const role = (name: string) => `${subscriptionPath}/providers/Microsoft.Authorization/roleDefinitions/${name}`
const at = (scope: string, name: string = randomUUID()) =>
  `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}${v}`

const clientFor = (who: Client) =>
  new AuthorizationManagementClient(who.credential, subscriptionId, { httpClient: cloud.httpClient })

beforeAll(async () => {
  cloud = await startCloud({ providers: [createWidgets().provider] })
  client = clientFor(cloud.owner)
  await cloud.request('PUT', `${group}?api-version=2021-04-01`, { body: { location: 'westeurope' } })
  await cloud.request('PUT', `${widget}?api-version=2024-01-01`, { body: { location: 'westeurope' } })
  other = await cloud.client()
})
afterAll(() => cloud.stop())

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a role assignment', () => {
  it.each([
    ['the subscription', subscriptionPath],
    ['a group', group],
    ['a resource', widget],
    ['a child of a resource', `${widget}/secrets/s1`],
  ])('is made, read, listed and removed at %s by the official client', async (_, scope) => {
    const name = randomUUID()
    const created = await client.roleAssignments.create(scope, name, {
      roleDefinitionId: role(roles.reader),
      principalId: other.objectId,
    })
    expect(created).toMatchObject({
      id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`,
      name,
      type: 'Microsoft.Authorization/roleAssignments',
      scope,
      roleDefinitionId: role(roles.reader),
      principalId: other.objectId,
      principalType: 'ServicePrincipal',
    })
    expect(await client.roleAssignments.get(scope, name)).toMatchObject({ name })
    const listed = await all(client.roleAssignments.listForScope(scope, { filter: 'atScope()' }))
    expect(listed.map((each) => each.name)).toContain(name)
    const mine = await all(client.roleAssignments.listForSubscription({ filter: `principalId eq '${other.objectId}'` }))
    expect(mine.map((each) => each.name)).toEqual([name])
    expect(await client.roleAssignments.delete(scope, name)).toMatchObject({ name })
    const again = await cloud.request('DELETE', at(scope, name))
    expect(again.status).toBe(204)
  })

  it('takes effect on the next request, and so does its removal', async () => {
    const read = () => cloud.request('GET', `${widget}?api-version=2024-01-01`, { as: other })
    expect((await read()).status).toBe(403)
    const made = await client.roleAssignments.create(group, randomUUID(), {
      roleDefinitionId: role(roles.reader),
      principalId: other.objectId,
    })
    expect((await read()).status).toBe(200)
    await client.roleAssignments.deleteById(made.id ?? '')
    expect((await read()).status).toBe(403)
  })

  const put = async (target: string, properties: Record<string, unknown>, as: Client = cloud.owner) => {
    const { status, json } = await cloud.request('PUT', target, { body: { properties }, as })
    return { status, code: json.error?.code }
  }

  it('is made once: the same again is accepted, under another name it exists, with another principal it cannot change', async () => {
    const name = randomUUID()
    const third = await cloud.client()
    const properties = { roleDefinitionId: role(roles.reader), principalId: other.objectId }
    expect(await put(at(group, name), properties)).toMatchObject({ status: 201 })
    expect(await put(at(group, name), properties)).toMatchObject({ status: 200 })
    expect(await put(at(group), properties)).toEqual({ status: 409, code: 'RoleAssignmentExists' })
    expect(await put(at(group, name), { ...properties, principalId: third.objectId })).toEqual({
      status: 400,
      code: 'RoleAssignmentUpdateNotPermitted',
    })
    await cloud.request('DELETE', at(group, name))
  })

  it.each([
    ['a name that is no guid', { name: 'reader' }, 400, 'InvalidRoleAssignmentId'],
    ['a role that does not exist', { roleDefinitionId: role(randomUUID()) }, 404, 'RoleDefinitionDoesNotExist'],
    ['a role that is no role', { roleDefinitionId: 'Reader' }, 404, 'RoleDefinitionDoesNotExist'],
    ['a principal that does not exist', { principalId: randomUUID() }, 400, 'PrincipalNotFound'],
    ['a principal that is no guid', { principalId: 'me' }, 400, 'InvalidPrincipalId'],
    ['another type than the principal has', { principalType: 'User' }, 400, 'UnmatchedPrincipalType'],
    ['a type that does not exist', { principalType: 'Robot' }, 400, 'InvalidRequestContent'],
    ['a condition', { condition: '@Resource[x] StringEquals y', conditionVersion: '2.0' }, 501, 'NotImplemented'],
  ])('with %s is refused', async (_, change: Record<string, string>, status, code) => {
    const { name, ...properties } = change
    const base = { roleDefinitionId: role(roles.reader), principalId: other.objectId }
    expect(await put(at(group, name), { ...base, ...properties })).toEqual({ status, code })
  })

  it('may name a principal that is not in the directory yet, when it says of what type', async () => {
    const name = randomUUID()
    const properties = { roleDefinitionId: role(roles.reader), principalId: randomUUID(), principalType: 'User' }
    expect(await put(at(group, name), properties)).toMatchObject({ status: 201 })
    await cloud.request('DELETE', at(group, name))
  })

  it.each([
    ['group', `${subscriptionPath}/resourceGroups/none`, 'ResourceGroupNotFound'],
    ['resource', `${group}/providers/Microsoft.Test/widgets/none`, 'ResourceNotFound'],
    ['parent', `${group}/providers/Microsoft.KeyVault/vaults/none/secrets/s1`, 'ResourceNotFound'],
  ])('at a %s that is not there is refused', async (_, scope, code) => {
    const properties = { roleDefinitionId: role(roles.reader), principalId: other.objectId }
    expect(await put(at(scope), properties)).toEqual({ status: 404, code })
  })

  it('is written only by whoever holds its write action at that scope', async () => {
    const properties = { roleDefinitionId: role(roles.owner), principalId: other.objectId }
    const contributor = await cloud.client([{ role: roles.contributor, scope: subscriptionPath }])
    const target = at(group)
    const refused = await cloud.request('PUT', target, { body: { properties }, as: contributor })
    expect(refused.status).toBe(403)
    expect(refused.json.error?.message).toBe(
      `The client '${contributor.appId}' with object id '${contributor.objectId}' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '${target.replace(v, '')}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    )
    const administrator = await cloud.client([{ role: roles.userAccessAdministrator, scope: widget }])
    expect(await put(at(group), properties, administrator)).toMatchObject({ status: 403 })
    expect(await put(at(subscriptionPath), properties, administrator)).toMatchObject({ status: 403 })
    expect(await put(at(''), properties, administrator)).toMatchObject({ status: 403 })
    const name = randomUUID()
    expect(await put(at(widget, name), properties, administrator)).toMatchObject({ status: 201 })
    await cloud.request('DELETE', at(widget, name))
  })
})

it('lists at, above and below a scope, and what the filter leaves', async () => {
  const somebody = await cloud.client([
    { role: roles.reader, scope: subscriptionPath },
    { role: roles.contributor, scope: group },
    { role: roles.secretsUser, scope: widget },
  ])
  const scopes = async (path: string, filter: string) => {
    const query = filter === '' ? '' : `&$filter=${encodeURIComponent(filter)}`
    const { json } = await cloud.request('GET', `${path}/providers/Microsoft.Authorization/roleAssignments${v}${query}`)
    return [...(json.value ?? [])]
      .filter((each) => String(each.properties?.principalId) === somebody.objectId)
      .map((each) => String(each.properties?.scope))
      .sort()
  }
  const everything = [subscriptionPath, group, widget].sort()
  const mine = `principalId eq '${somebody.objectId}'`
  expect(await scopes(group, '')).toEqual(everything)
  expect(await scopes(group, mine)).toEqual(everything)
  expect(await scopes(group, 'atScope()')).toEqual([subscriptionPath, group].sort())
  expect(await scopes(group, `atScope() and ${mine}`)).toEqual([subscriptionPath, group].sort())
  expect(await scopes(widget, `assignedTo('${somebody.objectId}')`)).toEqual(everything)
  expect(await scopes(subscriptionPath, `assignedTo('${other.objectId}')`)).toEqual([])
})

it('pages a long list', async () => {
  const scope = `${group}/providers/Microsoft.Test/widgets/w1/queues/q1`
  for (let i = 0; i < 5; i++) {
    await client.roleAssignments.create(scope, randomUUID(), {
      roleDefinitionId: role(roles.reader),
      principalId: randomUUID(),
      principalType: 'ServicePrincipal',
    })
  }
  const names = new Set<string>()
  let next: string | undefined = `${scope}/providers/Microsoft.Authorization/roleAssignments${v}&$top=2`
  let pages = 0
  while (next !== undefined) {
    const { json }: Awaited<ReturnType<TestCloud['request']>> = await cloud.request('GET', next)
    for (const each of json.value ?? []) names.add(String(each.name))
    next = json.nextLink === undefined ? undefined : String(json.nextLink).replace(cloud.endpoint, '')
    pages += 1
  }
  expect(names.size).toBeGreaterThanOrEqual(5)
  expect(pages).toBe(Math.ceil(names.size / 2))
})

it.each([
  '$filter=principalId',
  '$filter=nothing eq 1',
  '$filter=nothing()',
  '$filter=assignedTo(principalId)',
  '$top=0',
  '$top=x',
  '$skiptoken=!',
])('refuses the list with %s', async (query) => {
  const path = `${group}/providers/Microsoft.Authorization/roleAssignments${v}&${query}`
  expect((await cloud.request('GET', path)).status).toBe(400)
})

describe('role definitions', () => {
  it('are found by name, id and type by the official client', async () => {
    const [found] = await all(client.roleDefinitions.list(group, { filter: "roleName eq 'Key Vault Secrets User'" }))
    expect(found).toMatchObject({
      id: role(roles.secretsUser),
      name: roles.secretsUser,
      roleName: 'Key Vault Secrets User',
      roleType: 'BuiltInRole',
      assignableScopes: ['/'],
    })
    expect(found?.permissions?.[0]?.dataActions).toContain('Microsoft.KeyVault/vaults/secrets/getSecret/action')
    expect(await client.roleDefinitions.get(subscriptionPath, roles.owner)).toMatchObject({ roleName: 'Owner' })
    expect(await client.roleDefinitions.getById(role(roles.reader))).toMatchObject({ roleName: 'Reader' })
    expect(await all(client.roleDefinitions.list(group, { filter: "type eq 'CustomRole'" }))).toEqual([])
    const tenant = await cloud.request('GET', `/providers/Microsoft.Authorization/roleDefinitions${v}`)
    expect([...(tenant.json.value ?? [])].length).toBeGreaterThan(10)
    await expect(client.roleDefinitions.get(group, randomUUID())).rejects.toMatchObject({
      statusCode: 404,
      code: 'RoleDefinitionDoesNotExist',
    })
  })

  it('of a person are made, assigned, changed and deleted', async () => {
    const name = randomUUID()
    const definition = {
      roleName: 'Widget Reader',
      description: 'Reads widgets',
      permissions: [{ actions: ['Microsoft.Test/widgets/read'] }],
      assignableScopes: [group],
    }
    expect(await client.roleDefinitions.createOrUpdate(group, name, definition)).toMatchObject({
      name,
      roleType: 'CustomRole',
      permissions: [{ actions: ['Microsoft.Test/widgets/read'], notActions: [], dataActions: [], notDataActions: [] }],
    })
    const reader = await cloud.client()
    const made = await client.roleAssignments.create(group, randomUUID(), {
      roleDefinitionId: role(name),
      principalId: reader.objectId,
    })
    const read = () => cloud.request('GET', `${widget}?api-version=2024-01-01`, { as: reader })
    expect((await read()).status).toBe(200)
    await client.roleDefinitions.createOrUpdate(group, name, { ...definition, permissions: [{ actions: [] }] })
    expect((await read()).status).toBe(403)
    await expect(client.roleDefinitions.delete(group, name)).rejects.toMatchObject({
      code: 'RoleDefinitionHasAssignments',
    })
    await expect(
      client.roleAssignments.create(subscriptionPath, randomUUID(), {
        roleDefinitionId: role(name),
        principalId: reader.objectId,
      }),
    ).rejects.toMatchObject({ code: 'RoleDefinitionDoesNotExist' })
    await client.roleAssignments.deleteById(made.id ?? '')
    expect(await client.roleDefinitions.delete(group, name)).toMatchObject({ roleName: 'Widget Reader' })
    const again = await cloud.request(
      'DELETE',
      `${group}/providers/Microsoft.Authorization/roleDefinitions/${name}${v}`,
    )
    expect(again.status).toBe(204)
  })

  it('cannot be widened to a scope where the caller may not write roles', async () => {
    const administrator = await cloud.client([{ role: roles.owner, scope: group }])
    await expect(
      clientFor(administrator).roleDefinitions.createOrUpdate(group, randomUUID(), {
        roleName: 'Everything',
        permissions: [{ actions: ['*'] }],
        assignableScopes: [group, subscriptionPath],
      }),
    ).rejects.toMatchObject({ statusCode: 403, code: 'AuthorizationFailed' })
  })

  it.each([
    ['no name', { roleName: '' }, 400, 'InvalidRequestContent'],
    ['no permissions', { permissions: [] }, 400, 'InvalidRequestContent'],
    ['no scope', { assignableScopes: [] }, 400, 'InvalidRequestContent'],
    ['the tenant as its scope', { assignableScopes: ['/'] }, 400, 'InvalidRoleDefinition'],
    ['the name of another', { roleName: 'reader' }, 409, 'RoleDefinitionWithSameNameExists'],
    ['a built-in type', { type: 'BuiltInRole' }, 400, 'InvalidRoleDefinition'],
  ])('with %s are refused', async (_, change, status, code) => {
    const base = { roleName: 'New', permissions: [{ actions: ['*/read'] }], assignableScopes: [group] }
    const answer = await cloud.request(
      'PUT',
      `${group}/providers/Microsoft.Authorization/roleDefinitions/${randomUUID()}${v}`,
      { body: { properties: { ...base, ...change } } },
    )
    expect({ status: answer.status, code: answer.json.error?.code }).toEqual({ status, code })
  })

  it('that are built in stay as they are', async () => {
    const path = `${group}/providers/Microsoft.Authorization/roleDefinitions/${roles.reader}${v}`
    const properties = { roleName: 'Mine', permissions: [{ actions: ['*'] }], assignableScopes: [group] }
    expect((await cloud.request('PUT', path, { body: { properties } })).status).toBe(403)
    expect((await cloud.request('DELETE', path)).json.error?.code).toBe('RoleDefinitionNotCustom')
  })
})

it('tells a caller what they may do', async () => {
  const reader = await cloud.client([{ role: roles.reader, scope: group }])
  const permissions = await all(clientFor(reader).permissions.listForResourceGroup('rg'))
  expect(permissions).toMatchObject([{ actions: ['*/read'] }])
})
