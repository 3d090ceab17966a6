import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SecretStore } from '../../../secret-store.ts'
import { selfSigned, signedBy } from '../../../testing/certificates.ts'
import { testContext } from '../../../testing/context.ts'
import {
  startHttpServer,
  startHttpsServer,
  startProxy,
  type TestProxy,
  type TestServer,
} from '../../../testing/servers.ts'
import { temporaryFile } from '../../../testing/temporary-file.ts'
import { factory } from './keyvault.ts'

/**
 * A server that replays what Key Vault was seen to send, to test what this component makes of it. That a vault really
 * gives and refuses so is tested against one, with the whole chain.
 */
const vault = 'v.vault.azure.net'
const vectors: readonly { name: string; text: string; body: string }[] = JSON.parse(
  readFileSync(new URL('../../../azure/vectors/response-errors.json', import.meta.url), 'utf8'),
)
const tokenVectors: readonly { name: string; text: string }[] = JSON.parse(
  readFileSync(new URL('../../../azure/vectors/token-errors.json', import.meta.url), 'utf8'),
)
const authority = selfSigned('test authority')
const identity = signedBy(authority, [vault])

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let server: TestServer
let identityEndpoint: TestServer
let proxy: TestProxy
let ca: Awaited<ReturnType<typeof temporaryFile>>
let answer: Answer
let identityAnswer: Answer
let seen: IncomingMessage[]
let identitySeen: IncomingMessage[]
let stores: SecretStore[]
let clientIds = 0

beforeAll(async () => {
  ca = await temporaryFile('ca.pem', authority.certificate)
  server = await startHttpsServer(identity, (request, response) => {
    // The SDK writes `api%2Dversion`.
    request.url = request.url?.replace('api%2Dversion', 'api-version')
    seen.push(request)
    if (request.headers.authorization === undefined) {
      const challenge =
        'Bearer authorization="https://login.windows.net/33333333-3333-3333-3333-333333333333", resource="https://vault.azure.net"'
      response.writeHead(401, { 'www-authenticate': challenge }).end('{"error":{"code":"Unauthorized","message":"x"}}')
    } else answer(request, response)
  })
  identityEndpoint = await startHttpServer((request, response) => {
    identitySeen.push(request)
    identityAnswer(request, response)
  })
  proxy = await startProxy({ [vault]: server.port })
})

afterAll(async () => {
  await Promise.all([server.close(), identityEndpoint.close(), proxy.close(), ca.remove()])
})

beforeEach(() => {
  seen = []
  identitySeen = []
  stores = []
  proxy.asked.length = 0
  vi.stubEnv('IDENTITY_ENDPOINT', `${identityEndpoint.url}/msi/token`)
  vi.stubEnv('IDENTITY_HEADER', 'header of this replica')
  identityAnswer = (_request, response) =>
    json(response, 200, {
      access_token: 'a-token',
      expires_on: `${Math.floor(Date.now() / 1000) + 3600}`,
      resource: 'https://vault.azure.net',
      token_type: 'Bearer',
    })
})

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close?.()))
  vi.unstubAllEnvs()
})

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function raw(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(body)
}

/** A client id of its own keeps the SDK's token cache, which is the process's, out of the next test. */
async function open(over: { metadata?: Record<string, string>; environment?: Record<string, string> } = {}) {
  const environment = {
    HTTPS_PROXY: proxy.url,
    HTTP_PROXY: proxy.url,
    SSL_CERT_FILE: ca.path,
    IDENTITY_ENDPOINT: `${identityEndpoint.url}/msi/token`,
    ...over.environment,
  }
  const metadata = { vaultName: 'v', azureClientId: `client-${++clientIds}`, ...over.metadata }
  const store = await factory.init(testContext({ metadata, environment }).context)
  if (!('getSecret' in store)) throw new TypeError('not a secret store')
  stores.push(store)
  return store
}

const signal = (): AbortSignal => AbortSignal.timeout(15_000)
const secret = (name: string, value: string) => ({
  value,
  id: `https://${vault}/secrets/${name}/1`,
  attributes: { enabled: true },
})
const item = (name: string, enabled = true) => ({ id: `https://${vault}/secrets/${name}`, attributes: { enabled } })

describe('a secret', () => {
  it('is got with a token of the managed identity, through the proxy, after one challenge', async () => {
    answer = (_request, response) => json(response, 200, secret('name', 'the value'))
    const store = await open()
    expect(seen).toEqual([])
    expect(await store.getSecret('name', {}, signal())).toEqual({ name: 'the value' })
    expect(await store.getSecret('name', {}, signal())).toEqual({ name: 'the value' })
    expect(seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/secrets/name/?api-version=7.5', undefined],
      ['/secrets/name/?api-version=7.5', 'Bearer a-token'],
      ['/secrets/name/?api-version=7.5', 'Bearer a-token'],
    ])
    expect(seen[0]?.headers['user-agent']).toMatch(/^dapr-/)
    expect(proxy.asked).toEqual([`CONNECT ${vault}:443`])
    expect(identitySeen).toHaveLength(1)
    expect(identitySeen[0]?.headers['x-identity-header']).toBe('header of this replica')
    expect(identitySeen[0]?.url).toMatch(/client_id=client-\d+/)
  })

  it('is got by its version', async () => {
    answer = (_request, response) => json(response, 200, secret('name', 'old'))
    await (await open()).getSecret('name', { version_id: '0a1b' }, signal())
    expect(seen.at(-1)?.url).toBe('/secrets/name/0a1b?api-version=7.5')
  })

  it('is found by a whole host name', async () => {
    answer = (_request, response) => json(response, 200, secret('name', 'x'))
    const store = await open({ metadata: { vaultName: `https://${vault}` } })
    expect(await store.getSecret('name', {}, signal())).toEqual({ name: 'x' })
  })

  it.each(['.', '..'])('named %s is refused before anything is sent', async (name) => {
    const store = await open()
    await expect(store.getSecret(name, {}, signal())).rejects.toThrow(`invalid secret name: ${name}`)
    await expect(store.getSecret('name', { version_id: name }, signal())).rejects.toThrow('invalid secret version')
    expect(seen).toEqual([])
  })

  it('without a name is refused as Go refuses it', async () => {
    await expect((await open()).getSecret('', {}, signal())).rejects.toThrow(/^parameter name cannot be empty$/)
  })

  it.each(['a/b', 'a%2Fb', 'a b', '☃', '%2e%2e', '../x', 'a?b', 'a#b', 'x'.repeat(2_000)])(
    'with an unusual name keeps it in one path segment: %.20s',
    async (name) => {
      answer = (_request, response) => json(response, 404, { error: { code: 'SecretNotFound', message: 'm' } })
      const refusal = (await open()).getSecret(name, {}, signal())
      await expect(refusal).rejects.toThrow(`GET https://${vault}/secrets/${name}/\n`)
      expect(seen.at(-1)?.url?.replace('?api-version=7.5', '')).toBe(`/secrets/${encodeURIComponent(name)}/`)
    },
  )
})

describe('a refusal', () => {
  it.each([
    ['a refused role, latest version', {}],
    ['a policy refusal by version', { version_id: '0123' }],
  ] as const)('reads as Go prints it: %s', async (name, metadata) => {
    const vector = vectors.find((candidate) => candidate.name === name)
    answer = (_request, response) => raw(response, 403, vector?.body ?? '')
    await expect((await open()).getSecret('name', metadata, signal())).rejects.toThrow(
      expect.objectContaining({ message: vector?.text.replace('https://v1.', 'https://v.') }),
    )
    expect(seen).toHaveLength(2)
  })

  it('is repeated by each request and forgotten once the vault gives the secret', async () => {
    const store = await open()
    answer = (_request, response) => json(response, 403, { error: { code: 'Forbidden', message: 'no' } })
    for (let time = 0; time < 2; time++) {
      await expect(store.getSecret('name', {}, signal())).rejects.toThrow('ERROR CODE: Forbidden')
    }
    answer = (_request, response) => json(response, 200, secret('name', 'again'))
    expect(await store.getSecret('name', {}, signal())).toEqual({ name: 'again' })
  })

  it('of a token is told', async () => {
    answer = (_request, response) => json(response, 401, { error: { code: 'Unauthorized', message: 'AKV10032' } })
    await expect((await open()).getSecret('name', {}, signal())).rejects.toThrow('RESPONSE 401: 401 Unauthorized')
  })

  it('for now is asked for again three times', async () => {
    answer = (_request, response) =>
      json(response, 503, { error: { code: 'ServiceUnavailable' } }, { 'retry-after-ms': '1' })
    await expect((await open()).getSecret('name', {}, signal())).rejects.toThrow(
      'RESPONSE 503: 503 Service Unavailable',
    )
    expect(seen).toHaveLength(5)
  })

  it('shows nothing of an answer that can not be read', async () => {
    answer = (_request, response) => raw(response, 200, '{"value":"hunter2-secret')
    const error: unknown = await (await open()).getSecret('name', {}, signal()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2')
  })
})

describe('what is between', () => {
  it('a vault that does not answer is left at the deadline', async () => {
    answer = () => undefined
    const refusal = (await open()).getSecret('name', {}, AbortSignal.timeout(300))
    await expect(refusal).rejects.toThrow(/^context deadline exceeded$/)
  })

  it('a certificate that is not trusted is refused', async () => {
    const other = await temporaryFile('other.pem', selfSigned('another authority').certificate)
    const store = await open({ environment: { SSL_CERT_FILE: other.path } })
    const call = new AbortController()
    const refusal = store.getSecret('name', {}, AbortSignal.any([call.signal, AbortSignal.timeout(300)]))
    await expect(refusal).rejects.toThrow()
    expect(seen).toEqual([])
    await other.remove()
  })

  it('a vault in another cloud is asked at its own name', async () => {
    const store = await open({ metadata: { azureEnvironment: 'AzureUSGovernmentCloud' } })
    await expect(store.getSecret('name', {}, AbortSignal.timeout(300))).rejects.toThrow()
    expect(proxy.asked[0]).toBe('CONNECT v.vault.usgovcloudapi.net:443')
  })
})

describe('a sign-in that is refused', () => {
  it('reads as Go prints it', async () => {
    const body =
      '{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.","correlationId":"c"}'
    identityAnswer = (_request, response) => raw(response, 400, body)
    const text = tokenVectors.find(({ name }) => name === 'chain=true appservice 400')?.text
    await expect((await open()).getSecret('name', {}, signal())).rejects.toThrow(
      expect.objectContaining({ message: text?.replaceAll('http://127.0.0.1:1/', `${identityEndpoint.url}/`) }),
    )
    expect(identitySeen).toHaveLength(1)
  })

  it('is tried again by the next request', async () => {
    const give = identityAnswer
    identityAnswer = (_request, response) => raw(response, 400, '{}')
    answer = (_request, response) => json(response, 200, secret('name', 'value'))
    const store = await open()
    await expect(store.getSecret('name', {}, signal())).rejects.toThrow('ChainedTokenCredential authentication failed.')
    identityAnswer = give
    expect(await store.getSecret('name', {}, signal())).toEqual({ name: 'value' })
  })

  it('shows nothing of an answer that can not be read', async () => {
    identityAnswer = (_request, response) => raw(response, 200, '{"access_token":"hunter2-token","expires_on":"soon"')
    const error: unknown = await (await open()).getSecret('name', {}, signal()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2')
  })
})

describe('all secrets', () => {
  const pages: Readonly<Record<string, unknown>> = {
    '/secrets?api-version=7.5': {
      value: [item('one'), item('off', false)],
      nextLink: `https://${vault}/secrets?api-version=7.5&$skiptoken=2`,
    },
    '/secrets?api-version=7.5&$skiptoken=2': { value: [item('two')], nextLink: null },
  }
  const give: Answer = (request, response) => {
    const page = pages[request.url ?? '']
    if (page) return json(response, 200, page)
    const name = request.url?.split('/')[2] ?? ''
    return json(response, 200, secret(name, `value of ${name}`))
  }

  it('are listed over every page, then got one by one, without those that are disabled', async () => {
    answer = give
    expect(await (await open()).bulkGetSecret({}, signal())).toEqual({
      one: { one: 'value of one' },
      two: { two: 'value of two' },
    })
  })

  it('end after the page with which there are enough', async () => {
    answer = give
    expect(Object.keys(await (await open()).bulkGetSecret({ maxresults: '1' }, signal()))).toEqual(['one'])
  })

  it('are refused with a number that is none', async () => {
    await expect((await open()).bulkGetSecret({ maxresults: 'all' }, signal())).rejects.toThrow(
      /^strconv\.Atoi: parsing "all": invalid syntax$/,
    )
  })

  it('are refused as a whole when one is', async () => {
    answer = (request, response) =>
      request.url?.startsWith('/secrets/two')
        ? json(response, 403, { error: { code: 'Forbidden' } })
        : give(request, response)
    await expect((await open()).bulkGetSecret({}, signal())).rejects.toThrow(`GET https://${vault}/secrets/two/\n`)
  })

  it('are refused without the right to list', async () => {
    answer = (_request, response) => json(response, 403, { error: { code: 'Forbidden' } })
    await expect((await open()).bulkGetSecret({}, signal())).rejects.toThrow(`GET https://${vault}/secrets\n`)
  })
})
