import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ManagedIdentity, ReplicaRegistration } from './directory.ts'
import { type IdentityFixture, type Listening, listen, openFixture } from './testing/identity-fixture.ts'

const group = '/subscriptions/s/resourceGroups/g/providers'
const vault = 'https://vault.azure.net'

let fixture: IdentityFixture
let endpoint: Listening
let metadata: Listening
let system: ManagedIdentity
let user: ManagedIdentity
let foreign: ManagedIdentity
/** With both identities. */
let both: ReplicaRegistration
/** With the user-assigned one only. */
let userOnly: ReplicaRegistration
/** With two user-assigned ones. */
let users: ReplicaRegistration
let bare: ReplicaRegistration

const userAssigned = (name: string) => `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`

beforeAll(async () => {
  fixture = await openFixture()
  endpoint = await listen(fixture.identity.managedIdentityEndpoint)
  metadata = await listen(fixture.identity.instanceMetadata)
  const { directory } = fixture.identity
  system = await directory.createManagedIdentity({
    resourceId: `${group}/Microsoft.App/containerApps/shop`,
    kind: 'SystemAssigned',
  })
  user = await directory.createManagedIdentity({ resourceId: userAssigned('orders'), kind: 'UserAssigned' })
  const second = await directory.createManagedIdentity({ resourceId: userAssigned('second'), kind: 'UserAssigned' })
  foreign = await directory.createManagedIdentity({ resourceId: userAssigned('foreign'), kind: 'UserAssigned' })
  both = await directory.registerReplica({
    replicaId: 'shop--1',
    identityResourceIds: [system.resourceId, user.resourceId],
  })
  userOnly = await directory.registerReplica({ replicaId: 'shop--2', identityResourceIds: [user.resourceId] })
  users = await directory.registerReplica({
    replicaId: 'shop--3',
    identityResourceIds: [user.resourceId, second.resourceId],
  })
  bare = await directory.registerReplica({ replicaId: 'shop--4', identityResourceIds: [] })
})
afterAll(async () => {
  await endpoint[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

type Answer = { status: number; body: Record<string, unknown> }

async function ask(header: string | undefined, query: Record<string, string> = {}, at = endpoint): Promise<Answer> {
  const search = new URLSearchParams({ 'api-version': '2019-08-01', resource: vault, ...query })
  const response = await fetch(`${at.url}/msi/token?${search}`, {
    headers: header ? { 'x-identity-header': header } : {},
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('the managed identity endpoint', () => {
  it('answers App Service’s form, with a token that lives for a day', async () => {
    const { status, body } = await ask(both.header)
    expect(status).toBe(200)
    const expires = Math.floor(fixture.clock.now / 1000) + 24 * 3600
    expect(body).toEqual({
      access_token: expect.any(String),
      expires_on: String(expires),
      resource: vault,
      token_type: 'Bearer',
      client_id: system.clientId,
    })
    expect(decodeJwt(String(body.access_token))).toMatchObject({
      aud: vault,
      oid: system.principalId,
      appid: system.clientId,
      idtyp: 'app',
      xms_mirid: system.resourceId,
      exp: expires,
    })
    expect(await fixture.identity.verifier.verify(`Bearer ${body.access_token}`, [vault])).toMatchObject({
      kind: 'managedIdentity',
      managedIdentityResourceId: system.resourceId,
    })
  })

  it('selects by client, principal or resource id, in any case', async () => {
    const selectors = {
      client_id: user.clientId.toUpperCase(),
      principal_id: user.principalId,
      object_id: user.principalId,
      mi_res_id: user.resourceId.toUpperCase(),
      msi_res_id: user.resourceId,
    }
    for (const [name, value] of Object.entries(selectors)) {
      expect((await ask(both.header, { [name]: value })).body.client_id, name).toBe(user.clientId)
    }
  })

  it('never gives a replica another’s identity', async () => {
    for (const [name, value] of [
      ['client_id', foreign.clientId],
      ['mi_res_id', foreign.resourceId],
      ['principal_id', foreign.principalId],
      ['client_id', randomUUID()],
      ['client_id', ''],
    ] as const) {
      expect(await ask(both.header, { [name]: value })).toEqual({
        status: 400,
        body: {
          statusCode: 400,
          message:
            'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
          correlationId: expect.any(String),
        },
      })
    }
    const several = { client_id: user.clientId, mi_res_id: user.resourceId }
    expect((await ask(both.header, several)).status).toBe(400)
  })

  it('means the system-assigned identity when none is named, and refuses as Container Apps when there is none', async () => {
    for (const replica of [userOnly, users, bare]) {
      expect(await ask(replica.header)).toMatchObject({
        status: 400,
        body: { statusCode: 400, message: 'Unable to load the proper Managed Identity.' },
      })
    }
    expect(fixture.logged.join()).toContain('AZURE_CLIENT_ID')
  })

  it('refuses a missing or wrong header', async () => {
    for (const header of [undefined, 'wrong', `${both.header}x`, both.header.slice(0, -1), 'x'.repeat(5_000)]) {
      expect(await ask(header)).toMatchObject({ status: 401, body: { statusCode: 401 } })
    }
  })

  it('refuses another api-version, no resource, an unknown resource', async () => {
    expect((await ask(both.header, { 'api-version': '2017-09-01' })).status).toBe(400)
    expect((await ask(both.header, { resource: '' })).status).toBe(400)
    const unknown = await ask(both.header, { resource: 'https://example.com' })
    expect(unknown.status).toBe(400)
    expect(unknown.body.message).toContain('AADSTS500011')
  })

  it('refuses other methods, other addresses, odd ones, without failing', async () => {
    const headers = { 'x-identity-header': both.header }
    expect((await fetch(`${endpoint.url}/msi/token`, { method: 'POST', headers, body: 'a=b' })).status).toBe(405)
    expect((await fetch(`${endpoint.url}/msi/other`, { headers })).status).toBe(404)
    expect((await fetch(`${endpoint.url}/msi/../msi%2Ftoken`, { headers })).status).toBe(404)
    for (const query of [
      '?',
      '?resource=%zz&api-version=%00',
      `?resource=${'a'.repeat(10_000)}&api-version=2019-08-01`,
    ]) {
      const { status } = await fetch(`${endpoint.url}/msi/token${query}`, { headers })
      expect(status).toBe(400)
    }
  })

  it('gives the same token until it is half used up, and a fresh one after', async () => {
    const before = fixture.clock.now
    const first = (await ask(both.header)).body.access_token
    fixture.clock.now += 11 * 3600_000
    expect((await ask(both.header)).body.access_token).toBe(first)
    expect((await ask(userOnly.header, { client_id: user.clientId })).body.access_token).not.toBe(first)
    fixture.clock.now += 2 * 3600_000
    expect((await ask(both.header)).body.access_token).not.toBe(first)
    fixture.clock.now = before
    await fixture.identity.rotateSigningKey()
    expect((await ask(both.header)).body.access_token).not.toBe(first)
  })

  it('gives no token once the replica was removed, its header replaced, or the identity deleted', async () => {
    const { directory } = fixture.identity
    const temporary = await directory.createManagedIdentity({
      resourceId: userAssigned('temporary'),
      kind: 'UserAssigned',
    })
    const query = { client_id: temporary.clientId }
    const one = await directory.registerReplica({ replicaId: 'r', identityResourceIds: [temporary.resourceId] })
    expect((await ask(one.header, query)).status).toBe(200)
    const two = await directory.registerReplica({ replicaId: 'r', identityResourceIds: [temporary.resourceId] })
    expect((await ask(one.header, query)).status).toBe(401)
    expect((await ask(two.header, query)).status).toBe(200)
    expect(await directory.deleteManagedIdentity(temporary.resourceId)).toBe(true)
    expect((await ask(two.header, query)).status).toBe(400)
    expect(directory.replicaIdentities('r')).toEqual([temporary.resourceId])
    expect(await directory.removeReplica('r')).toBe(true)
    expect(directory.replicaIdentities('r')).toBeUndefined()
    expect(await directory.removeReplica('r')).toBe(false)
    expect((await ask(two.header, query)).status).toBe(401)
  })

  it('logs neither a header nor a token', async () => {
    const { body } = await ask(both.header)
    await ask(both.header, { client_id: both.header })
    const log = fixture.logged.join('\n')
    expect(log).not.toContain(both.header)
    expect(log).not.toContain(String(body.access_token).split('.')[2])
  })
})

describe('instance metadata', () => {
  const path = '/metadata/identity/oauth2/token'
  const proxy = (replica: ReplicaRegistration, id = replica.replicaId) => ({
    'proxy-authorization': `Basic ${Buffer.from(`${id}:${replica.header}`).toString('base64')}`,
  })

  /** As a proxy's client sends it: the address in absolute form. */
  function askMetadata(
    headers: Record<string, string>,
    query: Record<string, string> = {},
    target = `http://169.254.169.254${path}?${new URLSearchParams({ 'api-version': '2018-02-01', resource: vault, ...query })}`,
  ): Promise<Answer & { headers: Record<string, unknown> }> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port: metadata.port, path: target, headers, agent: false })
      outgoing.on('error', reject)
      outgoing.on('response', async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>,
        })
      })
      outgoing.end()
    })
  }

  it('answers the metadata service’s form to the replica that the proxy names', async () => {
    const { status, body } = await askMetadata({ metadata: 'true', ...proxy(both) })
    expect(status).toBe(200)
    const now = Math.floor(fixture.clock.now / 1000)
    expect(body).toEqual({
      access_token: expect.any(String),
      client_id: system.clientId,
      expires_in: expect.stringMatching(/^\d+$/),
      expires_on: expect.stringMatching(/^\d+$/),
      ext_expires_in: expect.stringMatching(/^\d+$/),
      not_before: expect.stringMatching(/^\d+$/),
      resource: vault,
      token_type: 'Bearer',
    })
    expect(Number(body.expires_on)).toBeGreaterThan(now)
  })

  it('refuses a request without the Metadata header: 400', async () => {
    expect(await askMetadata(proxy(both))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'Required metadata header not specified' },
    })
    expect((await askMetadata({ metadata: 'false', ...proxy(both) })).status).toBe(400)
  })

  it('refuses a request that was forwarded', async () => {
    expect((await askMetadata({ metadata: 'true', 'x-forwarded-for': '10.0.0.1', ...proxy(both) })).status).toBe(400)
  })

  it('asks for proxy credentials when nobody is named, or not rightly', async () => {
    const { header } = both
    for (const headers of [
      {},
      { 'proxy-authorization': 'Basic ' },
      { 'proxy-authorization': `Bearer ${header}` },
      { 'proxy-authorization': `Basic ${Buffer.from(header).toString('base64')}` },
      proxy(both, userOnly.replicaId),
      proxy({ ...both, header: 'wrong' }),
    ] as Record<string, string>[]) {
      const answer = await askMetadata({ metadata: 'true', ...headers })
      expect(answer.status).toBe(407)
      expect(answer.headers['proxy-authenticate']).toBe('Basic realm="Keystead"')
    }
  })

  it('means the only user-assigned identity when there is no other, and asks which of several', async () => {
    expect((await askMetadata({ metadata: 'true', ...proxy(userOnly) })).body.client_id).toBe(user.clientId)
    expect((await askMetadata({ metadata: 'true', ...proxy(users) })).body.error_description).toMatch(
      /^Multiple user assigned identities exist/,
    )
    expect((await askMetadata({ metadata: 'true', ...proxy(bare) })).body).toEqual({
      error: 'invalid_request',
      error_description: 'Identity not found',
    })
    expect(
      (await askMetadata({ metadata: 'true', ...proxy(users) }, { msi_res_id: user.resourceId })).body.client_id,
    ).toBe(user.clientId)
    expect((await askMetadata({ metadata: 'true', ...proxy(users) }, { client_id: foreign.clientId })).status).toBe(400)
  })

  it('refuses an old api-version, other addresses, an unknown resource', async () => {
    const headers = { metadata: 'true', ...proxy(both) }
    expect((await askMetadata(headers, { 'api-version': '2017-01-01' })).status).toBe(400)
    expect((await askMetadata(headers, { 'api-version': '2021-12-13' })).status).toBe(200)
    expect(
      (await askMetadata(headers, {}, 'http://169.254.169.254/metadata/instance?api-version=2021-02-01')).status,
    ).toBe(404)
    expect((await askMetadata(headers, {}, path)).status).toBe(400)
    expect((await askMetadata(headers, { resource: 'urn:x' })).body.error).toBe('invalid_resource')
  })
})

describe('the directory', () => {
  it('keeps a resource’s identity, whoever asks for it at the same time and in whatever case', async () => {
    const { directory } = fixture.identity
    const resourceId = userAssigned('Idempotent')
    const made = await Promise.all(
      [resourceId, resourceId.toLowerCase(), resourceId].map((id) =>
        directory.createManagedIdentity({ resourceId: id, kind: 'UserAssigned' }),
      ),
    )
    expect(new Set(made.map((identity) => identity.principalId)).size).toBe(1)
    expect(await directory.managedIdentity(resourceId.toUpperCase())).toMatchObject({ clientId: made[0]?.clientId })
    expect(await directory.servicePrincipal({ appId: made[0]?.clientId ?? '' })).toMatchObject({
      type: 'ManagedIdentity',
      displayName: expect.stringMatching(/^idempotent$/i),
    })
    await expect(directory.createManagedIdentity({ resourceId, kind: 'SystemAssigned' })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await directory.deleteServicePrincipal(made[0]?.principalId ?? '')).toBe(false)
    expect(
      await Promise.all([directory.deleteManagedIdentity(resourceId), directory.deleteManagedIdentity(resourceId)]),
    ).toContain(true)
    expect(await directory.servicePrincipal({ appId: made[0]?.clientId ?? '' })).toBeUndefined()
    const anew = await directory.createManagedIdentity({ resourceId, kind: 'UserAssigned' })
    expect(anew.principalId).not.toBe(made[0]?.principalId)
  })

  it('refuses a replica id that proxy credentials could not carry', async () => {
    for (const replicaId of ['', 'a:b', 'a b', '🔑', 'x'.repeat(129), '../x']) {
      await expect(
        fixture.identity.directory.registerReplica({ replicaId, identityResourceIds: [] }),
      ).rejects.toMatchObject({ code: 'invalid' })
    }
  })

  it('is as it was after a restart: principals, secrets, identities, replicas, keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'identity-'))
    try {
      const path = join(folder, 'keystead.db')
      const resourceId = userAssigned('kept')
      let header: string
      let token: string
      {
        await using first = await openFixture({ path })
        const { directory } = first.identity
        await directory.createManagedIdentity({ resourceId, kind: 'UserAssigned' })
        header = (await directory.registerReplica({ replicaId: 'kept', identityResourceIds: [resourceId] })).header
        await using listening = await listen(first.identity.managedIdentityEndpoint)
        token = String((await ask(header, { mi_res_id: resourceId }, listening)).body.access_token)
      }
      await using second = await openFixture({ path })
      await using listening = await listen(second.identity.managedIdentityEndpoint)
      expect((await ask(header, { mi_res_id: resourceId }, listening)).status).toBe(200)
      expect(await second.identity.verifier.verify(`Bearer ${token}`, [vault])).toMatchObject({
        kind: 'managedIdentity',
      })
      const stored = await second.store
        .database<{ identity_replicas: object }>()
        .selectFrom('identity_replicas')
        .selectAll()
        .execute()
      expect(JSON.stringify(stored)).not.toContain(header)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
