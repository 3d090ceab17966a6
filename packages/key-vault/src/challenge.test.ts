import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestCloud, type Person, roles, type TestCloud, tenantId } from './testing/cloud.ts'

describe('the challenge', () => {
  let cloud: TestCloud
  let alice: Person
  beforeAll(async () => {
    cloud = await openTestCloud()
    alice = await cloud.person()
    await cloud.createVault('kv1')
    await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv1'))
  })
  afterAll(() => cloud.close())

  const wwwAuthenticate = `Bearer authorization="https://login.microsoftonline.com/${tenantId}", resource="https://vault.azure.net"`
  const path = '/secrets/s1/?api-version=7.4'

  function altered(token: string, change: (claims: Record<string, unknown>) => void): string {
    const [header = '', payload = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    change(claims)
    return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
  }

  it('answers a set without a token and without a body, as clients first send it', async () => {
    const reply = await cloud.send({
      method: 'PUT',
      path,
      headers: { 'content-length': '0', 'x-ms-client-request-id': 'c-1' },
    })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toBe(wwwAuthenticate)
    expect(reply.text).toBe(
      '{"error":{"code":"Unauthorized","message":"AKV10000: Request is missing a Bearer or PoP token."}}',
    )
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-cache',
      'content-type': 'application/json; charset=utf-8',
      'strict-transport-security': 'max-age=31536000;includeSubDomains',
      'x-content-type-options': 'nosniff',
      'x-ms-client-request-id': 'c-1',
      'x-ms-keyvault-network-info': 'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;',
      'x-ms-keyvault-region': 'westeurope',
    })
  })

  it.each<[string, () => Promise<string>, RegExp]>([
    [
      'for another audience',
      async () => await alice.token('https://management.azure.com'),
      /^AKV10022: Invalid audience\. Expected https:\/\/vault\.azure\.net, found: https:\/\/management\.azure\.com\/?\.$/,
    ],
    [
      'whose claims were changed',
      async () =>
        altered(await alice.token('https://vault.azure.net'), (claims) => {
          claims.oid = 'someone'
        }),
      /^AKV10046/,
    ],
    [
      'signed with nothing',
      async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`,
      /./,
    ],
    ['that is no token', async () => 'nonsense', /^\[BearerReadAccessTokenFailed\]/],
    ['that holds 100,000 characters', async () => 'x'.repeat(10_000), /./],
  ])('answers a token %s with 401, never 403', async (_which, token, message) => {
    const reply = await cloud.send({ path, as: `Bearer ${await token()}` })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toBe(wwwAuthenticate)
    expect(reply.body.error?.code).toBe('Unauthorized')
    expect(reply.body.error?.message).toMatch(message)
  })

  it('answers another scheme than Bearer', async () => {
    const reply = await cloud.send({ path, as: 'Basic YTpi' })
    expect(reply.status).toBe(401)
  })

  it('answers a token that has expired', async () => {
    const late = await cloud.person()
    await cloud.grant(late, roles.secretsOfficer, cloud.vaultId('kv1'))
    const authorization = `Bearer ${await late.token('https://vault.azure.net')}`
    expect((await cloud.send({ path: '/secrets?api-version=7.4', as: authorization })).status).toBe(200)
    cloud.time.now += 2 * 86_400_000
    const reply = await cloud.send({ path: '/secrets?api-version=7.4', as: authorization })
    expect(reply.status).toBe(401)
    expect(reply.body.error?.message).toBe("[TokenExpired] Error validating token: 'S2S12086'.")
  })

  it('comes before anything of the path, the query or the body is looked at', async () => {
    for (const hostile of ['/secrets/%00', '/nothing', '/keys/k', '/secrets/s1?api-version=nonsense']) {
      const reply = await cloud.send({ method: 'PUT', path: hostile, bytes: Buffer.from('{"val') })
      expect(reply.status).toBe(401)
    }
  })

  it('names the tenant for a vault that nobody created, which with a token is not found', async () => {
    const host = 'nowhere.vault.azure.net'
    const challenged = await cloud.send({ host, path })
    expect(challenged.headers['www-authenticate']).toBe(wwwAuthenticate)
    const reply = await cloud.send({ host, path, as: alice })
    expect([reply.status, reply.body.error?.code]).toEqual([404, 'VaultNotFound'])
    expect([cloud.keyVault.exists('nowhere'), cloud.keyVault.exists('KV1')]).toEqual([false, true])
  })

  it('is audited without a caller', async () => {
    const { headers } = await cloud.send({ path })
    const event = (await cloud.audited()).findLast((each) => each.requestId === headers['x-ms-request-id'])
    expect(event).toMatchObject({
      service: 'key-vault',
      operation: 'Authentication',
      status: 401,
      resource: cloud.vaultId('kv1'),
    })
    expect(event).not.toHaveProperty('caller')
  })
})
