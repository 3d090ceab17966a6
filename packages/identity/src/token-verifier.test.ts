import { createHmac, createPublicKey } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from './caller.ts'
import { SigningKeys } from './signing-keys.ts'
import {
  createClient,
  type IdentityFixture,
  type Listening,
  listen,
  openFixture,
  requestToken,
  tenantId,
} from './testing/identity-fixture.ts'
import { createTokenVerifier } from './token-verifier.ts'

const vault = 'https://vault.azure.net'
let fixture: IdentityFixture
let service: Listening
let client: Awaited<ReturnType<typeof createClient>>
let token: string
let started: number

beforeAll(async () => {
  fixture = await openFixture()
  started = fixture.clock.now
  service = await listen(fixture.identity.tokenService)
  client = await createClient(fixture.identity)
  token = String((await requestToken(service.url, client.form)).body.access_token)
})
beforeEach(() => {
  fixture.clock.now = started
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

async function verify(text: string | undefined, audiences: readonly string[] = [vault]): Promise<Caller> {
  return fixture.identity.verifier.verify(text === undefined ? undefined : `Bearer ${text}`, audiences)
}

/** A token with the service's own key, with claims or a header of the test's choice. */
async function signed(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const keys = await SigningKeys.open(fixture.store, () => fixture.clock.now)
  const { kid, privateKey } = await keys.current()
  return new SignJWT({ ...decodeJwt(token), ...claims })
    .setProtectedHeader({ alg: 'RS256', kid, ...header })
    .sign(privateKey)
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a valid token', () => {
  it('tells who is asking', async () => {
    expect(await verify(token)).toEqual({
      tenantId,
      objectId: client.objectId,
      appId: client.appId,
      issuer: `https://sts.windows.net/${tenantId}/`,
      groupIds: [],
      kind: 'application',
      expiresAt: Math.floor(started / 1000) + 3600,
    })
  })

  it('is answered without a promise once it was verified', async () => {
    await verify(token)
    expect(fixture.identity.verifier.verify(`Bearer ${token}`, [vault])).toMatchObject({ appId: client.appId })
    // Written another way it is the same token, and looked at afresh.
    expect(await fixture.identity.verifier.verify(`bearer  ${token}`, [vault])).toMatchObject({ appId: client.appId })
  })

  it('is for its audience with or without a trailing slash, one of several', async () => {
    for (const audiences of [[vault], [`${vault}/`], ['https://storage.azure.com', `${vault}/`]]) {
      expect((await verify(token, audiences)).appId).toBe(client.appId)
    }
    const slashed = await signed({ aud: `${vault}/` })
    expect((await verify(slashed)).appId).toBe(client.appId)
  })

  it('is in the groups that the directory says at the time, never in those that it carries', async () => {
    expect((await verify(await signed({ groups: ['g1'] }))).groupIds).toEqual([])
  })
})

describe('a token is refused', () => {
  const refused = async (text: string | undefined, reason: string, audiences?: readonly string[]) => {
    const error = await verify(text, audiences).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ name: 'TokenError', reason })
    if (text && text.length > 20) expect(String(error)).not.toContain(text)
  }

  it('when there is none, or it is not one', async () => {
    await refused(undefined, 'missing')
    for (const text of ['', 'a', 'a.b', 'a.b.c', '..', 'a b', '🔑', '\0', 'x'.repeat(10_000)])
      await refused(text, 'malformed')
    await refused('x'.repeat(100_000), 'malformed')
    expect(() => fixture.identity.verifier.verify('Basic abc', [vault])).toThrow('not a bearer token')
  })

  it('when it carries other claims under the signature of one that is remembered', async () => {
    await verify(token)
    const [header, , signature] = token.split('.')
    await refused(`${header}.${part({ ...decodeJwt(token), oid: 'somebody-else' })}.${signature}`, 'signature')
    expect(fixture.identity.verifier.verify(`Bearer ${token}`, [vault])).toMatchObject({ objectId: client.objectId })
  })

  it('when it has expired, remembered or not', async () => {
    await verify(token)
    const fresh = await signed({ uti: 'never seen before' })
    fixture.clock.now += 3600_000
    await refused(token, 'expired')
    await refused(token, 'expired')
    await refused(fresh, 'expired')
  })

  it('when it is not valid yet, but for a clock that is a little ahead', async () => {
    const now = Math.floor(started / 1000)
    await refused(await signed({ nbf: now + 600 }), 'notYetValid')
    expect(await verify(await signed({ nbf: now + 100 }))).toMatchObject({ appId: client.appId })
  })

  it('when it is for another audience, even if it is remembered for its own', async () => {
    await verify(token)
    await refused(token, 'audience', ['https://storage.azure.com'])
    await refused(token, 'audience', [])
    await refused(token, 'audience', [`${vault}.example.com`])
  })

  it('when it is of another issuer or tenant', async () => {
    await refused(await signed({ iss: 'https://sts.windows.net/other/' }), 'issuer')
    await refused(await signed({ tid: '99999999-2222-4333-8444-555555555555' }), 'issuer')
  })

  it('when it lacks what has to be in it', async () => {
    await refused(await signed({ oid: undefined }), 'malformed')
    await refused(await signed({ appid: undefined }), 'malformed')
    await refused(await signed({ exp: 'soon' }), 'malformed')
    await refused(await signed({ aud: [vault] }), 'malformed')
  })

  it('when it was changed, or is signed by somebody else’s key under our key id', async () => {
    const [header, , signature] = token.split('.')
    const claims = { ...decodeJwt(token), oid: 'someone-else' }
    await refused(`${header}.${part(claims)}.${signature}`, 'signature')
    const { privateKey } = await generateKeyPair('RS256')
    const { kid } = decodeProtectedHeader(token)
    await refused(
      await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256', kid: String(kid) }).sign(privateKey),
      'signature',
    )
    await refused(await signed({}, { kid: 'unknown' }), 'signature')
    await refused(await signed({}, { kid: undefined }), 'signature')
  })

  it('when it says alg none', async () => {
    const { kid } = decodeProtectedHeader(token)
    for (const alg of ['none', 'None', 'nOnE']) {
      await refused(`${part({ alg, kid })}.${token.split('.')[1]}.`, 'signature')
      await refused(`${part({ alg, kid })}.${token.split('.')[1]}.${token.split('.')[2]}`, 'signature')
    }
  })

  it('when it is an HMAC keyed with our public key', async () => {
    const { keys } = (await (await fetch(`${service.url}/common/discovery/keys`)).json()) as {
      keys: Record<string, string>[]
    }
    const jwk = keys[0] ?? {}
    const imported = await importJWK(jwk, 'RS256', { extractable: true })
    if (imported instanceof Uint8Array) throw new Error('not a public key')
    const spki = await exportSPKI(imported)
    const pkcs1 = createPublicKey(spki).export({ type: 'pkcs1', format: 'pem' })
    for (const key of [spki, pkcs1, JSON.stringify(jwk), jwk.n ?? '']) {
      const body = `${part({ alg: 'HS256', kid: jwk.kid })}.${token.split('.')[1]}`
      await refused(`${body}.${createHmac('sha256', key).update(body).digest('base64url')}`, 'signature')
    }
  })

  it('when it asks for another algorithm with our own key', async () => {
    const keys = await SigningKeys.open(fixture.store, () => fixture.clock.now)
    const { kid } = await keys.current()
    await refused(`${part({ alg: 'PS256', kid })}.${token.split('.')[1]}.${token.split('.')[2]}`, 'signature')
    await refused(
      `${part({ alg: 'RS256', kid, crit: ['b64'], b64: false })}.${token.split('.')[1]}.${token.split('.')[2]}`,
      'signature',
    )
  })
})

describe('key rotation', () => {
  it('signs with the new key at once, and takes tokens of the old one until they have expired', async () => {
    await using own = await openFixture()
    await using listening = await listen(own.identity.tokenService)
    const owner = await createClient(own.identity, 3 * 24 * 3600)
    const get = async () => String((await requestToken(listening.url, owner.form)).body.access_token)
    const keyIds = async () =>
      (
        (await (await fetch(`${listening.url}/common/discovery/v2.0/keys`)).json()) as { keys: { kid: string }[] }
      ).keys.map((key) => key.kid)
    const old = await get()
    await own.identity.rotateSigningKey()
    const fresh = await get()
    const oldKid = decodeProtectedHeader(old).kid
    const newKid = decodeProtectedHeader(fresh).kid
    expect(newKid).not.toBe(oldKid)
    expect(await keyIds()).toEqual([newKid, oldKid])
    for (const text of [old, fresh]) {
      expect(await own.identity.verifier.verify(`Bearer ${text}`, [vault])).toMatchObject({ appId: owner.appId })
    }
    own.clock.now += 25 * 3600_000
    expect(await keyIds()).toEqual([newKid])
  })

  it('happens by itself after a month, and survives a restart with its private keys sealed', async () => {
    await using own = await openFixture()
    const keys = await SigningKeys.open(own.store, () => own.clock.now)
    const { kid } = await keys.current()
    expect((await (await SigningKeys.open(own.store, () => own.clock.now)).current()).kid).toBe(kid)
    const rows = await own.store
      .database<{ identity_signing_keys: { sealed_private_jwk: Uint8Array } }>()
      .selectFrom('identity_signing_keys')
      .selectAll()
      .execute()
    for (const row of rows) {
      expect(Buffer.from(row.sealed_private_jwk).toString('latin1')).not.toContain('"kty"')
    }
    own.clock.now += 31 * 24 * 3600_000
    const [one, other] = await Promise.all([keys.current(), keys.current()])
    expect(one.kid).not.toBe(kid)
    expect(other.kid).toBe(one.kid)
    expect(keys.publicKey(kid)).toBeDefined()
    own.clock.now += 2 * 24 * 3600_000
    expect(keys.publicKey(kid)).toBeUndefined()
  })
})

it('remembers no more tokens than it was told to', async () => {
  const keys = await SigningKeys.open(fixture.store, () => fixture.clock.now)
  const verifier = createTokenVerifier({
    keys,
    tenantId,
    clock: () => fixture.clock.now,
    groupsOf: () => [],
    remembered: 1.5 * token.length,
  })
  const other = await signed({ uti: 'another' })
  await verifier.verify(`Bearer ${token}`, [vault])
  await verifier.verify(`Bearer ${other}`, [vault])
  expect(verifier.verify(`Bearer ${other}`, [vault])).not.toBeInstanceOf(Promise)
  expect(verifier.verify(`Bearer ${token}`, [vault])).toBeInstanceOf(Promise)
})
