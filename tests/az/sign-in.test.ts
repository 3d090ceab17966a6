/** Every way in which az signs in, and the code that it prints where it may not. */
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeCertificate } from '../support/applications.ts'
import { Az } from '../support/az.ts'
import { Browser } from '../support/browser.ts'
import { keysteadCommand, TestCloud } from '../support/cloud.ts'
import { Gateway } from '../support/gateway.ts'
import { OidcIssuer } from '../support/oidc-issuer.ts'
import { Rest } from '../support/rest.ts'

const canary = '00000000-1111-2222-3333-444444444444'
const reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
const password = 'Sonne-Mond-42'

let issuer: OidcIssuer
let cloud: TestCloud
let rest: Rest
let browser: Browser
let az: Az
let tenant: string
let subscription: string
/** May read the subscription. */
let app: { id: string; appId: string; objectId: string }
let secret: string
let alice: string

beforeAll(async () => {
  issuer = await OidcIssuer.start()
  cloud = await TestCloud.start({ NODE_EXTRA_CA_CERTS: issuer.certificatePath })
  ;({ AZURE_TENANT_ID: tenant, AZURE_SUBSCRIPTION_ID: subscription } = cloud.environment)
  rest = await Rest.asOwner(cloud)
  ;[browser, az, app, alice] = await Promise.all([
    Browser.start(cloud),
    Az.at(cloud),
    rest.application('deploy'),
    rest.user('alice', password),
  ])
  await rest.assign(reader, app.objectId, 'ServicePrincipal')
  await rest.assign(reader, alice, 'User')
  secret = await addSecret('2030-01-01T00:00:00Z')
  await writeFile(join(az.home, 'browser'), '#!/bin/sh\nprintf "opened %s\\n" "$1" >&2\n')
  await chmod(join(az.home, 'browser'), 0o755)
  az.environment.BROWSER = join(az.home, 'browser')
  Object.assign(az.environment, { app: app.appId, tenant })
})
afterAll(async () => {
  for (const each of [browser, az, cloud, issuer]) await each?.[Symbol.asyncDispose]()
})

async function addSecret(endDateTime: string): Promise<string> {
  const { secretText } = await rest.graph('POST', `/applications/${app.id}/addPassword`, {
    passwordCredential: { displayName: 'test', startDateTime: '2020-01-01T00:00:00Z', endDateTime },
  })
  return String(secretText)
}

/** What the token endpoint says to the application with this secret. */
async function tokenWith(clientSecret: string): Promise<unknown> {
  return ask({
    grant_type: 'client_credentials',
    client_id: app.appId,
    client_secret: clientSecret,
    scope: 'https://management.azure.com/.default',
  })
}

async function ask(form: Record<string, string>): Promise<unknown> {
  const { json } = await (await Gateway.of(cloud.environment)).send({
    host: 'login.microsoftonline.com',
    method: 'POST',
    path: `/${tenant}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  return json
}

const asApp = 'az login --service-principal --username "$app" --tenant "$tenant"'
/** In a configuration of its own: az would take a token that it has kept, whatever the credential. */
const afresh = (login: string) => `AZURE_CONFIG_DIR="$HOME/$RANDOM" ${login}`
const account = (user: Record<string, string>) => ({
  id: subscription,
  tenantId: tenant,
  homeTenantId: tenant,
  name: 'Keystead',
  state: 'Enabled',
  isDefault: true,
  user: expect.objectContaining(user),
})

describe('a service principal', () => {
  test('signs in with its secret; list, show, set, get-access-token, logout and clear know the account', async () => {
    const [signedIn] = await az.json<unknown[]>(`${asApp} --password "$secret"`, { secret })
    expect(signedIn).toMatchObject(account({ name: app.appId, type: 'servicePrincipal' }))
    expect(await az.json('az account set --subscription Keystead && az account show')).toMatchObject({
      id: subscription,
      environmentName: 'AzureCloud',
    })
    const token = await az.json<{ accessToken: string }>('az account get-access-token')
    expect(token).toMatchObject({ tokenType: 'Bearer', subscription, tenant, expires_on: expect.any(Number) })
    const [, claims = ''] = token.accessToken.split('.')
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ appid: app.appId, tid: tenant })

    const { message } = await az.refused('az account set --subscription nobody-has-this')
    expect(message).toContain("The subscription of 'nobody-has-this' doesn't exist")
    await az.succeed('az logout')
    expect(await az.json('az account list --only-show-errors')).toEqual([])
    await az.succeed(`${asApp} --password "$secret" --output none && az account clear`, { secret })
    expect((await az.refused('az account show')).message).toBe("Please run 'az login' to setup account.")
  })

  test('signs in with its certificate, and not with one that is not registered', async () => {
    const names = ['registered', 'unknown'] as const
    for (const name of names) {
      const { certificatePem, privateKeyPem } = await makeCertificate(name)
      await writeFile(join(az.home, `${name}.pem`), `${privateKeyPem}\n${certificatePem}\n`, { mode: 0o600 })
      if (name === 'unknown') continue
      await rest.graph('PATCH', `/applications/${app.id}`, {
        keyCredentials: [
          { type: 'AsymmetricX509Cert', usage: 'Verify', key: Buffer.from(certificatePem).toString('base64') },
        ],
      })
    }
    expect(await az.json(`${asApp} --certificate registered.pem`)).toMatchObject([{ id: subscription }])
    expect((await az.refused(afresh(`${asApp} --certificate unknown.pem`))).message).toMatch(/^AADSTS700027: /)
  })

  test('signs in with another issuer’s token, for the subject and the audience that were agreed on', async () => {
    await rest.graph('POST', `/applications/${app.id}/federatedIdentityCredentials`, {
      name: 'main',
      issuer: issuer.url,
      subject: 'build-main',
      audiences: ['api://AzureADTokenExchange'],
    })
    const login = afresh(`${asApp} --federated-token "$token"`)
    const token = await issuer.token('build-main')
    expect(await az.json(login, { token })).toMatchObject([{ id: subscription }])

    const other = await az.refused(login, { token: await issuer.token('build-other') })
    expect(other.message).toMatch(/^AADSTS700213: .*subject 'build-other'/)
    const elsewhere = await az.refused(login, { token: await issuer.token('build-main', 'api://other') })
    expect(elsewhere.message).toMatch(/^AADSTS700212: .*audience 'api:\/\/other'/)
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`
    expect((await az.refused(login, { token: forged })).message).toMatch(/^AADSTS50013: /)
  })

  test('is refused with a wrong secret, and with one that has ended', async () => {
    const login = afresh(`${asApp} --password "$wrong"`)
    const other = await az.refused(login, { wrong: `x${secret.slice(1)}` })
    expect(other.message).toMatch(/^AADSTS7000215: Invalid client secret provided/)
    const wrong = await addSecret(new Date(Date.now() + 1000).toISOString())
    await vi.waitFor(async () => expect(await tokenWith(wrong)).toMatchObject({ error_codes: [7000222] }), 10_000)
    expect((await az.refused(login, { wrong })).message).toMatch(/^AADSTS7000222: .* are expired/)
  })

  test('of one tenant is not known in another', async () => {
    const login = afresh('az login --service-principal --username "$app" --password "$secret" --tenant "$other"')
    // az says so with a traceback, whichever cloud it asks.
    const { code, stderr } = await az.run(login, { secret, other: canary })
    expect(code).toBe(1)
    expect(stderr).toContain(`AADSTS90002: Tenant '${canary}' not found.`)
  })

  test('is refused when nobody has registered it, and when it was deleted', async () => {
    const login = `az login --service-principal --username "$who" --password "$secret" --tenant "$tenant"`
    const unknown = await az.refused(login, { who: canary, secret })
    expect(unknown.message).toMatch(/^AADSTS700016: Application with identifier/)
    const gone = await rest.application('gone')
    await rest.graph('DELETE', `/servicePrincipals/${gone.objectId}`)
    expect((await az.refused(login, { who: gone.appId, secret })).message).toMatch(/^AADSTS700016: /)
  })
})

describe('an app’s managed identity', () => {
  let identity: { id: string; clientId: string; principalId: string }

  beforeAll(async () => {
    const group = `/subscriptions/${subscription}/resourceGroups/rg`
    await rest.arm('PUT', group, '2021-04-01', { location: 'westeurope' })
    const id = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-app`
    const { properties } = await rest.arm('PUT', id, '2023-01-31', { location: 'westeurope' })
    identity = { id, ...(properties as { clientId: string; principalId: string }) }
    await rest.assign(reader, identity.principalId, 'ServicePrincipal')
  })

  /** `az` inside an app: only what the app gets is in its environment. */
  const inApp = (flags: string, command: string) =>
    `"$keystead" run --data-dir "$data" --log-level error --app-id orders ${flags} -- env AZURE_CONFIG_DIR="$HOME/app" ${command}`
  const variables = () => ({ keystead: keysteadCommand, data: cloud.dataDirectory, ...identity })

  test('is signed in by its client id, object id or resource id, one after the other', async () => {
    const login = 'az login --identity --query [].user.assignedIdentityInfo --output tsv'
    const each = ['--client-id "$clientId"', '--object-id "$principalId"', '--resource-id "$id"']
    const script = each.map((selector) => `${login} ${selector}`).join(' && ')
    // The app is a shell, which runs the three in turn.
    const names = await az.text(
      inApp('--identity "$id"', `id="$id" clientId="$clientId" principalId="$principalId" sh -c '${script}'`),
      variables(),
    )
    expect(names.split('\n')).toEqual([
      `MSIClient-${identity.clientId}`,
      `MSIObject-${identity.principalId}`,
      `MSIResource-${identity.id}`,
    ])
  })

  test('is the app’s own without a selector, which another app or another run does not change', async () => {
    const system = inApp('--identity system', 'az login --identity')
    const without = await az.refused(system, variables())
    expect(without.message).toContain('No access was configured for the managed identity')
    const principals = (await rest.graph('GET', "/servicePrincipals?$filter=displayName%20eq%20'orders'")).value
    const [own] = principals as { id: string; servicePrincipalType: string }[]
    expect(own?.servicePrincipalType).toBe('ManagedIdentity')
    await rest.assign(reader, String(own?.id), 'ServicePrincipal', '/resourceGroups/rg')
    expect(await az.json(system, variables())).toMatchObject([
      { id: subscription, user: { assignedIdentityInfo: 'MSI' } },
    ])
  })

  test('is refused to an app that it was not given to, and to a shell that is no app', async () => {
    const refusal = await az.refused(inApp('--identity "$id"', 'az login --identity'), variables())
    expect(refusal.message).toContain('Unable to load the proper Managed Identity')
    const other = await az.refused(inApp('', 'az login --identity --client-id "$clientId"'), variables())
    expect(other.message).toContain('No User Assigned or Delegated Managed Identity found for specified ClientId')
    const shell = await az.refused('az login --identity')
    expect(shell.message).toContain('Instance metadata is answered to a replica')
  })
})

describe('a person', () => {
  /** Types with the keyboard alone; Tab leads from one field to the next. */
  async function type(page: Awaited<ReturnType<Browser['open']>>, ...texts: readonly string[]): Promise<void> {
    // Where the page puts the cursor by itself.
    await page.waitForFunction('document.activeElement.tagName === "INPUT"')
    for (const [index, text] of texts.entries()) {
      if (index > 0) await page.keyboard.press('Tab')
      await page.keyboard.type(text)
    }
    await page.keyboard.press('Enter')
  }

  test('signs in in a browser, by keyboard alone, after a wrong password; the page fits a phone', async () => {
    await using login = az.start('az login')
    const [, url = ''] = await login.until(/opened (https:\S+)/)
    const page = await browser.open(url, { width: 375, height: 667 })
    expect(await page.title()).toBe('Sign in - Keystead')
    await type(page, 'alice@contoso.example', 'not-her-password')
    await page.waitForSelector('[role=alert]')
    expect(await page.textContent('[role=alert]')).toBe('The user name or the password is wrong.')
    // Nothing is wider than the screen, every control is high enough for a finger.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
    for (const button of await page.locator('button').all()) {
      expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(44)
    }
    // The name is still there, the password is asked for again.
    await type(page, password)
    await page.waitForURL(/^http:\/\/localhost:\d+\//)
    expect(await page.textContent('body')).toContain('You have logged into Microsoft Azure!')
    expect(await login.ended).toMatchObject({ code: 0 })
    expect(JSON.parse(login.stdout)).toMatchObject([account({ name: 'alice@contoso.example', type: 'user' })])
  })

  test('stays signed in by the refresh token, for other resources as well, until her account is disabled', async () => {
    const cache = join(az.home, 'config/msal_token_cache.json')
    const kept = JSON.parse(await readFile(cache, 'utf8')) as { AccessToken: Record<string, unknown> }
    // As in an hour: what az has left is the refresh token.
    await writeFile(cache, JSON.stringify({ ...kept, AccessToken: {} }))
    const query = '--query [tenant,tokenType] --output tsv'
    expect(await az.text(`az account get-access-token ${query}`)).toBe(`${tenant}\nBearer`)
    expect(await az.text(`az account get-access-token --resource https://vault.azure.net ${query}`)).toContain(tenant)

    await rest.graph('PATCH', `/users/${alice}`, { accountEnabled: false })
    onTestFinished(async () => void (await rest.graph('PATCH', `/users/${alice}`, { accountEnabled: true })))
    const refusal = await az.refused('az account get-access-token --resource https://storage.azure.com')
    expect(refusal.message).toMatch(/^AADSTS50173: .*revoked/)
    expect(refusal.message).toContain('az login')
  })

  test('signs in on another device by its code, whatever the code’s case', async () => {
    await using login = az.start('az login --use-device-code')
    const [, address = '', code = ''] = await login.until(/open the page (\S+) and enter the code (\S+) /)
    const page = await browser.open(address)
    await type(page, 'WRONGCODE')
    await page.waitForSelector('[role=alert]')
    expect(await page.textContent('[role=alert]')).toContain('That code is not known, or has expired.')
    await type(page, code.toLowerCase())
    await page.waitForSelector('#password')
    expect(await page.textContent('main')).toContain(code)
    await type(page, 'alice@contoso.example', password)
    await page.waitForURL(/common\/login/)
    expect(await page.textContent('main')).toContain('Microsoft Azure CLI on your device goes on now.')
    expect(await login.ended).toMatchObject({ code: 0 })
    expect(JSON.parse(login.stdout)).toMatchObject([{ id: subscription, user: { name: 'alice@contoso.example' } }])
  })

  test('who declines on the page, or whose code the cloud no longer knows, is not signed in', async () => {
    await using login = az.start('az login --use-device-code')
    await using forgotten = az.start('az login --use-device-code')
    const [, address = '', code = ''] = await login.until(/open the page (\S+) and enter the code (\S+) /)
    const page = await browser.open(address)
    await type(page, code)
    await page.click('text=Cancel')
    expect(await login.ended).toMatchObject({ code: 1 })
    expect(login.stderr).toMatch(/ERROR: AADSTS65004: User declined to consent/)

    await forgotten.until(/enter the code/)
    process.kill(-forgotten.pid, 'SIGSTOP')
    await cloud.keystead('down')
    await cloud.keystead('up', '--detach')
    process.kill(-forgotten.pid, 'SIGCONT')
    expect(await forgotten.ended).toMatchObject({ code: 1 })
    expect(forgotten.stderr).toMatch(/ERROR: AADSTS70018: /)
  })

  test('chooses a password of her own at the first sign-in; who cancels is told so by az', async () => {
    await rest.user('nina', 'Given-to-her-1', {
      passwordProfile: { password: 'Given-to-her-1', forceChangePasswordNextSignIn: true },
    })
    await using login = az.start('az login --allow-no-subscriptions')
    const [, url = ''] = await login.until(/opened (https:\S+)/)
    const page = await browser.open(url)
    await type(page, 'nina@contoso.example', 'Given-to-her-1')
    await page.waitForSelector('#new_password')
    await type(page, 'Her-own-choice-2', 'Her-own-choice-3')
    await page.waitForSelector('[role=alert]')
    expect(await page.textContent('[role=alert]')).toBe('The two passwords are not the same.')
    await type(page, 'Her-own-choice-2', 'Her-own-choice-2')
    expect(await login.ended).toMatchObject({ code: 0 })

    await using cancelled = az.start('az login')
    const [, again = ''] = await cancelled.until(/opened (https:\S+)/)
    await (await browser.open(again)).click('text=Cancel')
    expect(await cancelled.ended).toMatchObject({ code: 1 })
    expect(cancelled.stderr).toMatch(/ERROR: .*AADSTS65004/)
  })

  test('is told apart: a wrong password, a disabled account, too many attempts', async () => {
    await rest.user('otto', password, { accountEnabled: false })
    await rest.user('dora', password)
    const login = 'az login --username "$who" --password "$word" --only-show-errors'
    const refused = async (who: string, word: string) =>
      (await az.refused(login, { who: `${who}@contoso.example`, word })).message
    expect(await refused('dora', 'not-hers')).toMatch(/AADSTS50126: .*invalid username or password/)
    expect(await refused('otto', password)).toMatch(/AADSTS50057: The user account is disabled/)

    const attempt = {
      grant_type: 'password',
      client_id: '04b07795-8ddb-461a-bbee-02f9e1bf7b46',
      scope: 'https://management.azure.com/.default',
      username: 'dora@contoso.example',
      password: 'not-hers',
    }
    for (let count = 1; count < 10; count++) expect(await ask(attempt)).toMatchObject({ error_codes: [50126] })
    // Now the right one does not help either.
    expect(await refused('dora', password)).toMatch(/AADSTS50053: The account is locked/)
  })
})

describe('a second subscription', () => {
  test('is created by an alias, belongs to its creator, and is worked in like the first', async () => {
    const owner = await Az.asOwner(cloud)
    onTestFinished(() => owner[Symbol.asyncDispose]())
    const create = `az rest --method put --url "/providers/Microsoft.Subscription/aliases/second?api-version=2021-10-01" \
      --body '{"properties":{"displayName":"Second","workload":"DevTest"}}'`
    const alias = await owner.json<{ properties: { subscriptionId: string } }>(create)
    const second = alias.properties.subscriptionId
    // Again is the same.
    expect(await owner.json(create)).toMatchObject({ properties: { subscriptionId: second, displayName: 'Second' } })
    const { AZURE_CLIENT_ID: who, AZURE_CLIENT_SECRET: word } = cloud.environment
    const login = 'az login --service-principal --username "$who" --password "$word" --tenant "$tenant"'
    const names = await owner.text(`${login} --query "sort([].name)" --output tsv`, { who, word, tenant })
    expect(names).toBe('Keystead\nSecond')

    await owner.succeed('az account set --subscription Second && az group create --name rg --location westeurope')
    expect(await owner.text('az group show --name rg --query id --output tsv')).toBe(
      `/subscriptions/${second}/resourceGroups/rg`,
    )
    await owner.succeed(
      `az role assignment create --role Reader --assignee "$app" --scope "/subscriptions/$second/resourceGroups/rg"
       az group delete --name rg --yes`,
      { app: app.appId, second },
    )
    // Who may not write subscriptions creates none, and does not see those of others.
    await az.succeed(`az account clear && ${asApp} --password "$secret" --output none`, { secret })
    const refusal = await az.refused(create)
    expect(refusal.message).toContain("perform action 'Microsoft.Subscription/aliases/write'")
    expect(await az.text('az account list --refresh --only-show-errors --query [].name --output tsv')).toBe('Keystead')
  })
})
