import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createClient,
  type IdentityFixture,
  type Listening,
  listen,
  openFixture,
  requestToken,
  tenantId,
} from './testing/identity-fixture.ts'

let fixture: IdentityFixture
let service: Listening

beforeAll(async () => {
  fixture = await openFixture()
  service = await listen(fixture.identity.tokenService)
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

const errorForm = (code: number) => ({
  error: expect.any(String),
  error_description: expect.stringMatching(
    new RegExp(
      `^AADSTS${code}: .* Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36} Timestamp: \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$`,
      's',
    ),
  ),
  error_codes: [code],
  timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
  trace_id: expect.any(String),
  correlation_id: expect.any(String),
  error_uri: `https://login.microsoftonline.com/error?code=${code}`,
})

describe('a token for a client secret', () => {
  it('carries the claims of a v1 application token, from the v2 endpoint', async () => {
    const client = await createClient(fixture.identity)
    const { status, body } = await requestToken(service.url, client.form)
    expect(status).toBe(200)
    expect(body).toEqual({
      token_type: 'Bearer',
      expires_in: 3599,
      ext_expires_in: 3599,
      access_token: expect.any(String),
    })
    const { payload, protectedHeader } = await jwtVerify(
      String(body.access_token),
      createRemoteJWKSet(new URL(`${service.url}/${tenantId}/discovery/v2.0/keys`)),
    )
    expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'RS256', kid: expect.any(String) })
    const issuer = `https://sts.windows.net/${tenantId}/`
    expect(payload).toEqual({
      aud: 'https://vault.azure.net',
      iss: issuer,
      idp: issuer,
      iat: expect.any(Number),
      nbf: payload.iat,
      exp: Math.floor(fixture.clock.now / 1000) + 3600,
      appid: client.appId,
      appidacr: '1',
      idtyp: 'app',
      oid: client.objectId,
      sub: client.objectId,
      tid: tenantId,
      uti: expect.any(String),
      ver: '1.0',
    })
  })

  it('is given for credentials in HTTP Basic', async () => {
    const client = await createClient(fixture.identity)
    const { client_id: _id, client_secret: _secret, ...form } = client.form
    const { status } = await requestToken(service.url, form, {
      headers: { authorization: `Basic ${Buffer.from(`${client.appId}:${client.secret}`).toString('base64')}` },
    })
    expect(status).toBe(200)
  })

  it('is given by the v1 endpoint for a resource, with numbers as strings', async () => {
    const client = await createClient(fixture.identity)
    const { scope: _, ...form } = client.form
    const { status, body } = await requestToken(
      service.url,
      { ...form, resource: 'https://management.core.windows.net/' },
      { path: `/${tenantId}/oauth2/token` },
    )
    expect(status).toBe(200)
    expect(body).toMatchObject({ expires_in: '3599', resource: 'https://management.core.windows.net/' })
    expect(decodeJwt(String(body.access_token)).aud).toBe('https://management.core.windows.net/')
  })

  it.each([
    ['https://vault.azure.net/.default', 'https://vault.azure.net'],
    ['https://management.core.windows.net//.default', 'https://management.core.windows.net/'],
    ['https://management.azure.com/.default openid profile offline_access', 'https://management.azure.com'],
    ['https://STORAGE.azure.com/.default', 'https://storage.azure.com'],
    ['https://orders.blob.core.windows.net/.default', 'https://orders.blob.core.windows.net'],
    ['https://graph.microsoft.com//.default', 'https://graph.microsoft.com/'],
  ])('for the scope %s has the audience %s', async (scope, audience) => {
    const client = await createClient(fixture.identity)
    const { body } = await requestToken(service.url, { ...client.form, scope })
    expect(decodeJwt(String(body.access_token)).aud).toBe(audience)
  })

  it('is no longer given once the secret was removed, has expired, or its service principal was deleted', async () => {
    const client = await createClient(fixture.identity, 60)
    expect((await requestToken(service.url, client.form)).status).toBe(200)
    const before = fixture.clock.now
    fixture.clock.now += 61_000
    const expired = await requestToken(service.url, client.form)
    expect(expired).toEqual({ status: 401, body: { ...errorForm(7000222), error: 'invalid_client' } })
    fixture.clock.now = before
    expect(await fixture.identity.directory.removePassword(client.appId, client.keyId)).toBe(true)
    expect((await requestToken(service.url, client.form)).body.error_codes).toEqual([7000215])

    const other = await createClient(fixture.identity)
    expect((await requestToken(service.url, other.form)).status).toBe(200)
    expect(await fixture.identity.directory.deleteServicePrincipal(other.objectId)).toBe(true)
    expect((await requestToken(service.url, other.form)).body.error_codes).toEqual([700016])
  })
})

describe('a refusal has Entra’s code, status and form', () => {
  const cases: [string, number, number, string, (form: Record<string, string>) => Record<string, string>, string?][] = [
    ['an unknown client', 400, 700016, 'unauthorized_client', (form) => ({ ...form, client_id: randomUUID() })],
    ['a client id that is no GUID', 400, 700016, 'unauthorized_client', (form) => ({ ...form, client_id: 'ünkn\0wn' })],
    ['a wrong secret', 401, 7000215, 'invalid_client', (form) => ({ ...form, client_secret: 'wrong' })],
    [
      'a secret that differs in its last character',
      401,
      7000215,
      'invalid_client',
      (form) => ({ ...form, client_secret: `${form.client_secret?.slice(0, -1)}!` }),
    ],
    [
      'a secret of 10,000 characters',
      401,
      7000215,
      'invalid_client',
      (form) => ({ ...form, client_secret: 's'.repeat(10_000) }),
    ],
    ['no client_id', 400, 900144, 'invalid_request', ({ client_id: _, ...form }) => form],
    ['no grant_type', 400, 900144, 'invalid_request', ({ grant_type: _, ...form }) => form],
    ['no scope', 400, 900144, 'invalid_request', ({ scope: _, ...form }) => form],
    ['no credential', 401, 7000218, 'invalid_client', ({ client_secret: _, ...form }) => form],
    [
      'an unsupported grant',
      400,
      70003,
      'unsupported_grant_type',
      (form) => ({ ...form, grant_type: 'token-exchange' }),
    ],
    [
      'the device code grant without its code',
      400,
      900144,
      'invalid_request',
      (form) => ({ ...form, grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }),
    ],
    [
      'a scope without .default',
      400,
      1002012,
      'invalid_scope',
      (form) => ({ ...form, scope: 'https://vault.azure.net/user' }),
    ],
    [
      'scopes of two resources',
      400,
      28000,
      'invalid_request',
      (form) => ({ ...form, scope: 'https://vault.azure.net/.default https://storage.azure.com/.default' }),
    ],
    ['a scope of nothing', 400, 70011, 'invalid_scope', (form) => ({ ...form, scope: ' openid ' })],
    [
      'an unknown resource',
      400,
      500011,
      'invalid_resource',
      (form) => ({ ...form, scope: 'https://example.com/.default' }),
    ],
    [
      'a resource that only looks like the vault’s',
      400,
      500011,
      'invalid_resource',
      (form) => ({ ...form, scope: 'https://vault.azure.net.example.com/.default' }),
    ],
    [
      'a resource parameter at the v2 endpoint',
      400,
      901002,
      'invalid_request',
      (form) => ({ ...form, resource: 'https://vault.azure.net' }),
    ],
    ['an unknown tenant', 400, 90002, 'invalid_request', (form) => form, `/${randomUUID()}/oauth2/v2.0/token`],
    [
      'a tenant named by an unknown domain',
      400,
      90002,
      'invalid_request',
      (form) => form,
      '/corp.example/oauth2/v2.0/token',
    ],
    ['a tenant that is none', 400, 900023, 'invalid_request', (form) => form, '/%F0%9F%94%91%00/oauth2/v2.0/token'],
    ['no tenant named', 400, 50059, 'invalid_request', (form) => form, '/common/oauth2/v2.0/token'],
    [
      'an assertion of another type',
      400,
      90023,
      'invalid_request',
      (form) => ({ ...form, client_assertion: 'x', client_assertion_type: 'saml' }),
    ],
    ['an assertion without a type', 400, 900144, 'invalid_request', (form) => ({ ...form, client_assertion: 'x' })],
  ]
  it.each(cases)('%s: %i, AADSTS%i', async (_name, status, code, error, change, path) => {
    const client = await createClient(fixture.identity)
    const answer = await requestToken(service.url, change(client.form), path ? { path } : {})
    expect(answer).toEqual({ status, body: { ...errorForm(code), error } })
  })

  it('takes over the caller’s client-request-id as the correlation id', async () => {
    const id = randomUUID()
    const { body } = await requestToken(service.url, {}, { headers: { 'client-request-id': id } })
    expect(body.correlation_id).toBe(id)
  })

  it('for a duplicated parameter, a body that is no form, a GET, an unknown address', async () => {
    const url = `${service.url}/${tenantId}/oauth2/v2.0/token`
    const post = async (body: string, type: string) =>
      (await (await fetch(url, { method: 'POST', body, headers: { 'content-type': type } })).json()) as Record<
        string,
        unknown
      >
    const form = 'application/x-www-form-urlencoded'
    expect(await post('grant_type=a&grant_type=b', form)).toEqual({ ...errorForm(9000411), error: 'invalid_request' })
    expect(await post('{"grant_type":"client_credentials"}', 'application/json')).toEqual({
      ...errorForm(900144),
      error: 'invalid_request',
    })
    const get = await fetch(url)
    expect(get.status).toBe(400)
    expect(await get.json()).toEqual({ ...errorForm(900561), error: 'invalid_request' })
    const large = await fetch(url, { method: 'POST', body: 'a'.repeat(200_000), headers: { 'content-type': form } })
    expect(large.status).toBe(413)
    expect(await large.json()).toMatchObject({ error_codes: [9002313] })
    const lost = await fetch(`${service.url}/x/y/z`)
    expect(lost.status).toBe(404)
    const undecodable = await fetch(`${service.url}/%zz/oauth2/token`, { method: 'POST' })
    expect(undecodable.status).toBe(400)
    expect(await undecodable.json()).toMatchObject({ error: 'invalid_request' })
  })
})

describe('odd input to the token endpoint', () => {
  it('is refused with Entra’s error form, never as a failure of ours', async () => {
    const client = await createClient(fixture.identity)
    const names = [
      ...Object.keys(client.form),
      'client_assertion',
      'client_assertion_type',
      'resource',
      '__proto__',
      'constructor',
    ]
    const values = [
      '',
      ' ',
      '\0',
      '%',
      '%zz',
      '+',
      '🔑'.repeat(50),
      'a'.repeat(10_000),
      '../../etc',
      '[object Object]',
      'null',
      '\r\nX: y',
      '{}',
      '..',
      'a.b.c',
      'eyJhbGciOiJub25lIn0.e30.',
      "' or 1=1 --",
    ]
    let seed = 1
    const pick = <Item>(items: readonly Item[]): Item => {
      seed = (seed * 48271) % 2147483647
      return items[seed % items.length] as Item
    }
    for (let round = 0; round < 300; round++) {
      const form: Record<string, string> = pick([true, false])
        ? { ...client.form }
        : { grant_type: 'client_credentials' }
      for (let change = 0; change < 3; change++)
        Object.defineProperty(form, pick(names), {
          value: pick(values),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      const { status, body } = await requestToken(service.url, form)
      expect([200, 400, 401]).toContain(status)
      if (status !== 200) expect(body.error_codes).toHaveLength(1)
    }
    for (const raw of [
      '',
      '&',
      '=',
      '&&==&',
      '%',
      '%00=%00',
      'grant_type',
      'grant_type=%ff%fe',
      `${'a=&'.repeat(20_000)}`,
    ]) {
      const response = await fetch(`${service.url}/${tenantId}/oauth2/v2.0/token`, {
        method: 'POST',
        body: raw,
        headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: 'Basic AAAA' },
      })
      expect(response.status).toBeLessThan(500)
    }
  })
})

describe('faults', () => {
  it('a client that hangs up half-way leaves the service as it was', async () => {
    await using own = await openFixture()
    await using listening = await listen(own.identity.tokenService)
    const client = await createClient(own.identity)
    for (let round = 0; round < 5; round++) {
      const socket = connect(listening.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(
        `POST /${tenantId}/oauth2/v2.0/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 500\r\n\r\ngrant_type=`,
      )
      socket.destroy()
      await once(socket, 'close')
    }
    expect((await requestToken(listening.url, client.form)).status).toBe(200)
    expect(own.logged.filter((line) => line.includes('"error"'))).toEqual([])
  })

  it('a database that fails is told as a passing failure, without its details', async () => {
    const own = await openFixture()
    await using listening = await listen(own.identity.tokenService)
    const client = await createClient(own.identity)
    await own.store.close()
    const { status, body } = await requestToken(listening.url, client.form)
    expect(status).toBe(503)
    expect(body).toEqual({ ...errorForm(90033), error: 'temporarily_unavailable' })
    expect(own.logged.join()).toContain('A token request failed')
    await own.identity.close()
  })
})

describe('discovery', () => {
  it('answers the v2 and v1 configuration of the tenant', async () => {
    const get = async (path: string) => (await (await fetch(`${service.url}${path}`)).json()) as Record<string, unknown>
    const own = `https://127.0.0.1:${service.port}/${tenantId}`
    expect(await get(`/${tenantId}/v2.0/.well-known/openid-configuration`)).toMatchObject({
      issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
      token_endpoint: `${own}/oauth2/v2.0/token`,
      authorization_endpoint: `${own}/oauth2/v2.0/authorize`,
      device_authorization_endpoint: `${own}/oauth2/v2.0/devicecode`,
      jwks_uri: `${own}/discovery/v2.0/keys`,
    })
    expect(await get(`/${tenantId.toUpperCase()}/.well-known/openid-configuration`)).toMatchObject({
      issuer: `https://sts.windows.net/${tenantId}/`,
      token_endpoint: `${own}/oauth2/token`,
      jwks_uri: `${own}/discovery/keys`,
    })
    expect(await get('/common/v2.0/.well-known/openid-configuration')).toMatchObject({
      issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
    })
    expect(await get('/organizations/v2.0/.well-known/openid-configuration')).toMatchObject({
      token_endpoint: `https://127.0.0.1:${service.port}/organizations/oauth2/v2.0/token`,
    })
    expect(await get(`/${randomUUID()}/v2.0/.well-known/openid-configuration`)).toEqual({
      ...errorForm(90002),
      error: 'invalid_tenant',
    })
  })

  it('answers msal’s instance discovery and the keys without anything private', async () => {
    const instance = await fetch(
      `${service.url}/common/discovery/instance?api-version=1.1&authorization_endpoint=https://login.microsoftonline.com/common/oauth2/v2.0/authorize`,
    )
    expect(await instance.json()).toMatchObject({
      'api-version': '1.1',
      metadata: [{ preferred_network: 'login.microsoftonline.com' }],
    })
    const keys = (await (await fetch(`${service.url}/common/discovery/keys`)).json()) as { keys: object[] }
    expect(keys.keys).toHaveLength(1)
    expect(Object.keys(keys.keys[0] ?? {}).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })
})

it('logs neither a secret nor a token, whether a request is granted or refused', async () => {
  const client = await createClient(fixture.identity)
  const { body } = await requestToken(service.url, client.form)
  await requestToken(service.url, { ...client.form, client_id: client.secret, scope: client.secret })
  await requestToken(service.url, { ...client.form, grant_type: client.secret })
  const log = fixture.logged.join('\n')
  expect(log).toContain('Issued an access token')
  expect(log).not.toContain(client.secret)
  expect(log).not.toContain(String(body.access_token).split('.')[2])
})
