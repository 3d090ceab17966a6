import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { formOf, type Shown, TestBrowser } from '../testing/browser.ts'
import { caller, type GraphClient, graphClient } from '../testing/graph-client.ts'
import {
  type IdentityFixture,
  type Listening,
  listen,
  openFixture,
  requestToken,
  tenantId,
} from '../testing/identity-fixture.ts'

const cli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
const password = 'Correct-horse-1'
const scope = 'https://management.azure.com/.default openid profile offline_access'
const redirectUri = 'http://localhost:8400'

let fixture: IdentityFixture
let login: Listening
let graph: Listening
let admin: GraphClient
let user: { id: string; upn: string }
let started: number

beforeAll(async () => {
  fixture = await openFixture()
  started = fixture.clock.now
  login = await listen(fixture.identity.tokenService)
  graph = await listen(fixture.identity.microsoftGraph)
  admin = await graphClient(fixture, login, graph, { administrator: true })
})
afterAll(async () => {
  await graph[Symbol.asyncDispose]()
  await login[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})
beforeEach(async () => {
  fixture.clock.now = started
  user = await makeUser()
})

async function makeUser(force = false): Promise<{ id: string; upn: string }> {
  const nick = `u${randomUUID().slice(0, 8)}`
  const upn = `${nick}@example.com`
  const { body, status } = await admin.call('POST', '/users', {
    displayName: 'Alice <b>',
    mailNickname: nick,
    userPrincipalName: upn,
    accountEnabled: true,
    passwordProfile: { password, forceChangePasswordNextSignIn: force },
  })
  expect(status).toBe(201)
  return { id: String(body.id), upn }
}

interface Pkce {
  readonly verifier: string
  readonly query: Record<string, string>
}
function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(verifier).digest('base64url')
  return { verifier, query: { code_challenge, code_challenge_method: 'S256' } }
}

function authorizePath(more: Record<string, string> = {}, tenant = 'organizations'): string {
  const query = new URLSearchParams({
    client_id: cli,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    state: 'st&te',
    nonce: 'n',
    ...more,
  })
  return `/${tenant}/oauth2/v2.0/authorize?${query}`
}

const redeem = (code: string, verifier: string, more: Record<string, string> = {}) =>
  requestToken(login.url, {
    grant_type: 'authorization_code',
    client_id: cli,
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    scope,
    client_info: '1',
    ...more,
  })

async function signInCode(browser: TestBrowser, challenge: Pkce): Promise<string> {
  const page = await browser.open(authorizePath(challenge.query))
  const done = await browser.submit(page, { username: user.upn, password, do: 'signin' })
  expect(done.status, done.html).toBe(302)
  return new URL(done.location ?? '').searchParams.get('code') ?? ''
}

const ropc = (more: Record<string, string> = {}) =>
  requestToken(login.url, { grant_type: 'password', client_id: cli, username: user.upn, password, scope, ...more })

const error = (shown: Shown) => /role="alert">([^<]*)</.exec(shown.html)?.[1]

describe('authorization code with PKCE', () => {
  it('signs a user in: access token, id token, refresh token', async () => {
    const challenge = pkce()
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath({ ...challenge.query, login_hint: user.upn.toUpperCase() }))
    expect(page.status).toBe(200)
    expect(page.html).toContain('Microsoft Azure CLI')
    const done = await browser.submit(page, { username: user.upn.toUpperCase(), password, do: 'signin' })
    const location = new URL(done.location ?? '')
    expect(location.origin).toBe(redirectUri)
    expect(location.searchParams.get('state')).toBe('st&te')
    const { status, body } = await redeem(location.searchParams.get('code') ?? '', challenge.verifier)
    expect(status, JSON.stringify(body)).toBe(200)
    const verified = await fixture.identity.verifier.verify(`Bearer ${body.access_token}`, [
      'https://management.azure.com',
    ])
    expect(verified).toMatchObject({ objectId: user.id, kind: 'user', userPrincipalName: user.upn, appId: cli })
    expect(decodeJwt(String(body.id_token))).toMatchObject({
      aud: cli,
      iss: `https://login.microsoftonline.com/${tenantId}/v2.0`,
      nonce: 'n',
      oid: user.id,
      preferred_username: user.upn,
      tid: tenantId,
      ver: '2.0',
    })
    expect(JSON.parse(Buffer.from(String(body.client_info), 'base64url').toString())).toEqual({
      uid: user.id,
      utid: tenantId,
    })
    expect(String(body.scope).split(' ')).toContain('https://management.azure.com/.default')
    expect(body.refresh_token).toBeTypeOf('string')
  })

  it('takes a code once, for ten minutes, from its client, with its redirect URI and its verifier', async () => {
    const challenge = pkce()
    const browser = new TestBrowser(login.url)
    const codes = async (response: ReturnType<typeof redeem>) => (await response).body.error_codes
    const used = await signInCode(browser, challenge)
    expect((await redeem(used, challenge.verifier)).status).toBe(200)
    expect(await codes(redeem(used, challenge.verifier))).toEqual([54005])
    expect(await codes(redeem(await signInCode(browser, challenge), pkce().verifier))).toEqual([501481])
    expect(await codes(redeem(await signInCode(browser, challenge), ''))).toEqual([501481])
    const elsewhere = { redirect_uri: 'http://localhost:8401' }
    expect(await codes(redeem(await signInCode(browser, challenge), challenge.verifier, elsewhere))).toEqual([500112])
    const other = { client_id: '1950a258-227b-4e31-a9cf-717495945fc2' }
    expect(await codes(redeem(await signInCode(browser, challenge), challenge.verifier, other))).toEqual([9002313])
    expect(await codes(redeem('made-up', challenge.verifier))).toEqual([9002313])
    const late = await signInCode(browser, challenge)
    fixture.clock.now += 10 * 60_000
    expect(await codes(redeem(late, challenge.verifier))).toEqual([70008])
  })

  it('answers in the way that was asked for', async () => {
    const browser = new TestBrowser(login.url)
    const typed = { username: user.upn, password, do: 'signin' }
    const fragment = await browser.submit(
      await browser.open(authorizePath({ ...pkce().query, response_mode: 'fragment' })),
      typed,
    )
    expect(new URLSearchParams(new URL(fragment.location ?? '').hash.slice(1)).get('code')).toBeTruthy()
    const post = await browser.submit(
      await browser.open(authorizePath({ ...pkce().query, response_mode: 'form_post' })),
      typed,
    )
    const { action, fields } = formOf(post.html)
    expect(action).toBe(redirectUri)
    expect(fields).toMatchObject({ state: 'st&te' })
    expect(fields.code).toBeTruthy()
    expect(post.headers.get('content-security-policy')).toContain(`form-action 'self' ${redirectUri}`)
  })

  it('tells the application of what is wrong with its request, and of a person who declines', async () => {
    const browser = new TestBrowser(login.url)
    const told = async (more: Record<string, string>) => {
      const { location } = await browser.open(authorizePath(more))
      return new URL(location ?? 'http://none').searchParams.get('error')
    }
    expect(await told({})).toBe('invalid_request')
    expect(await told({ ...pkce().query, response_type: 'token' })).toBe('unsupported_response_type')
    expect(await told({ ...pkce().query, scope: 'https://unknown.example/.default' })).toBe('invalid_resource')
    expect(await told({ ...pkce().query, prompt: 'none' })).toBe('interaction_required')
    expect(await told({ code_challenge: 'short', code_challenge_method: 'S256' })).toBe('invalid_request')
    const cancelled = await browser.submit(await browser.open(authorizePath(pkce().query)), { do: 'cancel' })
    expect(new URL(cancelled.location ?? '').searchParams.get('error')).toBe('access_denied')
  })

  it.each([
    ['an unknown client', { client_id: randomUUID() }, '700016'],
    ['a redirect URI of somebody else', { redirect_uri: 'https://evil.example/' }, '50011'],
    ['a redirect URI that only begins like localhost', { redirect_uri: 'http://localhost.evil.example/' }, '50011'],
    ['a redirect URI with another user part', { redirect_uri: 'http://localhost@evil.example/' }, '50011'],
    ['no client', { client_id: '' }, '900144'],
  ])('sends nobody on for %s', async (_name, more, code) => {
    const shown = await new TestBrowser(login.url).open(authorizePath({ ...pkce().query, ...more }))
    expect(shown.location).toBeNull()
    expect(shown.status).toBe(400)
    expect(error(shown)).toContain(`AADSTS${code}`)
  })

  it('is for the redirect URIs that an application registered, with a secret where it is a web application', async () => {
    const { body: application } = await admin.call('POST', '/applications', {
      displayName: 'web app',
      web: { redirectUris: ['https://app.example/callback'] },
    })
    await admin.call('POST', '/servicePrincipals', { appId: application.appId })
    const { body: secret } = await admin.call('POST', `/applications/${application.id}/addPassword`)
    const client = { client_id: String(application.appId), redirect_uri: 'https://app.example/callback' }
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath({ ...client, scope: 'openid profile' }))
    const done = await browser.submit(page, { username: user.upn, password, do: 'signin' })
    const code = new URL(done.location ?? '').searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, ...client }
    expect((await requestToken(login.url, form)).body.error_codes).toEqual([7000218])
    expect((await requestToken(login.url, { ...form, client_secret: 'wrong' })).body.error_codes).toEqual([7000215])
    const answer = await requestToken(login.url, { ...form, client_secret: String(secret.secretText) })
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    expect(decodeJwt(String(answer.body.access_token))).toMatchObject({
      appidacr: '1',
      aud: 'https://graph.microsoft.com',
    })
    expect(answer.body.refresh_token).toBeUndefined()
  })
})

describe('the sign-in page', () => {
  it('is readable on a phone, by a keyboard, without a script; nothing can frame it', async () => {
    const { html, headers } = await new TestBrowser(login.url).open(authorizePath(pkce().query))
    expect(html).toContain('<html lang="en">')
    expect(html).toContain('name="viewport" content="width=device-width, initial-scale=1"')
    for (const name of ['username', 'password']) {
      expect(html).toContain(`<label for="${name}">`)
      expect(html).toContain(`id="${name}"`)
    }
    expect(html).toContain('autocomplete="current-password"')
    expect(html).not.toContain('<script')
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('set-cookie')).toMatch(/^__Host-.*; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  })

  it('says what was wrong beside what was typed, never the password, and escapes it', async () => {
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath(pkce().query))
    const wrong = await browser.submit(page, { username: '"><script>x</script>', password: 'S3cret!', do: 'signin' })
    expect(error(wrong)).toBe('The user name or the password is wrong.')
    expect(wrong.html).not.toContain('<script')
    expect(wrong.html).not.toContain('S3cret!')
    expect(wrong.html).toContain('aria-invalid="true"')
    const right = await browser.submit(wrong, { username: user.upn, password, do: 'signin' })
    expect(right.status).toBe(302)
  })

  it('tells a wrong name as it tells a wrong password', async () => {
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath(pkce().query))
    const one = await browser.submit(page, { username: user.upn, password: 'wrong', do: 'signin' })
    const other = await browser.submit(page, { username: 'nobody@example.com', password: 'wrong', do: 'signin' })
    expect([error(one), one.status]).toEqual([error(other), other.status])
  })

  it('is not taken from another browser, from another site, twice, or late', async () => {
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath(pkce().query))
    const typed = { username: user.upn, password, do: 'signin' }
    const stranger = new TestBrowser(login.url)
    await stranger.open('/device')
    for (const attempt of [
      new TestBrowser(login.url).submit(page, typed),
      stranger.submit(page, typed),
      browser.submit(page, typed, { origin: 'https://evil.example' }),
      browser.submit(page, typed, { origin: 'null' }),
      browser.submit(page, typed, { 'sec-fetch-site': 'cross-site' }),
      browser.open('/common/login', { method: 'POST', body: new URLSearchParams(typed) }),
    ]) {
      const shown = await attempt
      expect([shown.status, shown.location]).toEqual([400, null])
    }
    const own = { origin: login.url.replace('http:', 'https:'), 'sec-fetch-site': 'same-origin' }
    expect((await browser.submit(page, typed, own)).status).toBe(302)
    expect((await browser.submit(page, typed)).status).toBe(400)
    const late = await browser.open(authorizePath(pkce().query))
    fixture.clock.now += 16 * 60_000
    expect((await browser.submit(late, typed)).status).toBe(400)
  })

  it('locks a user out after ten wrong passwords, for a minute, whatever the way in', async () => {
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath(pkce().query))
    for (let attempt = 0; attempt < 10; attempt++) {
      await browser.submit(page, { username: user.upn, password: 'wrong', do: 'signin' })
    }
    const locked = await browser.submit(page, { username: user.upn.toUpperCase(), password, do: 'signin' })
    expect([locked.status, error(locked)]).toEqual([
      429,
      'There were too many wrong attempts for this user. Wait a minute, then try again.',
    ])
    expect((await ropc()).body.error_codes).toEqual([50053])
    fixture.clock.now += 61_000
    expect((await ropc()).status).toBe(200)
  })

  it('has a password changed that was given for once', async () => {
    user = await makeUser(true)
    expect((await ropc()).body.error_codes).toEqual([50055])
    const browser = new TestBrowser(login.url)
    const page = await browser.open(authorizePath(pkce().query))
    const early = { new_password: 'Another-horse-2', new_password_again: 'Another-horse-2', do: 'change' }
    expect((await browser.submit(page, early)).location).toBeNull()
    const change = await browser.submit(page, { username: user.upn, password, do: 'signin' })
    expect(change.html).toContain('Choose a new password')
    const choose = (one: string, again = one) =>
      browser.submit(change, { new_password: one, new_password_again: again, do: 'change' })
    expect(error(await choose('Another-horse-2', 'x'))).toBe('The two passwords are not the same.')
    expect(error(await choose(password))).toContain('other than the one')
    expect(error(await choose('weak'))).toContain('complexity')
    expect((await choose('Another-horse-2')).status).toBe(302)
    expect((await ropc()).body.error_codes).toEqual([50126])
    expect((await ropc({ password: 'Another-horse-2' })).status).toBe(200)
  })
})

describe('device code', () => {
  const begin = async () =>
    (await requestToken(login.url, { client_id: cli, scope }, { path: '/organizations/oauth2/v2.0/devicecode' })).body
  const poll = async (device: Record<string, unknown>) =>
    requestToken(login.url, {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      client_id: cli,
      device_code: String(device.device_code),
      client_info: '1',
    })
  const enter = async (browser: TestBrowser, code: string) =>
    browser.submit(await browser.open('/device'), { user_code: code })

  it('waits for the person, names the application, then signs in, once', async () => {
    const device = await begin()
    expect(device).toMatchObject({ expires_in: 900, interval: 5 })
    expect(device.message).toContain(String(device.user_code))
    expect((await poll(device)).body).toMatchObject({ error: 'authorization_pending', error_codes: [70016] })
    const browser = new TestBrowser(login.url)
    const code = String(device.user_code)
    const page = await enter(browser, ` ${code.slice(0, 4).toLowerCase()}-${code.slice(4)} `)
    expect(page.html).toContain('Microsoft Azure CLI')
    expect(page.html).toContain(code)
    const done = await browser.submit(page, { username: user.upn, password, do: 'signin' })
    expect(done.html).toContain('You are signed in')
    const answer = await poll(device)
    expect(answer.status).toBe(200)
    expect(decodeJwt(String(answer.body.id_token))).toMatchObject({ preferred_username: user.upn })
    expect((await poll(device)).body.error_codes).toEqual([70018])
    expect(error(await enter(browser, code))).toContain('not known')
  })

  it('can be declined, and expires', async () => {
    const browser = new TestBrowser(login.url)
    const declined = await begin()
    const page = await enter(browser, String(declined.user_code))
    expect((await browser.submit(page, { do: 'cancel' })).html).toContain('cancelled')
    expect((await poll(declined)).body).toMatchObject({ error: 'authorization_declined' })
    const late = await begin()
    fixture.clock.now += 900_000
    expect((await poll(late)).body).toMatchObject({ error: 'expired_token' })
    expect(error(await enter(browser, String(late.user_code)))).toContain('expired')
  })

  it('is not guessed: after thirty wrong codes none is taken for a minute', async () => {
    fixture.clock.now += 3600_000
    const device = await begin()
    const browser = new TestBrowser(login.url)
    for (let attempt = 0; attempt < 30; attempt++) await enter(browser, 'WRONGCODE')
    expect((await enter(browser, String(device.user_code))).status).toBe(429)
    fixture.clock.now += 61_000
    expect((await enter(browser, String(device.user_code))).html).toContain('Microsoft Azure CLI')
  })

  it('is for public clients, for a resource that there is', async () => {
    const path = '/organizations/oauth2/v2.0/devicecode'
    const codes = async (form: Record<string, string>) =>
      (await requestToken(login.url, form, { path })).body.error_codes
    expect(await codes({ scope })).toEqual([900144])
    expect(await codes({ client_id: randomUUID(), scope })).toEqual([700016])
    expect(await codes({ client_id: admin.appId, scope })).toEqual([7000218])
    expect(await codes({ client_id: cli, scope: 'https://unknown.example/.default' })).toEqual([500011])
    expect(await codes({ client_id: cli })).toEqual([900144])
  })
})

describe('a refresh token', () => {
  const refresh = (token: unknown, more: Record<string, string> = {}) =>
    requestToken(login.url, {
      grant_type: 'refresh_token',
      client_id: cli,
      refresh_token: String(token),
      scope: 'https://vault.azure.net/.default offline_access openid',
      ...more,
    })
  const first = async () => String((await ropc()).body.refresh_token)

  it('is for every resource, renewed from the second day on, stored as a digest', async () => {
    const token = await first()
    const { body } = await refresh(token)
    expect(decodeJwt(String(body.access_token)).aud).toBe('https://vault.azure.net')
    expect(body.refresh_token).toBe(token)
    fixture.clock.now += 25 * 3600_000
    const renewed = (await refresh(token)).body.refresh_token
    expect(renewed).not.toBe(token)
    expect((await refresh(renewed)).status).toBe(200)
    const rows = await fixture.store
      .database<{ identity_refresh_tokens: { digest: string } }>()
      .selectFrom('identity_refresh_tokens')
      .selectAll()
      .execute()
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  it('is of its client, of somebody whose password has not changed since', async () => {
    const token = await first()
    expect((await refresh(token, { client_id: '1950a258-227b-4e31-a9cf-717495945fc2' })).body.error_codes).toEqual([
      70000,
    ])
    expect((await refresh('1.made-up')).body.error_codes).toEqual([70000])
    fixture.clock.now += 1000
    await admin.call('PATCH', `/users/${user.id}`, { passwordProfile: { password: 'Another-horse-2' } })
    expect((await refresh(token)).body.error_codes).toEqual([50173])
  })

  it('ends when sessions are revoked, the account is disabled or deleted, or after ninety days', async () => {
    const revoked = await first()
    fixture.clock.now += 1000
    await admin.call('POST', `/users/${user.id}/revokeSignInSessions`)
    expect((await refresh(revoked)).body.error_codes).toEqual([50173])
    const disabled = await first()
    fixture.clock.now += 1000
    await admin.call('PATCH', `/users/${user.id}`, { accountEnabled: false })
    expect((await refresh(disabled)).body.error_codes).toEqual([50173])
    expect((await ropc()).body.error_codes).toEqual([50057])
    expect((await ropc({ password: 'wrong' })).body.error_codes).toEqual([50126])
    await admin.call('PATCH', `/users/${user.id}`, { accountEnabled: true })
    const deleted = await first()
    await admin.call('DELETE', `/users/${user.id}`)
    expect((await refresh(deleted)).body.error_codes).toEqual([70000])
    user = await makeUser()
    const old = await first()
    fixture.clock.now += 90 * 24 * 3600_000
    expect((await refresh(old)).body.error_codes).toEqual([700082])
  })
})

describe('a user in the directory', () => {
  it('reads it and itself, makes groups that it owns, and no more', async () => {
    const { body } = await ropc({ scope: 'https://graph.microsoft.com/.default' })
    const call = caller(graph, String(body.access_token))
    expect((await call('GET', '/me')).body).toMatchObject({ id: user.id, userPrincipalName: user.upn })
    expect((await call('GET', '/users')).status).toBe(200)
    expect((await call('POST', '/users', {})).status).toBe(403)
    expect((await call('DELETE', `/users/${user.id}`)).status).toBe(403)
    expect((await call('PATCH', `/users/${user.id}`, { accountEnabled: true })).status).toBe(403)
    const made = await call('POST', '/groups', {
      displayName: 'mine',
      mailNickname: 'mine',
      mailEnabled: false,
      securityEnabled: true,
    })
    expect(made.status).toBe(201)
    expect((await call('DELETE', `/groups/${made.body.id}`)).status).toBe(204)
  })
})

it('no password, code or token is in the log', async () => {
  const challenge = pkce()
  const code = await signInCode(new TestBrowser(login.url), challenge)
  const { body } = await redeem(code, challenge.verifier)
  await ropc({ password: 'Wrong-horse-99' })
  const log = fixture.logged.join('\n')
  for (const secret of [password, 'Wrong-horse-99', code, challenge.verifier, body.refresh_token, body.access_token]) {
    expect(log).not.toContain(secret)
  }
})
