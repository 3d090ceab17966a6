import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificate } from '../testing/certificates.ts'
import { type GraphClient, graphClient } from '../testing/graph-client.ts'
import { type IdentityFixture, type Listening, listen, openFixture, requestToken } from '../testing/identity-fixture.ts'

let fixture: IdentityFixture
let login: Listening
let graph: Listening
let admin: GraphClient
let nobody: GraphClient

beforeAll(async () => {
  fixture = await openFixture()
  login = await listen(fixture.identity.tokenService)
  graph = await listen(fixture.identity.microsoftGraph)
  admin = await graphClient(fixture, login, graph, { administrator: true })
  nobody = await graphClient(fixture, login, graph)
})
afterAll(async () => {
  await graph[Symbol.asyncDispose]()
  await login[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

const code = (body: Record<string, unknown>) => (body.error as { code: string } | undefined)?.code
const list = (body: Record<string, unknown>) => body.value as Record<string, unknown>[]
const strong = 'Correct-horse-1'
const reference = (id: unknown) => ({ '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${id}` })

async function make(collection: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
  const made = await admin.call('POST', `/${collection}`, body)
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body
}
const makeApplication = (more = {}) => make('applications', { displayName: `app-${randomUUID()}`, ...more })
const makeUser = (more = {}) => {
  const nick = `u${randomUUID().slice(0, 8)}`
  return make('users', {
    displayName: nick,
    mailNickname: nick,
    userPrincipalName: `${nick}@example.com`,
    accountEnabled: true,
    passwordProfile: { password: strong, forceChangePasswordNextSignIn: false },
    ...more,
  })
}
const makeGroup = () => {
  const nick = `g${randomUUID().slice(0, 8)}`
  return make('groups', { displayName: nick, mailNickname: nick, mailEnabled: false, securityEnabled: true })
}

describe('an application', () => {
  it('is made without a service principal, signs in once it has one, and takes it along when it goes', async () => {
    const application = await makeApplication({ identifierUris: [`api://${randomUUID()}`] })
    const { body: password } = await admin.call('POST', `/applications/${application.id}/addPassword`, {
      passwordCredential: { displayName: 'rbac' },
    })
    const form = {
      grant_type: 'client_credentials',
      client_id: String(application.appId),
      client_secret: String(password.secretText),
      scope: 'https://vault.azure.net/.default',
    }
    expect((await requestToken(login.url, form)).body.error_codes).toEqual([700016])
    const principal = await make('servicePrincipals', { appId: application.appId })
    expect((await requestToken(login.url, form)).status).toBe(200)
    const uri = (application.identifierUris as string[])[0]
    for (const filter of [
      `servicePrincipalNames/any(c:c eq '${application.appId}')`,
      `servicePrincipalNames/any(c: c eq '${uri}')`,
      `appId eq '${application.appId}'`,
      `displayName eq '${application.displayName}'`,
      `startswith(displayName,'${application.displayName}') and servicePrincipalType eq 'Application'`,
      `id in ('${principal.id}')`,
    ]) {
      const found = await admin.call('GET', `/servicePrincipals?$filter=${encodeURIComponent(filter)}`)
      expect(
        list(found.body).map(({ id }) => id),
        filter,
      ).toEqual([principal.id])
    }
    expect((await admin.call('GET', `/servicePrincipals(appId='${application.appId}')`)).body.id).toBe(principal.id)
    expect((await admin.call('DELETE', `/applications/${application.id}`)).status).toBe(204)
    expect((await admin.call('GET', `/servicePrincipals/${principal.id}`)).status).toBe(404)
    expect((await requestToken(login.url, form)).body.error_codes).toEqual([700016])
  })

  it('never shows a secret again', async () => {
    const application = await makeApplication()
    const { body: password } = await admin.call('POST', `/applications/${application.id}/addPassword`)
    const shown = await admin.call('GET', `/applications/${application.id}`)
    expect(shown.body.passwordCredentials).toMatchObject([
      { keyId: password.keyId, hint: String(password.secretText).slice(0, 3), secretText: null },
    ])
    expect(JSON.stringify(shown.body)).not.toContain(password.secretText)
    const remove = { keyId: password.keyId }
    expect((await admin.call('POST', `/applications/${application.id}/removePassword`, remove)).status).toBe(204)
    expect((await admin.call('POST', `/applications/${application.id}/removePassword`, remove)).status).toBe(400)
  })

  it('has its certificates replaced by PATCH, keeping those named by their ids; a bad one changes nothing', async () => {
    const [one, two] = [await makeCertificate(), await makeCertificate()]
    const der = (pem: string) => pem.replaceAll(/-----[^-]+-----|\s/g, '')
    const key = (pem: string) => ({ type: 'AsymmetricX509Cert', usage: 'Verify', key: der(pem) })
    const application = await makeApplication({ keyCredentials: [key(one.certificatePem)] })
    const path = `/applications/${application.id}`
    const before = (await admin.call('GET', path)).body.keyCredentials as { keyId: string; key: null }[]
    expect(before).toHaveLength(1)
    expect(before[0]?.key).toBeNull()
    expect((await admin.call('PATCH', path, { keyCredentials: [...before, key(two.certificatePem)] })).status).toBe(204)
    const both = (await admin.call('GET', `${path}?$select=keyCredentials`)).body.keyCredentials as { key: string }[]
    expect(both.map((credential) => credential.key).sort()).toEqual(
      [der(one.certificatePem), der(two.certificatePem)].sort(),
    )
    const bad = { keyCredentials: [{ type: 'AsymmetricX509Cert', usage: 'Verify', key: 'AAAA' }] }
    expect((await admin.call('PATCH', path, bad)).status).toBe(400)
    expect((await admin.call('GET', path)).body.keyCredentials).toHaveLength(2)
    expect((await admin.call('PATCH', path, { keyCredentials: [] })).status).toBe(204)
    expect((await admin.call('GET', path)).body.keyCredentials).toEqual([])
  })

  it('keeps federated credentials by name, one for an issuer with its subject', async () => {
    const application = await makeApplication()
    const path = `/applications/${application.id}/federatedIdentityCredentials`
    const credential = { name: 'main', issuer: 'https://issuer.example', subject: 's', audiences: ['a'] }
    expect((await admin.call('POST', path, credential)).body).toMatchObject({ ...credential, description: null })
    expect((await admin.call('POST', path, credential)).status).toBe(400)
    expect((await admin.call('POST', path, { ...credential, name: 'other' })).status).toBe(400)
    expect((await admin.call('POST', path, { ...credential, name: 'x y' })).status).toBe(400)
    expect((await admin.call('PATCH', `${path}/main`, { subject: 't' })).status).toBe(204)
    const [saved] = list((await admin.call('GET', path)).body)
    expect(saved).toMatchObject({ name: 'main', subject: 't' })
    expect((await admin.call('DELETE', `${path}/${saved?.id}`)).status).toBe(204)
    expect(list((await admin.call('GET', path)).body)).toEqual([])
  })

  it('has identifier URIs that no other has', async () => {
    const uri = `api://${randomUUID()}`
    await makeApplication({ identifierUris: [uri] })
    const again = await admin.call('POST', '/applications', { displayName: 'x', identifierUris: [uri] })
    expect([again.status, code(again.body)]).toEqual([400, 'Request_MultipleObjectsWithSameKeyValue'])
  })
})

describe('lists', () => {
  it('come in pages, each object once', async () => {
    const names = await Promise.all(Array.from({ length: 5 }, () => makeApplication({ tags: ['paged'] })))
    let next: string | undefined =
      `/applications?$top=2&$count=true&$filter=${encodeURIComponent("tags/any(t:t eq 'paged')")}`
    const seen: unknown[] = []
    let pages = 0
    while (next !== undefined) {
      const { body, status } = await admin.call('GET', next)
      expect(status).toBe(200)
      expect(body['@odata.count']).toBe(5)
      seen.push(...list(body).map(({ id }) => id))
      pages++
      const link = body['@odata.nextLink'] as string | undefined
      next = link?.slice(link.indexOf('/v1.0') + '/v1.0'.length)
    }
    expect(pages).toBe(3)
    expect(seen.toSorted()).toEqual(names.map(({ id }) => id).toSorted())
  })

  it('hold what was selected only', async () => {
    const { body } = await admin.call('GET', '/applications?$select=id,displayName&$top=1')
    expect(Object.keys(list(body)[0] ?? {}).sort()).toEqual(['displayName', 'id'])
  })

  it.each([
    ["$filter=foo eq 'x'", 'Request_UnsupportedQuery'],
    ['$filter=displayName eq', 'BadRequest'],
    ["$filter=displayName eq 'x", 'BadRequest'],
    ["$filter=displayName eq 'x')", 'BadRequest'],
    ["$filter=__proto__ eq 'x'", 'Request_UnsupportedQuery'],
    [`$filter=${'('.repeat(200)}displayName eq 'x'${')'.repeat(200)}`, 'BadRequest'],
    [`$filter=${'not '.repeat(2000)}(id eq 'x')`, 'BadRequest'],
    ['$top=0', 'Request_BadRequest'],
    ['$top=1000', 'Request_BadRequest'],
    ['$top=x', 'Request_BadRequest'],
    ['$orderby=displayName', 'Request_UnsupportedQuery'],
    ['$search="displayName:x"', 'Request_UnsupportedQuery'],
  ])('refuse %s', async (query, expected) => {
    const [name, value] = [query.slice(0, query.indexOf('=')), query.slice(query.indexOf('=') + 1)]
    const { status, body } = await admin.call('GET', `/applications?${name}=${encodeURIComponent(value)}`)
    expect([status, code(body)]).toEqual([400, expected])
  })
})

describe('who may do what', () => {
  it('a service principal without a role reads itself and nothing else', async () => {
    const application = await makeApplication()
    expect((await nobody.call('GET', `/servicePrincipals/${nobody.objectId}`)).status).toBe(200)
    const own = encodeURIComponent(`servicePrincipalNames/any(c:c eq '${nobody.appId}')`)
    expect(list((await nobody.call('GET', `/servicePrincipals?$filter=${own}`)).body)).toHaveLength(1)
    for (const [method, path, body] of [
      ['GET', '/applications'],
      ['GET', `/applications/${application.id}`],
      ['GET', `/applications/${randomUUID()}`],
      ['GET', '/servicePrincipals'],
      ['GET', `/servicePrincipals/${admin.objectId}`],
      ['GET', `/servicePrincipals/${randomUUID()}`],
      ['GET', `/servicePrincipals?$filter=${encodeURIComponent(`appId eq '${admin.appId}'`)}`],
      ['GET', '/users'],
      ['GET', '/groups'],
      ['POST', '/applications', { displayName: 'x' }],
      ['DELETE', `/applications/${application.id}`],
      ['POST', `/applications/${application.id}/addPassword`, {}],
      ['POST', `/servicePrincipals/${nobody.objectId}/addPassword`, {}],
      ['POST', '/directoryObjects/getByIds', { ids: [admin.objectId] }],
      ['GET', '/roleManagement/directory/roleAssignments'],
      ['POST', '/groups', {}],
      ['POST', '/users', {}],
      [
        'POST',
        '/roleManagement/directory/roleAssignments',
        {
          principalId: nobody.objectId,
          roleDefinitionId: '62e90394-69f5-4237-9190-012177145e10',
          directoryScopeId: '/',
        },
      ],
    ] as const) {
      const { status, body: answer } = await nobody.call(method, path, body)
      expect([status, code(answer)], `${method} ${path}`).toEqual([403, 'Authorization_RequestDenied'])
    }
  })

  it('an administrator of applications manages them, never one that holds a directory role', async () => {
    const operator = await graphClient(fixture, login, graph)
    const assigned = await make('roleManagement/directory/roleAssignments', {
      principalId: operator.objectId,
      roleDefinitionId: '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3',
      directoryScopeId: '/',
    })
    const application = await makeApplication()
    expect((await operator.call('POST', `/applications/${application.id}/addPassword`)).status).toBe(200)
    const { body } = await operator.call('GET', `/applications(appId='${admin.appId}')`)
    expect((await operator.call('POST', `/applications/${body.id}/addPassword`)).status).toBe(403)
    expect((await operator.call('POST', `/servicePrincipals/${admin.objectId}/addPassword`)).status).toBe(403)
    expect((await operator.call('POST', '/users', {})).status).toBe(403)
    const path = `/roleManagement/directory/roleAssignments/${assigned.id}`
    expect((await operator.call('DELETE', path)).status).toBe(403)
    expect((await admin.call('DELETE', path)).status).toBe(204)
    expect((await operator.call('GET', '/applications')).status).toBe(403)
  })

  it('an owner manages what it owns', async () => {
    const application = await makeApplication()
    const owners = `/applications/${application.id}/owners`
    expect((await admin.call('POST', `${owners}/$ref`, reference(nobody.objectId))).status).toBe(204)
    expect((await admin.call('POST', `${owners}/$ref`, reference(nobody.objectId))).status).toBe(400)
    expect((await nobody.call('POST', `/applications/${application.id}/addPassword`)).status).toBe(200)
    expect((await admin.call('DELETE', `${owners}/${nobody.objectId}/$ref`)).status).toBe(204)
    expect((await nobody.call('POST', `/applications/${application.id}/addPassword`)).status).toBe(403)
  })

  it('a token is needed, for Graph', async () => {
    const missing = await fetch(`${graph.url}/v1.0/users`)
    expect([missing.status, code((await missing.json()) as Record<string, unknown>)]).toEqual([
      401,
      'InvalidAuthenticationToken',
    ])
    expect(missing.headers.get('www-authenticate')).toMatch(/^Bearer /)
    const { form } = await import('../testing/identity-fixture.ts').then((all) => all.createClient(fixture.identity))
    const { body } = await requestToken(login.url, form)
    const wrong = await fetch(`${graph.url}/v1.0/users`, { headers: { authorization: `Bearer ${body.access_token}` } })
    expect(wrong.status).toBe(401)
    expect(((await wrong.json()) as { error: { message: string } }).error.message).toContain('audience')
  })
})

describe('a user', () => {
  it('is found by id and by name in any case, and is shown without its password', async () => {
    const user = await makeUser()
    for (const key of [user.id, String(user.userPrincipalName).toUpperCase(), `${user.userPrincipalName}`]) {
      const { body } = await admin.call('GET', `/users/${encodeURIComponent(String(key))}`)
      expect(body.id).toBe(user.id)
    }
    const rows = await fixture.store
      .database<{ identity_users: { password_hash: string } }>()
      .selectFrom('identity_users')
      .select('password_hash')
      .execute()
    for (const row of rows) expect(row.password_hash).toMatch(/^scrypt\$/)
    expect(JSON.stringify((await admin.call('GET', `/users/${user.id}?$select=*`)).body)).not.toContain('scrypt')
  })

  it('has a name of its own, a strong password', async () => {
    const user = await makeUser()
    const body = {
      displayName: 'x',
      mailNickname: 'x',
      accountEnabled: true,
      userPrincipalName: String(user.userPrincipalName).toUpperCase(),
      passwordProfile: { password: strong },
    }
    expect((await admin.call('POST', '/users', body)).body.error).toMatchObject({
      message: 'Another object with the same value for property userPrincipalName already exists.',
    })
    for (const password of ['', 'short1A', 'alllowercase1', 'x'.repeat(300)]) {
      const weak = { ...body, userPrincipalName: `${randomUUID()}@example.com`, passwordProfile: { password } }
      expect((await admin.call('POST', '/users', weak)).status).toBe(400)
    }
    for (const userPrincipalName of ['nobody', 'a b@example.com', '@example.com', 'a@b', `${'a'.repeat(65)}@b.com`]) {
      expect((await admin.call('POST', '/users', { ...body, userPrincipalName })).status).toBe(400)
    }
  })
})

describe('a group', () => {
  const groupsOf = async (client: { call: GraphClient['call']; objectId: string }) => {
    const { body } = await admin.call('POST', `/servicePrincipals/${client.objectId}/getMemberGroups`, {
      securityEnabledOnly: true,
    })
    return body.value as string[]
  }

  it('counts at the time of a request, nested, in a circle, until it goes', async () => {
    const member = await graphClient(fixture, login, graph)
    const { body } = await requestToken(login.url, (await memberForm(member)) ?? {})
    const verify = () => fixture.identity.verifier.verify(`Bearer ${body.access_token}`, ['https://vault.azure.net'])
    const [inner, outer] = [await makeGroup(), await makeGroup()]
    expect((await verify()).groupIds).toEqual([])
    const add = (group: unknown, id: unknown) => admin.call('POST', `/groups/${group}/members/$ref`, reference(id))
    expect((await add(inner.id, member.objectId)).status).toBe(204)
    expect((await verify()).groupIds).toEqual([inner.id])
    expect((await add(outer.id, inner.id)).status).toBe(204)
    expect((await add(inner.id, outer.id)).status).toBe(204)
    expect([...(await verify()).groupIds].sort()).toEqual([inner.id, outer.id].sort())
    expect((await groupsOf(member)).toSorted()).toEqual([inner.id, outer.id].sort())
    const check = await admin.call('POST', `/directoryObjects/${member.objectId}/checkMemberGroups`, {
      groupIds: [outer.id, randomUUID()],
    })
    expect(check.body.value).toEqual([outer.id])
    expect((await add(inner.id, member.objectId)).body.error).toMatchObject({
      message: "One or more added object references already exist for the following modified properties: 'members'.",
    })
    expect((await admin.call('DELETE', `/groups/${inner.id}/members/${member.objectId}/$ref`)).status).toBe(204)
    expect((await admin.call('DELETE', `/groups/${inner.id}/members/${member.objectId}/$ref`)).status).toBe(404)
    expect((await verify()).groupIds).toEqual([])
    await add(outer.id, member.objectId)
    expect((await admin.call('DELETE', `/groups/${outer.id}`)).status).toBe(204)
    expect((await verify()).groupIds).toEqual([])
  })

  async function memberForm(member: GraphClient) {
    const { secretText } = await fixture.identity.directory.addPassword(member.appId, {
      displayName: 'second',
      lifetimeSeconds: 60,
    })
    return {
      grant_type: 'client_credentials',
      client_id: member.appId,
      client_secret: secretText,
      scope: 'https://vault.azure.net/.default',
    }
  }

  it('lists its members with their types, loses those that are deleted', async () => {
    const group = await makeGroup()
    const user = await makeUser()
    for (const id of [user.id, admin.objectId]) {
      await admin.call('POST', `/groups/${group.id}/members/$ref`, reference(id))
    }
    const types = async () =>
      list((await admin.call('GET', `/groups/${group.id}/members`)).body)
        .map((member) => member['@odata.type'])
        .sort()
    expect(await types()).toEqual(['#microsoft.graph.servicePrincipal', '#microsoft.graph.user'])
    await admin.call('DELETE', `/users/${user.id}`)
    expect(await types()).toEqual(['#microsoft.graph.servicePrincipal'])
    expect((await admin.call('POST', `/groups/${group.id}/members/$ref`, reference(user.id))).status).toBe(404)
  })
})

describe('odd requests', () => {
  it.each([
    ['GET', '/applications/not-a-guid', 404],
    ['GET', '/applications/%ff', 400],
    ['GET', '/unknown', 501],
    ['PUT', '/users', 405],
    ['GET', '/me', 400],
    ['POST', '/applications', 400],
    ['GET', "/users(userPrincipalName='no''body@example.com')", 404],
    ['GET', "/users(appId='x')", 400],
  ])('%s %s is %i', async (method, path, status) => {
    expect((await admin.call(method, path)).status).toBe(status)
  })

  it.each([
    [{}, "A value is required for property 'displayName'"],
    [{ displayName: '' }, 'displayName'],
    [{ displayName: 'x', isFallbackPublicClient: 'yes' }, 'isFallbackPublicClient'],
    [{ displayName: 'x', appId: randomUUID() }, "Invalid property 'appId'"],
    [[], 'JSON'],
  ])('a wrong application is told by its property: %j', async (body, message) => {
    const { status, body: answer } = await admin.call('POST', '/applications', body)
    expect(status).toBe(400)
    expect((answer.error as { message: string }).message).toContain(message)
  })

  it('a body that is too large is refused, and the connection is not used on', async () => {
    const { status, headers } = await admin.call('POST', '/applications', { displayName: 'x'.repeat(2 * 1024 * 1024) })
    expect(status).toBe(413)
    expect(headers.get('connection')).toBe('close')
  })

  it('a client that hangs up half-way leaves the service as it was', async () => {
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${graph.url}/v1.0/users`, { method: 'POST', headers: { 'content-length': 1000 } })
      request.on('error', () => resolve())
      request.on('close', () => resolve())
      request.write('{', () => request.destroy())
    })
    expect((await admin.call('GET', '/groups')).status).toBe(200)
  })
})

it('users, groups, memberships and roles are there after a restart', async () => {
  const { mkdtemp, rm } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = await mkdtemp(join(tmpdir(), 'identity-'))
  const path = join(folder, 'db')
  try {
    let groupId: unknown
    let memberId: string
    {
      await using first = await openFixture({ path })
      await using firstLogin = await listen(first.identity.tokenService)
      await using firstGraph = await listen(first.identity.microsoftGraph)
      const client = await graphClient(first, firstLogin, firstGraph, { administrator: true })
      memberId = client.objectId
      const nick = { displayName: 'g', mailNickname: 'g', mailEnabled: false, securityEnabled: true }
      groupId = (await client.call('POST', '/groups', nick)).body.id
      await client.call('POST', `/groups/${groupId}/members/$ref`, reference(memberId))
    }
    await using second = await openFixture({ path })
    await using secondLogin = await listen(second.identity.tokenService)
    const { appId } = (await second.identity.directory.servicePrincipal({ objectId: memberId })) ?? { appId: '' }
    const { secretText } = await second.identity.directory.addPassword(appId, { displayName: 'x', lifetimeSeconds: 60 })
    const { body } = await requestToken(secondLogin.url, {
      grant_type: 'client_credentials',
      client_id: appId,
      client_secret: secretText,
      scope: 'https://graph.microsoft.com/.default',
    })
    const verified = await second.identity.verifier.verify(`Bearer ${body.access_token}`, [
      'https://graph.microsoft.com',
    ])
    expect(verified.groupIds).toEqual([groupId])
    await using secondGraph = await listen(second.identity.microsoftGraph)
    const answer = await fetch(`${secondGraph.url}/v1.0/groups`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(answer.status).toBe(200)
  } finally {
    await rm(folder, { recursive: true })
  }
})
