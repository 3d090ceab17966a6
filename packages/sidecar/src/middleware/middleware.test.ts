import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Logger } from '../log/logger.ts'
import { createPipeline, type LoadedMiddleware, type PipelineRequest } from './pipeline.ts'
import { middlewareFactory } from './registry.ts'

const lines: string[] = []
const note = (line: string) => lines.push(line)
const log = { debug: note, info: note, warn: note, error: note } as unknown as Logger
const signal = new AbortController().signal

async function create(type: string, metadata: Record<string, string>) {
  const factory = await middlewareFactory(`middleware.http.${type}`, 'v1')
  if (!factory) throw new Error(`no ${type}`)
  return factory({ metadata, log, signal })
}

function request(given: Partial<PipelineRequest> = {}): PipelineRequest {
  return { method: 'GET', path: '/', query: '', headers: [], body: new Uint8Array(0), ...given }
}

let server: Server
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void
let url: string

beforeAll(async () => {
  server = createServer(async (incoming, response) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    answer(incoming, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => server.close())

describe('uppercase', () => {
  it('writes a body in capitals, characters cut in two among them', async () => {
    const middleware = await create('uppercase', {})
    const given = request({ body: Readable.from([Buffer.from([0x61, 0xc3]), Buffer.from([0xa4])]) })
    await middleware.handle(given)
    const chunks: Buffer[] = []
    for await (const chunk of given.body as Readable) chunks.push(Buffer.from(chunk))
    expect(Buffer.concat(chunks).toString()).toBe('AÄ')
  })
})

describe('routerchecker', () => {
  it('lets only what its rule matches go on', async () => {
    const middleware = await create('routerchecker', { rule: '^/v1\\.0/state/' })
    expect(await middleware.handle(request({ path: '/v1.0/state/s/k' }))).toBeUndefined()
    expect(await middleware.handle(request({ path: '/v1.0/secrets/s/k' }))).toMatchObject({ status: 400 })
    await expect(create('routerchecker', { rule: '(' })).rejects.toThrow('failed to compile rule regexp')
  })
})

describe('routeralias', () => {
  it('puts a path in the place of another, its parts as parameters', async () => {
    const routes = '{"/orders/{id}": "/v1.0/state/orders/x", "/plain": "/other"}'
    const middleware = await create('routeralias', { routes })
    const given = request({ path: '/orders/7', query: 'a=1' })
    await middleware.handle(given)
    expect([given.path, given.query]).toEqual(['/v1.0/state/orders/x', 'a=1&id=7'])
    const other = request({ path: '/unknown' })
    await middleware.handle(other)
    expect(other.path).toBe('/unknown')
  })
})

describe('ratelimit', () => {
  it('turns a caller away that asks too often, and not another', async () => {
    const middleware = await create('ratelimit', { maxRequestsPerSecond: '2' })
    const from = (remoteAddress: string) => middleware.handle(request({ remoteAddress }))
    expect([await from('a'), await from('a')]).toEqual([undefined, undefined])
    expect(await from('a')).toMatchObject({ status: 429, body: 'You have reached maximum request limit.' })
    expect(await from('b')).toBeUndefined()
    await expect(create('ratelimit', { maxRequestsPerSecond: '0' })).rejects.toThrow('must be a positive value')
  })
})

describe('bearer', () => {
  it("lets a token of its issuer for its audience in, and none else's", async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const stranger = await generateKeyPair('RS256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }
    answer = (incoming, response) => {
      const document = incoming.url === '/keys' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/keys` }
      response.end(JSON.stringify(document))
    }
    const middleware = await create('bearer', { issuer: url, audience: 'api' })
    const token = (key: Parameters<SignJWT['sign']>[0], audience: string, expires: string) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(url)
        .setAudience(audience)
        .setExpirationTime(expires)
        .sign(key)
    const outcome = async (value: string) =>
      (await middleware.handle(request({ headers: ['Authorization', value] })))?.status
    expect(await outcome(`Bearer ${await token(privateKey, 'api', '1h')}`)).toBeUndefined()
    expect(await outcome(`bearer ${await token(privateKey, 'other', '1h')}`)).toBe(401)
    expect(await outcome(`Bearer ${await token(privateKey, 'api', '-1h')}`)).toBe(401)
    expect(await outcome(`Bearer ${await token(stranger.privateKey, 'api', '1h')}`)).toBe(401)
    expect(await outcome('')).toBe(401)
    await expect(create('bearer', { issuer: `${url}/`, audience: 'api' })).rejects.toThrow(
      "doesn't match the one provided",
    )
  })
})

describe('oauth2clientcredentials', () => {
  it('adds a token of its own, asked for once, and says nothing of secrets', async () => {
    let asked = 0
    answer = (_incoming, response, body) => {
      asked++
      expect(new URLSearchParams(body).get('grant_type')).toBe('client_credentials')
      response.setHeader('Content-Type', 'application/json')
      response.end('{"access_token":"t0ken","token_type":"bearer","expires_in":3600}')
    }
    const middleware = await create('oauth2clientcredentials', {
      ...{
        headerName: 'Authorization',
        clientID: 'id',
        clientSecret: 'se:cret',
        scopes: 'a,b',
        tokenURL: `${url}/token`,
      },
      pathFilter: '^/in',
    })
    const inside = request({ path: '/in' })
    await Promise.all([middleware.handle(inside), middleware.handle(request({ path: '/in' }))])
    expect(inside.headers).toEqual(['Authorization', 'Bearer t0ken'])
    const outside = request({ path: '/out' })
    await middleware.handle(outside)
    expect([outside.headers, asked]).toEqual([[], 1])
    expect(lines.join('\n')).not.toMatch(/se:cret|t0ken/)
    await expect(create('oauth2clientcredentials', {})).rejects.toThrow("Parameter 'headerName' needs to be set.")
  })
})

describe('oauth2', () => {
  it('sends a caller to sign in, and lets it in when it comes back with its code', async () => {
    answer = (_incoming, response, body) => {
      const ok = new URLSearchParams(body).get('code') === 'good'
      response.writeHead(ok ? 200 : 400, { 'Content-Type': 'application/json' })
      response.end('{"access_token":"t0ken","token_type":"bearer"}')
    }
    const middleware = await create('oauth2', {
      ...{ clientID: 'id', clientSecret: 's', authURL: 'https://login.example/authorize', tokenURL: `${url}/token` },
      ...{ authHeaderName: 'X-Token', redirectURL: 'http://app.example/back', scopes: 'a,b' },
    })
    const first = await middleware.handle(request({ path: '/wanted', query: 'x=1' }))
    const headers = Object.fromEntries(
      Array.from({ length: (first?.headers.length ?? 0) / 2 }, (_, i) => first?.headers.slice(2 * i, 2 * i + 2) ?? []),
    ) as Record<string, string>
    const target = new URL(headers['Location'] ?? '')
    expect([first?.status, target.host, target.searchParams.get('scope')]).toEqual([302, 'login.example', 'a b'])
    const cookie = headers['Set-Cookie']?.split(';')[0] ?? ''
    const back = (query: string) => middleware.handle(request({ path: '/back', query, headers: ['Cookie', cookie] }))
    const state = target.searchParams.get('state')
    expect(await back('state=forged&code=good')).toMatchObject({ status: 400 })
    expect(await back(`state=${state}`)).toMatchObject({ status: 400 })
    expect(await back(`state=${state}&code=bad`)).toMatchObject({ status: 500 })
    expect(await back(`state=${state}&code=good`)).toMatchObject({ status: 302, headers: ['Location', '/wanted?x=1'] })
    const again = request({ path: '/wanted', headers: ['Cookie', cookie] })
    expect(await middleware.handle(again)).toBeUndefined()
    expect(again.headers).toEqual(['Cookie', cookie, 'X-Token', 'Bearer t0ken'])
  })
})

describe('a pipeline', () => {
  it('goes through its handlers in order, and past those that are not loaded', async () => {
    const seen: string[] = []
    const handler = (name: string): LoadedMiddleware => ({
      type: 'middleware.http.x',
      version: 'v1',
      handle: () => {
        seen.push(name)
        return undefined
      },
    })
    const loaded = new Map([
      ['b', handler('b')],
      ['a', handler('a')],
    ])
    const names = ['a', 'missing', 'b'].map((name) => ({ name, type: 'middleware.http.x' }))
    await createPipeline(names, loaded, log)?.run(request())
    expect(seen).toEqual(['a', 'b'])
    expect(createPipeline([], loaded, log)).toBeUndefined()
  })
})
