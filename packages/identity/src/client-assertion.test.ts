import { createPrivateKey, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificate, type TestCertificate } from './testing/certificates.ts'
import {
  createClient,
  type IdentityFixture,
  type Listening,
  listen,
  openFixture,
  requestToken,
  tenantId,
} from './testing/identity-fixture.ts'

const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const tokenEndpoint = `https://login.microsoftonline.com/${tenantId}/oauth2/v2.0/token`

describe('a certificate assertion', () => {
  let fixture: IdentityFixture
  let service: Listening
  let certificate: TestCertificate
  let appId: string
  let keyId: string

  beforeAll(async () => {
    fixture = await openFixture()
    service = await listen(fixture.identity.tokenService)
    certificate = await makeCertificate()
    appId = (await createClient(fixture.identity)).appId
    const added = await fixture.identity.directory.addCertificate(appId, certificate)
    keyId = added.keyId
  })
  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    await fixture[Symbol.asyncDispose]()
  })

  interface Change {
    readonly claims?: Record<string, unknown>
    readonly header?: Record<string, unknown>
    readonly certificate?: TestCertificate
    readonly algorithm?: string
  }

  function assertion(change: Change = {}): Promise<string> {
    const now = Math.floor(fixture.clock.now / 1000)
    const key = change.certificate ?? certificate
    const alg = change.algorithm ?? 'PS256'
    return new SignJWT({
      aud: tokenEndpoint,
      iss: appId,
      sub: appId,
      jti: randomUUID(),
      nbf: now,
      exp: now + 600,
      ...change.claims,
    })
      .setProtectedHeader({
        alg,
        ...(alg === 'PS256' ? { 'x5t#S256': key.x5tS256 } : { x5t: key.x5t }),
        ...change.header,
      })
      .sign(createPrivateKey(key.privateKeyPem))
  }

  async function present(text: string, scope = 'https://vault.azure.net/.default') {
    const { status, body } = await requestToken(service.url, {
      grant_type: 'client_credentials',
      client_id: appId,
      client_assertion_type: type,
      client_assertion: text,
      scope,
    })
    return { status, code: (body.error_codes as number[] | undefined)?.[0], body }
  }

  it.each(['PS256', 'RS256'])('signed %s gets a token', async (algorithm) => {
    const { status, body } = await present(await assertion({ algorithm }))
    expect(status).toBe(200)
    const caller = await fixture.identity.verifier.verify(`Bearer ${body.access_token}`, ['https://vault.azure.net'])
    expect(caller.appId).toBe(appId)
  })

  it.each([
    tokenEndpoint,
    `https://login.microsoftonline.com/${tenantId}/oauth2/token`,
    `https://login.microsoftonline.com/${tenantId}/v2.0`,
    `https://login.keystead.localhost:8443/${tenantId}/oauth2/v2.0/token`,
  ])('made out to %s gets a token', async (aud) => {
    expect((await present(await assertion({ claims: { aud } }))).status).toBe(200)
  })

  it.each([
    ['of another service', 'https://vault.azure.net'],
    ['of another tenant', `https://login.microsoftonline.com/${randomUUID()}/oauth2/v2.0/token`],
    ['of a host that is not ours', `https://login.example.com/${tenantId}/oauth2/v2.0/token`],
    ['without TLS', `http://login.microsoftonline.com/${tenantId}/oauth2/v2.0/token`],
    ['that is no address', 'token'],
  ])('made out to an audience %s is refused: 700023', async (_name, aud) => {
    expect(await present(await assertion({ claims: { aud } }))).toMatchObject({ status: 401, code: 700023 })
  })

  it('outside its lifetime is refused: 700024', async () => {
    const now = Math.floor(fixture.clock.now / 1000)
    expect(await present(await assertion({ claims: { exp: now - 1 } }))).toMatchObject({ status: 401, code: 700024 })
    expect(await present(await assertion({ claims: { nbf: now + 3600 } }))).toMatchObject({ status: 401, code: 700024 })
    expect((await present(await assertion({ claims: { nbf: now + 60 } }))).status).toBe(200)
    expect((await present(await assertion({ claims: { exp: now - 1 } }))).body.error_description).toMatch(
      /^AADSTS700024: Client assertion is not within its valid time range\. Current time: \d{4}-\d\d-\d\dT[\d:.]{16}Z, assertion valid from /,
    )
  })

  it('with a certificate that is not the application’s is refused: 700027', async () => {
    const stranger = await makeCertificate()
    const refusal = await present(await assertion({ certificate: stranger }))
    expect(refusal).toMatchObject({ status: 401, code: 700027 })
    expect(refusal.body.error_description).toContain('The key was not found.')
    // The right thumbprint over the wrong key.
    const forged = await assertion({ certificate: stranger, header: { 'x5t#S256': certificate.x5tS256 } })
    expect(await present(forged)).toMatchObject({ status: 401, code: 700027 })
    expect(await present(await assertion({ header: { 'x5t#S256': undefined } }))).toMatchObject({ code: 700027 })
  })

  it('signed by nobody is refused', async () => {
    const [, claims] = (await assertion()).split('.')
    const none = Buffer.from(JSON.stringify({ alg: 'none', 'x5t#S256': certificate.x5tS256 })).toString('base64url')
    expect(await present(`${none}.${claims}.`)).toMatchObject({ status: 401, code: 700027 })
    const mac = await new SignJWT({ aud: tokenEndpoint, iss: appId, sub: appId, exp: 4e9 })
      .setProtectedHeader({ alg: 'HS256', 'x5t#S256': certificate.x5tS256 })
      .sign(Buffer.from(certificate.certificatePem))
    expect(await present(mac)).toMatchObject({ status: 401, code: 700027 })
  })

  it('with an expired certificate is refused: 700027', async () => {
    const old = await makeCertificate({ notAfter: new Date(Date.now() - 3600_000) })
    await fixture.identity.directory.addCertificate(appId, old)
    const refusal = await present(await assertion({ certificate: old }))
    expect(refusal).toMatchObject({ status: 401, code: 700027 })
    expect(refusal.body.error_description).toContain('The key used is expired.')
  })

  it('of another application is refused: 700021', async () => {
    const other = randomUUID()
    expect(await present(await assertion({ claims: { iss: other, sub: other } }))).toMatchObject({ code: 700021 })
    expect(await present(await assertion({ claims: { sub: other } }))).toMatchObject({ code: 700021 })
  })

  it('that is malformed is refused: 50027', async () => {
    for (const text of ['x', 'a.b.c', '{}', '🔑', 'x'.repeat(60_000)]) {
      expect(await present(text)).toMatchObject({ status: 400, code: 50027 })
    }
    expect(await present(await assertion({ claims: { exp: undefined } }))).toMatchObject({ code: 50027 })
    expect(await present(await assertion({ claims: { exp: 1e300 } }))).toMatchObject({ code: 50027 })
  })

  it('is taken for each resource, again at once by a retry, but refused when it is replayed later: 50013', async () => {
    const text = await assertion()
    expect((await present(text)).status).toBe(200)
    expect((await present(text, 'https://storage.azure.com/.default')).status).toBe(200)
    const before = fixture.clock.now
    fixture.clock.now += 30_000
    expect((await present(text)).status).toBe(200)
    fixture.clock.now += 31_000
    expect(await present(text)).toMatchObject({ status: 401, code: 50013 })
    expect((await present(text, 'https://management.azure.com/.default')).status).toBe(200)
    // Another assertion under the same jti is no way round.
    const now = Math.floor(before / 1000)
    const first = await assertion({ claims: { jti: 'same', exp: now + 300 } })
    const second = await assertion({ claims: { jti: 'same', exp: now + 599 } })
    expect((await present(first)).status).toBe(200)
    fixture.clock.now += 61_000
    expect(await present(second)).toMatchObject({ status: 401, code: 50013 })
    fixture.clock.now = before
  })

  it('is refused once its certificate was removed', async () => {
    expect(await fixture.identity.directory.removeCertificate(appId, keyId)).toBe(true)
    expect(await present(await assertion())).toMatchObject({ status: 401, code: 700027 })
    const again = await fixture.identity.directory.addCertificate(appId, certificate)
    expect(await fixture.identity.directory.addCertificate(appId, certificate)).toEqual(again)
  })
})

it('a certificate that cannot serve is refused when it is added', async () => {
  await using fixture = await openFixture()
  const { appId } = await createClient(fixture.identity)
  const { directory } = fixture.identity
  await expect(directory.addCertificate(appId, { certificatePem: 'nonsense' })).rejects.toMatchObject({
    code: 'invalid',
  })
  const weak = await makeCertificate({ bits: 1024 })
  await expect(directory.addCertificate(appId, weak)).rejects.toMatchObject({ code: 'invalid' })
  await expect(directory.addCertificate(randomUUID(), await makeCertificate())).rejects.toMatchObject({
    code: 'notFound',
  })
})

describe('a federated assertion', () => {
  const issuer = 'https://oidc.example.com/cluster-1'
  const subject = 'system:serviceaccount:shop:orders'
  const audience = 'api://AzureADTokenExchange'
  let fixture: IdentityFixture
  let service: Listening
  let appId: string
  let fetched: string[]
  let documents: Map<string, () => Response | Promise<Response>>
  let key: Awaited<ReturnType<typeof generateKeyPair>>

  beforeAll(async () => {
    fetched = []
    documents = new Map()
    fixture = await openFixture({
      fetch: async (input) => {
        const url = String(input)
        fetched.push(url)
        const document = documents.get(url)
        if (!document) throw new TypeError('fetch failed')
        return document()
      },
    })
    service = await listen(fixture.identity.tokenService)
    appId = (await createClient(fixture.identity)).appId
    key = await generateKeyPair('RS256', { extractable: true })
    documents.set(`${issuer}/.well-known/openid-configuration`, () =>
      Response.json({ issuer, jwks_uri: 'https://oidc.example.com/keys' }),
    )
    await publish([{ key, kid: 'k1' }])
    await fixture.identity.directory.addFederatedCredential(appId, {
      name: 'orders',
      issuer,
      subject,
      audiences: [audience],
    })
  })
  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    await fixture[Symbol.asyncDispose]()
  })

  async function publish(keys: { key: typeof key; kid: string }[]) {
    const jwks = await Promise.all(
      keys.map(async (item) => ({ ...(await exportJWK(item.key.publicKey)), kid: item.kid })),
    )
    documents.set('https://oidc.example.com/keys', () => Response.json({ keys: jwks }))
  }

  function assertion(claims: Record<string, unknown> = {}, kid = 'k1', signer = key): Promise<string> {
    const now = Math.floor(fixture.clock.now / 1000)
    return new SignJWT({ iss: issuer, sub: subject, aud: [audience], nbf: now, exp: now + 3600, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(signer.privateKey)
  }

  async function present(text: string, clientId = appId) {
    const { status, body } = await requestToken(service.url, {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_assertion_type: type,
      client_assertion: text,
      scope: 'https://vault.azure.net/.default',
    })
    return { status, code: (body.error_codes as number[] | undefined)?.[0], body }
  }

  it('gets a token, again and again, with the issuer’s keys fetched once', async () => {
    const text = await assertion()
    expect((await present(text)).status).toBe(200)
    fixture.clock.now += 120_000
    expect((await present(text)).status).toBe(200)
    expect(fetched).toEqual([`${issuer}/.well-known/openid-configuration`, 'https://oidc.example.com/keys'])
  })

  it('signed with a key that the issuer has new is taken: the keys are fetched again, but not for every unknown key', async () => {
    const fresh = await generateKeyPair('RS256', { extractable: true })
    await publish([
      { key, kid: 'k1' },
      { key: fresh, kid: 'k2' },
    ])
    fixture.clock.now += 31_000
    fetched.length = 0
    expect((await present(await assertion({}, 'k2', fresh))).status).toBe(200)
    expect(fetched).toHaveLength(2)
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await present(await assertion({}, `unknown-${attempt}`))).toMatchObject({ status: 401, code: 50013 })
    }
    expect(fetched).toHaveLength(2)
  })

  it.each([
    ['another subject', { sub: 'system:serviceaccount:shop:other' }, 401, 700213],
    ['a subject in another case', { sub: subject.toUpperCase() }, 401, 7002138],
    ['another audience', { aud: 'api://other' }, 401, 700212],
    ['an audience that only begins alike', { aud: `${audience}s` }, 401, 700212],
    ['another issuer', { iss: 'https://oidc.example.com/cluster-2' }, 401, 700211],
    ['the issuer with a slash more', { iss: `${issuer}/` }, 401, 700211],
    ['an expiry that has passed', { exp: 1 }, 401, 700024],
    ['a time before its own', { nbf: 4e9 }, 401, 700024],
    ['no subject', { sub: undefined }, 400, 50027],
  ])('with %s is refused', async (_name, claims, status, code) => {
    expect(await present(await assertion(claims))).toMatchObject({ status, code })
  })

  it('forged is refused: 50013', async () => {
    const stranger = await generateKeyPair('RS256')
    expect(await present(await assertion({}, 'k1', stranger))).toMatchObject({ status: 401, code: 50013 })
    const [, claims] = (await assertion()).split('.')
    const none = Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')
    expect(await present(`${none}.${claims}.`)).toMatchObject({ status: 401, code: 50013 })
  })

  it('for an application without federated credentials is refused: 70021, and nothing is fetched', async () => {
    const other = await createClient(fixture.identity)
    fetched.length = 0
    expect(await present(await assertion({ iss: 'https://169.254.169.254/' }), other.appId)).toMatchObject({
      status: 400,
      code: 70021,
    })
    expect(fetched).toEqual([])
  })

  it('is good for a user-assigned managed identity too, which then is who the token is for', async () => {
    const resourceId =
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop'
    const identity = await fixture.identity.directory.createManagedIdentity({ resourceId, kind: 'UserAssigned' })
    await fixture.identity.directory.addFederatedCredential(identity.clientId, {
      name: 'orders',
      issuer,
      subject,
      audiences: [audience],
    })
    const { status, body } = await present(await assertion(), identity.clientId)
    expect(status).toBe(200)
    const caller = await fixture.identity.verifier.verify(`Bearer ${body.access_token}`, ['https://vault.azure.net'])
    expect(caller).toMatchObject({
      kind: 'managedIdentity',
      objectId: identity.principalId,
      managedIdentityResourceId: resourceId,
    })
  })

  it.each<[string, () => Response | Promise<Response>]>([
    ['is down', () => Promise.reject(new TypeError('fetch failed'))],
    ['answers an error', () => new Response('no', { status: 500 })],
    ['answers no JSON', () => new Response('<html>')],
    [
      'names another issuer',
      () => Response.json({ issuer: 'https://evil.example.com', jwks_uri: 'https://evil.example.com/k' }),
    ],
    [
      'names keys without TLS',
      () => Response.json({ issuer: 'https://broken.example.com', jwks_uri: 'http://127.0.0.1/k' }),
    ],
    ['answers without end', () => new Response('x'.repeat(1_000_000))],
  ])('whose issuer %s is refused: 501661', async (_name, document) => {
    const broken = 'https://broken.example.com'
    documents.set(`${broken}/.well-known/openid-configuration`, document)
    const { appId: other } = await createClient(fixture.identity)
    await fixture.identity.directory.addFederatedCredential(other, {
      name: 'b',
      issuer: broken,
      subject,
      audiences: [audience],
    })
    expect(await present(await assertion({ iss: broken }), other)).toMatchObject({ status: 400, code: 501661 })
  })

  it('is refused once its credential was removed', async () => {
    expect(await fixture.identity.directory.removeFederatedCredential(appId, 'orders')).toBe(true)
    expect(await fixture.identity.directory.removeFederatedCredential(appId, 'orders')).toBe(false)
    expect(await present(await assertion())).toMatchObject({ status: 400, code: 70021 })
  })

  it('can only be set up over https', async () => {
    const credential = { name: 'x', issuer: 'http://oidc.example.com', subject, audiences: [audience] }
    await expect(fixture.identity.directory.addFederatedCredential(appId, credential)).rejects.toMatchObject({
      code: 'invalid',
    })
  })
})
