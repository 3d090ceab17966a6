import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  DeviceCodeCredential,
  ManagedIdentityCredential,
  type TokenCredential,
  UsernamePasswordCredential,
  WorkloadIdentityCredential,
} from '@azure/identity'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { TestBrowser } from './testing/browser.ts'
import { makeCertificate, type TestCertificate } from './testing/certificates.ts'
import { caller } from './testing/graph-client.ts'
import {
  createClient,
  type IdentityFixture,
  type Listening,
  listen,
  openFixture,
  tenantId,
} from './testing/identity-fixture.ts'

const vault = 'https://vault.azure.net'
const scope = `${vault}/.default`
const issuer = 'https://oidc.example.com'
const audience = 'api://AzureADTokenExchange'

let fixture: IdentityFixture
let tls: TestCertificate
let folder: string
let server: ReturnType<typeof createServer>
let endpoint: Listening
let pages: Listening
let client: Awaited<ReturnType<typeof createClient>>
let externalKey: Awaited<ReturnType<typeof generateKeyPair>>
let options: { authorityHost: string; disableInstanceDiscovery: boolean; tlsOptions: { ca: string } }

beforeAll(async () => {
  externalKey = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(externalKey.publicKey)), kid: 'external' }
  fixture = await openFixture({
    fetch: async (url) =>
      String(url).endsWith('openid-configuration')
        ? Response.json({ issuer, jwks_uri: `${issuer}/keys` })
        : Response.json({ keys: [jwk] }),
  })
  client = await createClient(fixture.identity)
  tls = await makeCertificate({ dnsName: 'localhost' })
  folder = await mkdtemp(join(tmpdir(), 'identity-'))
  server = createServer({ key: tls.privateKeyPem, cert: tls.certificatePem }, fixture.identity.tokenService)
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  options = {
    authorityHost: `https://localhost:${(server.address() as AddressInfo).port}`,
    // msal asks Microsoft about hosts that it does not know.
    disableInstanceDiscovery: true,
    tlsOptions: { ca: tls.certificatePem },
  }
  endpoint = await listen(fixture.identity.managedIdentityEndpoint)
  pages = await listen(fixture.identity.tokenService)
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await endpoint[Symbol.asyncDispose]()
  await pages[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
afterEach(() => {
  vi.unstubAllEnvs()
})

async function makeUser() {
  const graphToken = await new ClientSecretCredential(tenantId, client.appId, client.secret, options).getToken(
    'https://graph.microsoft.com/.default',
  )
  await fixture.identity.directory.ensureGlobalAdministrator(client.objectId)
  await using graph = await listen(fixture.identity.microsoftGraph)
  const nick = `u${randomUUID().slice(0, 8)}`
  const user = { upn: `${nick}@example.com`, password: 'Correct-horse-1' }
  const { body } = await caller(graph, graphToken.token)('POST', '/users', {
    displayName: nick,
    mailNickname: nick,
    userPrincipalName: user.upn,
    accountEnabled: true,
    passwordProfile: { password: user.password, forceChangePasswordNextSignIn: false },
  })
  return { ...user, id: String(body.id) }
}

async function callerOf(credential: TokenCredential, resource = vault) {
  const token = await credential.getToken(`${resource}/.default`)
  return fixture.identity.verifier.verify(`Bearer ${token?.token}`, [resource])
}

describe('@azure/identity', () => {
  it('ClientSecretCredential gets a token', async () => {
    const credential = new ClientSecretCredential(tenantId, client.appId, client.secret, options)
    expect(await callerOf(credential)).toMatchObject({ appId: client.appId, objectId: client.objectId })
  })

  it('ClientSecretCredential tells a wrong secret, an unknown client, an unknown tenant', async () => {
    const wrong = new ClientSecretCredential(tenantId, client.appId, 'wrong', options)
    await expect(wrong.getToken(scope)).rejects.toThrow(/AADSTS7000215/)
    const unknown = new ClientSecretCredential(tenantId, '99999999-0000-4000-8000-000000000000', 'x', options)
    await expect(unknown.getToken(scope)).rejects.toThrow(/AADSTS700016/)
    const elsewhere = new ClientSecretCredential('99999999-0000-4000-8000-000000000000', client.appId, 'x', options)
    await expect(elsewhere.getToken(scope)).rejects.toThrow(
      /AADSTS90002|endpoints_resolution_error|openid_config_error/,
    )
  })

  it('ClientCertificateCredential gets tokens for several resources with one assertion', async () => {
    const certificate = await makeCertificate()
    await fixture.identity.directory.addCertificate(client.appId, certificate)
    const pem = join(folder, 'client.pem')
    await writeFile(pem, `${certificate.privateKeyPem}\n${certificate.certificatePem}\n`)
    const credential = new ClientCertificateCredential(tenantId, client.appId, pem, options)
    const callers = await Promise.all([
      callerOf(credential),
      callerOf(credential),
      callerOf(credential, 'https://storage.azure.com'),
      callerOf(credential, 'https://management.azure.com'),
    ])
    for (const caller of callers) expect(caller.appId).toBe(client.appId)
    const sendingChain = new ClientCertificateCredential(tenantId, client.appId, pem, {
      ...options,
      sendCertificateChain: true,
    })
    expect(await callerOf(sendingChain)).toMatchObject({ appId: client.appId })
  })

  it('ClientCertificateCredential tells a certificate that is not registered', async () => {
    const stranger = await makeCertificate()
    const credential = new ClientCertificateCredential(
      tenantId,
      client.appId,
      { certificate: `${stranger.privateKeyPem}\n${stranger.certificatePem}\n` },
      options,
    )
    await expect(credential.getToken(scope)).rejects.toThrow(/AADSTS700027/)
  })

  it('DeviceCodeCredential signs a user in on the page that it names, then gets other tokens silently', async () => {
    const { upn, id, password } = await makeUser()
    const browser = new TestBrowser(pages.url)
    const credential = new DeviceCodeCredential({
      ...options,
      tenantId,
      userPromptCallback: ({ userCode, verificationUri }) => {
        void (async () => {
          const page = await browser.submit(await browser.open(new URL(verificationUri).pathname), {
            user_code: userCode,
          })
          await browser.submit(page, { username: upn, password, do: 'signin' })
        })()
      },
    })
    expect(await callerOf(credential)).toMatchObject({ objectId: id, kind: 'user', userPrincipalName: upn })
    expect(await callerOf(credential, 'https://management.azure.com')).toMatchObject({ objectId: id })
  })

  it('UsernamePasswordCredential signs a user in', async () => {
    const { upn, id, password } = await makeUser()
    const cli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
    const credential = new UsernamePasswordCredential(tenantId, cli, upn, password, options)
    expect(await callerOf(credential)).toMatchObject({ objectId: id, kind: 'user' })
    const wrong = new UsernamePasswordCredential(tenantId, cli, upn, 'wrong', options)
    await expect(wrong.getToken(scope)).rejects.toThrow(/AADSTS50126/)
  })

  it('ClientAssertionCredential and WorkloadIdentityCredential exchange another issuer’s token', async () => {
    await fixture.identity.directory.addFederatedCredential(client.appId, {
      name: 'external',
      issuer,
      subject: 'job',
      audiences: [audience],
    })
    const assertion = (subject: string) =>
      new SignJWT({ iss: issuer, sub: subject, aud: audience })
        .setProtectedHeader({ alg: 'RS256', kid: 'external' })
        .setExpirationTime('1h')
        .sign(externalKey.privateKey)
    expect(
      await callerOf(new ClientAssertionCredential(tenantId, client.appId, () => assertion('job'), options)),
    ).toMatchObject({ appId: client.appId })
    const refused = new ClientAssertionCredential(tenantId, client.appId, () => assertion('other'), options)
    await expect(refused.getToken(scope)).rejects.toThrow(/AADSTS700213/)
    const tokenFilePath = join(folder, 'token')
    await writeFile(tokenFilePath, await assertion('job'))
    const workload = new WorkloadIdentityCredential({ ...options, tenantId, clientId: client.appId, tokenFilePath })
    expect(await callerOf(workload)).toMatchObject({ appId: client.appId })
  })

  it('ManagedIdentityCredential gets tokens at IDENTITY_ENDPOINT, of the system or a named identity only', async () => {
    const { directory } = fixture.identity
    const system = await directory.createManagedIdentity({ resourceId: '/apps/shop', kind: 'SystemAssigned' })
    const user = await directory.createManagedIdentity({ resourceId: '/identities/orders', kind: 'UserAssigned' })
    const { header } = await directory.registerReplica({
      replicaId: 'shop--1',
      identityResourceIds: [system.resourceId, user.resourceId],
    })
    vi.stubEnv('IDENTITY_ENDPOINT', `${endpoint.url}/msi/token`)
    vi.stubEnv('IDENTITY_HEADER', header)
    expect(await callerOf(new ManagedIdentityCredential())).toMatchObject({ objectId: system.principalId })
    for (const named of [
      new ManagedIdentityCredential({ clientId: user.clientId }),
      new ManagedIdentityCredential({ resourceId: user.resourceId }),
      new ManagedIdentityCredential({ objectId: user.principalId }),
    ]) {
      expect(await callerOf(named)).toMatchObject({
        objectId: user.principalId,
        kind: 'managedIdentity',
        managedIdentityResourceId: '/identities/orders',
      })
    }
    const stranger = new ManagedIdentityCredential({ clientId: client.appId })
    await expect(stranger.getToken(scope)).rejects.toThrow(/No User Assigned or Delegated Managed Identity found/)
  })
})
