import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { selfSigned, signedBy } from '../testing/certificates.ts'
import { startHttpServer, startHttpsServer, startProxy, type TestProxy, type TestServer } from '../testing/servers.ts'
import { temporaryFile } from '../testing/temporary-file.ts'
import { createAzureCredential } from './credentials.ts'
import type { AuthenticationSettings } from './environment.ts'
import { type AzureHttpClient, createAzureHttpClient } from './http-client.ts'

/** A server that replays what Entra sends, to test what becomes of it here; real sign-ins are tested with the whole chain. */
const tenant = '33333333-3333-3333-3333-333333333333'
const scope = 'https://vault.azure.net/.default'
const authority = selfSigned('test authority')
const vectors: readonly { name: string; text: string }[] = JSON.parse(
  readFileSync(new URL('./vectors/token-errors.json', import.meta.url), 'utf8'),
)
const text = (name: string): string => vectors.find((vector) => vector.name === name)?.text ?? ''
const refusal =
  '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: t","error_codes":[7000215],"timestamp":"2026-01-01 00:00:00Z","trace_id":"t","correlation_id":"c"}'

let entra: TestServer
let proxy: TestProxy
let ca: Awaited<ReturnType<typeof temporaryFile>>
let answer: (request: IncomingMessage, body: URLSearchParams, response: ServerResponse) => void
let forms: URLSearchParams[]
let httpClient: AzureHttpClient
let environment: Record<string, string>
let ids = 0

beforeAll(async () => {
  ca = await temporaryFile('ca.pem', authority.certificate)
  entra = await startHttpsServer(signedBy(authority, ['login.microsoftonline.com']), (request, response) => {
    const base = `https://login.microsoftonline.com/${tenant}`
    if (request.url?.includes('openid-configuration')) {
      const endpoints = {
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
      }
      response.end(JSON.stringify({ ...endpoints, issuer: `${base}/v2.0`, jwks_uri: `${base}/discovery/v2.0/keys` }))
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      forms.push(form)
      answer(request, form, response)
    })
  })
  proxy = await startProxy({ 'login.microsoftonline.com': entra.port })
})

afterAll(async () => {
  await Promise.all([entra.close(), proxy.close(), ca.remove()])
})

beforeEach(() => {
  forms = []
  proxy.asked.length = 0
  environment = { HTTPS_PROXY: proxy.url, SSL_CERT_FILE: ca.path }
  answer = (_request, _form, response) =>
    response
      .setHeader('content-type', 'application/json')
      .end('{"token_type":"Bearer","expires_in":3600,"access_token":"a-token"}')
})

afterEach(() => {
  httpClient.close()
  vi.unstubAllEnvs()
})

const none: AuthenticationSettings = {
  azureEnvironment: '',
  azureAuthMethods: '',
  azureTenantId: '',
  azureClientId: '',
  azureClientSecret: '',
  azureCertificate: '',
  azureCertificateFile: '',
  azureCertificatePassword: '',
}

function signIn(settings: Partial<AuthenticationSettings>) {
  httpClient = createAzureHttpClient({ environment, sleep: async () => undefined })
  return createAzureCredential({ settings: { ...none, ...settings }, environment, httpClient })
}

const application = () => ({ azureTenantId: tenant, azureClientId: `app-${++ids}` })

describe('a client secret', () => {
  it('gets a token through the proxy', async () => {
    const settings = { ...application(), azureClientSecret: 's3cr3t' }
    const token = await (await signIn(settings)).getToken(scope)
    expect(token?.token).toBe('a-token')
    expect(forms[0]?.get('client_id')).toBe(settings.azureClientId)
    expect(forms[0]?.get('client_secret')).toBe('s3cr3t')
    expect(forms[0]?.get('scope')).toContain(scope)
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT login.microsoftonline.com:443']))
  })

  it('that is wrong is told as Go tells it, and no other way is tried', async () => {
    answer = (_request, _form, response) => response.writeHead(401).end(refusal)
    const credential = await signIn({ ...application(), azureClientSecret: 's3cr3t' })
    await expect(credential.getToken(scope)).rejects.toThrow(
      expect.objectContaining({ message: text('chain client secret 401') }),
    )
  })

  it('is told as Go tells it when Entra can not be reached', async () => {
    environment = { ...environment, HTTPS_PROXY: '' }
    const gone = await startProxy({})
    await gone.close()
    environment = { ...environment, HTTPS_PROXY: gone.url }
    const credential = await signIn({ ...application(), azureClientSecret: 's3cr3t' })
    const message = await credential.getToken(scope).catch((error: Error) => error.message)
    expect(message).toMatch(
      /^ChainedTokenCredential: failed to acquire a token\.\nAttempted credentials:\n\tClientSecretCredential: .*server response error:\n (Get|Post) "https:\/\/login\.microsoftonline\.com\/.+": proxyconnect tcp: dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/,
    )
  })
})

describe('a client certificate', () => {
  it('signs an assertion, and its key stays here', async () => {
    const { certificate, key } = selfSigned('an application')
    const credential = await signIn({ ...application(), azureCertificate: certificate + key })
    expect((await credential.getToken(scope))?.token).toBe('a-token')
    expect(forms[0]?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const [header] = forms[0]?.get('client_assertion')?.split('.') ?? []
    expect(JSON.parse(Buffer.from(header ?? '', 'base64url').toString())).toHaveProperty('x5t#S256')
  })
})

describe('a workload identity', () => {
  it("sends the token file's content as it is now", async () => {
    const file = await temporaryFile('token', 'a.federated.token')
    environment = {
      ...environment,
      AZURE_CLIENT_ID: `app-${++ids}`,
      AZURE_TENANT_ID: tenant,
      AZURE_FEDERATED_TOKEN_FILE: file.path,
    }
    expect((await (await signIn({ azureAuthMethods: 'wi' })).getToken(scope))?.token).toBe('a-token')
    expect(forms[0]?.get('client_assertion')).toBe('a.federated.token')
    await file.remove()
  })

  it('without its file is told as Go tells it', async () => {
    environment = {
      ...environment,
      AZURE_CLIENT_ID: `app-${++ids}`,
      AZURE_TENANT_ID: tenant,
      AZURE_FEDERATED_TOKEN_FILE: '/nonexistent/token',
    }
    await expect((await signIn({ azureAuthMethods: 'wi' })).getToken(scope)).rejects.toThrow(
      `\n\t${text('workload identity without its file')}`,
    )
  })
})

describe('the instance metadata service', () => {
  it('that is not there leaves the other ways, and is told as Go tells it', async () => {
    const gone = await startHttpServer(() => undefined)
    await gone.close()
    environment = { ...environment, HTTP_PROXY: gone.url }
    vi.stubEnv('PATH', '/nonexistent')
    const credential = await signIn({ ...application(), azureAuthMethods: 'spiffe,mi,cli' })
    await expect(credential.getToken(scope)).rejects.toThrow(
      'ChainedTokenCredential: failed to acquire a token.\nAttempted credentials:\n\tSPIFFE workload identity: no JWT SVID source in the context\n\tmanaged identity\n\tAzureCLICredential: Azure CLI not found on path',
    )
  })

  describe('behind HTTP_PROXY', () => {
    let imds: TestServer
    let identityAnswer: (response: ServerResponse) => void
    beforeAll(async () => {
      imds = await startHttpServer((request, response) => {
        if (request.headers.metadata === 'true') identityAnswer(response)
        else response.writeHead(400).end()
      })
    })
    afterAll(() => imds.close())
    beforeEach(() => {
      environment = { ...environment, HTTP_PROXY: imds.url }
    })

    it.each([
      ['imds 400 system', ''],
      ['imds 400 user', 'cid'],
    ])('that has no identity is told as Go tells it: %s', async (name, azureClientId) => {
      identityAnswer = (response) =>
        response.writeHead(400).end('{"error":"invalid_request","error_description":"Identity not found"}')
      const credential = await signIn({ azureAuthMethods: 'mi', azureClientId })
      await expect(credential.getToken(scope)).rejects.toThrow(
        expect.objectContaining({ message: text(`chain=true ${name}`) }),
      )
    })

    it('gives a token', async () => {
      identityAnswer = (response) =>
        response
          .setHeader('content-type', 'application/json')
          .end(
            '{"access_token":"from-imds","expires_in":"3600","resource":"https://vault.azure.net","token_type":"Bearer"}',
          )
      const credential = await signIn({ azureAuthMethods: 'mi', azureClientId: `identity-${++ids}` })
      expect((await credential.getToken(scope))?.token).toBe('from-imds')
    })
  })
})
