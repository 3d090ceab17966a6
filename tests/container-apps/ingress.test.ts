/** Real clients reach apps through the gateway and the ingress. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  credentials,
  Client as GrpcClient,
  Server as GrpcServer,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { DOMAIN, IngressFixture } from './ingress-fixture.ts'

let fixture: IngressFixture
beforeAll(async () => {
  fixture = await IngressFixture.start()
})
afterAll(() => fixture[Symbol.asyncDispose]())

/** Answers with its name and what it was asked. */
const named = (name: string) => async (request: IncomingMessage, response: ServerResponse) => {
  const body = await buffer(request)
  const { method, url, headers } = request
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ name, method, url, headers, body: body.toString() }))
}

interface Told {
  readonly name: string
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

const get = (url: string, headers: Record<string, string> = {}) =>
  request(url, { dispatcher: fixture.dispatcher, headers })

async function namesOf(url: string, count: number, headers: Record<string, string> = {}): Promise<Set<string>> {
  const names = new Set<string>()
  for (let index = 0; index < count; index += 1) {
    const { body } = await get(url, headers)
    names.add(((await body.json()) as Told).name)
  }
  return names
}

describe('requests', () => {
  test.each([
    ['--http2', '2'],
    ['--http1.1', '1.1'],
  ])('curl %s posts a body, and the app is told where it came from', async (option, version) => {
    const { host } = await fixture.app('web', { 'web--1': [named('web')] })
    const output = await fixture.curl(
      option,
      '--write-out',
      '\n%{http_code} %{http_version}',
      '--data',
      'some=form',
      '--header',
      'X-Forwarded-Proto: forged',
      '--header',
      'Connection: x-named',
      '--header',
      'X-Named: of this connection only',
      `https://${host}/path?a=%20b`,
    )
    const [json = '', summary] = output.split('\n')
    expect(summary).toBe(`200 ${version}`)
    const told = JSON.parse(json) as Told
    expect(told).toMatchObject({ method: 'POST', url: '/path?a=%20b', body: 'some=form' })
    expect(told.headers).toMatchObject({
      host,
      'content-type': 'application/x-www-form-urlencoded',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': host,
      'x-forwarded-proto': 'https',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    // HTTP/2 has no such header, so there it is one like any other.
    if (version === '1.1') expect(told.headers).not.toHaveProperty('x-named')
  })

  test('without the proxy an app answers on its local name', async () => {
    const { host } = await fixture.app('local', { 'local--1': [named('local')] })
    const name = host.replace('.azurecontainerapps.io', '.apps.keystead.localhost')
    const { plain } = fixture.ingress.ports
    const json = await fixture.curl(
      '--noproxy',
      '*',
      '--resolve',
      `${name}:${plain}:127.0.0.1`,
      `http://${name}:${plain}/here`,
    )
    const told = JSON.parse(json) as Told
    expect(told).toMatchObject({ name: 'local', url: '/here' })
    expect(told.headers).toMatchObject({ host, 'x-forwarded-host': `${name}:${plain}`, 'x-forwarded-proto': 'http' })
  })

  test('plain HTTP is redirected, but for an app that allows it', async () => {
    const strict = await fixture.app('strict', { 'strict--1': [named('strict')] })
    const answer = await fixture.curl('--head', `http://${strict.host}/a?b=c`)
    expect(answer).toMatch(/^HTTP\/1\.1 301 /)
    expect(answer).toContain(`location: https://${strict.host}/a?b=c`)
    const lax = await fixture.app('lax', { 'lax--1': [named('lax')] }, { allowInsecure: true })
    const told = JSON.parse(await fixture.curl(`http://${lax.host}/a`)) as Told
    expect(told.headers).toMatchObject({ host: lax.host, 'x-forwarded-proto': 'http' })
  })

  test('what comes back is the app’s: status, repeated headers, compressed bytes', async () => {
    const bytes = randomBytes(3000)
    const { host } = await fixture.app('raw', {
      'raw--1': [
        (_request, response) => {
          response.writeHead(418, [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
            ['Connection', 'X-Own'],
            ['X-Own', 'of this connection'],
            ['Content-Encoding', 'gzip'],
          ])
          response.end(bytes)
        },
      ],
    })
    const { statusCode, headers, body } = await get(`https://${host}/`)
    expect(statusCode).toBe(418)
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(headers).not.toHaveProperty('x-own')
    expect(Buffer.from(await body.arrayBuffer())).toEqual(bytes)
  })

  test('a large body goes up and comes down whole, by HTTP/2 and by HTTP/1.1', async () => {
    const { host } = await fixture.app('large', {
      'large--1': [(request, response) => void request.pipe(response)],
    })
    const sent = Array.from({ length: 24 * 16 }, () => randomBytes(64 * 1024))
    const digest = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
      const hash = createHash('sha256')
      for await (const chunk of chunks) hash.update(chunk)
      return hash.digest('hex')
    }
    const whole = await digest(sent)
    for (const dispatcher of [fixture.dispatcher, fixture.http1Dispatcher]) {
      const { body } = await request(`https://${host}/`, { dispatcher, method: 'POST', body: Readable.from(sent) })
      expect(await digest(body)).toBe(whole)
    }
  })

  test('an answer is streamed, while the request still is', async () => {
    const { host } = await fixture.app('stream', {
      'stream--1': [(request, response) => void request.on('data', (chunk) => response.write(`<${chunk}>`))],
    })
    const socket = await fixture.connect(host, 'h2')
    const session = connectHttp2(`https://${host}`, { createConnection: () => socket })
    onTestFinished(() => session.destroy())
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    for (const word of ['one', 'two', 'three']) {
      stream.write(word)
      const [chunk] = (await once(stream, 'data')) as [Buffer]
      expect(chunk.toString()).toBe(`<${word}>`)
    }
  })

  test('an app is told when its client has gone', async () => {
    const gone = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const { host, appId } = await fixture.app('hang', {
      'hang--1': [
        (_request, response) => {
          response.once('close', gone.resolve)
          arrived.resolve()
        },
      ],
    })
    const abort = new AbortController()
    const asked = request(`https://${host}/`, { dispatcher: fixture.dispatcher, signal: abort.signal })
    await arrived.promise
    expect(fixture.ingress.sampleConcurrency(appId, 'hang--1').inFlight).toBe(1)
    abort.abort()
    await expect(asked).rejects.toThrow()
    await gone.promise
    await vi.waitFor(() => expect(fixture.ingress.sampleConcurrency(appId, 'hang--1').inFlight).toBe(0))
  })
})

describe('revisions', () => {
  test('traffic is split by weight, and a label or a revision’s name leads to one', async () => {
    const { host } = await fixture.app(
      'split',
      { 'split--old': [named('old')], 'split--new': [named('new')], 'split--idle': [named('idle')] },
      {
        traffic: [
          { revision: 'split--old', weight: 50, label: 'blue' },
          { revision: 'split--new', weight: 50, label: 'green' },
        ],
      },
    )
    // That one of them gets none of 60 has a chance of 2 to the power of -59.
    expect(await namesOf(`https://${host}/`, 60)).toEqual(new Set(['old', 'new']))
    expect(await namesOf(`https://split---green.${DOMAIN}/`, 12)).toEqual(new Set(['new']))
    expect(await namesOf(`https://split--idle.${DOMAIN}/`, 4)).toEqual(new Set(['idle']))
    const { statusCode } = await get(`https://split---red.${DOMAIN}/`)
    expect(statusCode).toBe(404)
  })

  test('replicas take turns, and a client with the affinity cookie stays with its own', async () => {
    const replicas = [named('a'), named('b'), named('c')]
    const { host } = await fixture.app('sticky', { 'sticky--1': replicas }, { stickySessions: true })
    expect(await namesOf(`https://${host}/`, 3)).toEqual(new Set(['a', 'b', 'c']))
    const first = await get(`https://${host}/`)
    const { name } = (await first.body.json()) as Told
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
    expect(cookie).toMatch(/^acaAffinity=/)
    expect(await namesOf(`https://${host}/`, 9, { cookie: `theme=dark; ${cookie}` })).toEqual(new Set([name]))
  })
})

describe('policies', () => {
  test('a preflight request is answered for the app, and its answers get the policy’s headers', async () => {
    const { host } = await fixture.app(
      'cors',
      { 'cors--1': [named('cors')] },
      {
        cors: {
          allowedOrigins: ['https://shop.example'],
          allowedMethods: ['GET', 'PUT'],
          allowedHeaders: ['x-shop'],
          exposeHeaders: ['x-total'],
          maxAge: 600,
          allowCredentials: true,
        },
      },
    )
    const preflight = (origin: string) =>
      request(`https://${host}/`, {
        dispatcher: fixture.dispatcher,
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT' },
      })
    const allowed = await preflight('https://shop.example')
    expect(allowed.statusCode).toBe(200)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-allow-methods': 'GET,PUT',
      'access-control-allow-headers': 'x-shop',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '600',
    })
    const foreign = await preflight('https://evil.example')
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin')
    expect(await foreign.body.json()).toMatchObject({ name: 'cors', method: 'OPTIONS' })
    const answer = await get(`https://${host}/`, { origin: 'https://shop.example' })
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-expose-headers': 'x-total',
    })
  })

  test('IP restrictions let in by the client’s own address', async () => {
    const allow = { name: 'one', ipAddressRange: '127.0.0.2/32', action: 'Allow' } as const
    const { host } = await fixture.app('guarded', { 'guarded--1': [named('in')] }, { ipRestrictions: [allow] })
    const ask = (address: string) =>
      fixture.curl('--interface', address, '--write-out', ' %{http_code}', `https://${host}/`)
    expect(await ask('127.0.0.1')).toBe('RBAC: access denied 403')
    expect(await ask('127.0.0.2')).toMatch(/"x-forwarded-for":"127\.0\.0\.2".* 200$/)
  })

  test('an internal app has its internal name only', async () => {
    await fixture.app('inner', { 'inner--1': [named('inner')] }, { external: false })
    expect(await namesOf(`https://inner.internal.${DOMAIN}/`, 1)).toEqual(new Set(['inner']))
    expect((await get(`https://inner.${DOMAIN}/`)).statusCode).toBe(404)
  })
})

describe('failures', () => {
  test('an app that is stopped or does not exist gets the platform’s page; another environment no connection', async () => {
    const { host, appId } = await fixture.app('gone', { 'gone--1': [named('gone')] })
    expect((await get(`https://${host}/`)).statusCode).toBe(200)
    fixture.ingress.unroute(appId)
    const page = await fixture.curl('--write-out', '%{http_code}', `https://${host}/`)
    expect(page).toContain('Error 404 - This Container App is stopped or does not exist.')
    expect(page).toMatch(/404$/)
    await expect(fixture.curl('https://web.elsewhere.westeurope.azurecontainerapps.io/')).rejects.toThrow(/502/)
  })

  test('the gateway hands over ports 443 and 80 only, and says where an app answers without it', async () => {
    const { host } = await fixture.app('doors', { 'doors--1': [named('doors')] })
    await expect(fixture.curl(`https://${host}:8443/`)).rejects.toThrow(/403/)
    const { gatewayPort, ingress } = fixture
    const directly = (name: string) =>
      fixture.curl(
        ...['--noproxy', '*', '--connect-to', `${name}:443:127.0.0.1:${gatewayPort}`],
        ...['--write-out', '%{http_code}', `https://${name}/`],
      )
    const local = host.replace('.azurecontainerapps.io', '.apps.keystead.localhost')
    expect(await directly(host)).toBe(`${host} answers through the proxy, not here\n421`)
    expect(await directly(local)).toBe(`${host} answers at http://${local}:${ingress.ports.plain}, not here\n421`)
  })

  test('a replica that does not listen, one that breaks off, and one that breaks off within its answer', async () => {
    const { host, appId, servers } = await fixture.app('broken', {
      'broken--1': [
        (request, response) => {
          if (request.url === '/before') request.socket.destroy()
          else response.writeHead(200, { 'content-length': 100 }).write('half', () => request.socket.destroy())
        },
      ],
    })
    const ask = (path: string) => fixture.curl('--data', 'x', '--write-out', ' %{http_code}', `https://${host}${path}`)
    expect(await ask('/before')).toMatch(/^upstream connect error or disconnect\/reset before headers.* 503$/)
    await expect(ask('/within')).rejects.toThrow()
    for (const server of servers) await new Promise((resolve) => server.close(resolve).closeAllConnections())
    expect(await ask('/refused')).toMatch(/delayed connect error: 111 503$/)
    fixture.replicas.set(appId, 'broken--1', [])
    expect(await ask('/none')).toBe('no healthy upstream 503')
  })

  test('an idle connection that the app closed costs a client nothing', async () => {
    let connections = 0
    const { host, servers } = await fixture.app('idle', { 'idle--1': [named('idle')] })
    servers[0]?.on('connection', (socket) => {
      connections += 1
      // Closed as soon as the next request comes on it: the race that a proxy loses.
      let answered = false
      socket.on('data', () => {
        if (answered) socket.destroy()
        answered = true
      })
    })
    expect(await namesOf(`https://${host}/`, 4)).toEqual(new Set(['idle']))
    expect(connections).toBeGreaterThan(1)
  })

  test('a request waits for the revision that it wakes', async () => {
    const { host, appId } = await fixture.app('asleep', { 'asleep--1': [named('awake')] })
    const ready = fixture.replicas.addresses(appId, 'asleep--1')
    fixture.replicas.set(appId, 'asleep--1', [])
    fixture.replicas.onWake = () => {
      setImmediate(() => fixture.replicas.set(appId, 'asleep--1', ready))
      return true
    }
    onTestFinished(() => {
      fixture.replicas.onWake = () => false
    })
    expect(await namesOf(`https://${host}/`, 1)).toEqual(new Set(['awake']))
    expect(fixture.replicas.woken).toContain('asleep--1')
  })
})

describe('other protocols', () => {
  test('a WebSocket carries messages both ways, and an app can refuse one', async () => {
    const { host, servers } = await fixture.app('socket', {
      'socket--1': [(_request, response) => response.writeHead(401).end('who are you?')],
    })
    const echo = new WebSocketServer({ noServer: true })
    servers[0]?.on('upgrade', (request, socket, head) => {
      if (request.url !== '/echo') {
        socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')
        return
      }
      echo.handleUpgrade(request, socket, head, (client) => {
        client.send(`hello from ${request.headers['x-forwarded-host']}`)
        client.on('message', (message, binary) => client.send(message, { binary }))
        client.on('close', (code, reason) => echo.emit('ended', code, reason.toString()))
      })
    })
    const open = async (path: string) => {
      const socket = await fixture.connect(host, 'http/1.1')
      return new WebSocket(`wss://${host}${path}`, { createConnection: () => socket })
    }
    const client = await open('/echo')
    const [greeting] = (await once(client, 'message')) as [Buffer]
    expect(greeting.toString()).toBe(`hello from ${host}`)
    const sent = randomBytes(1024 * 1024)
    client.send(sent)
    const [received] = (await once(client, 'message')) as [Buffer]
    expect(received.equals(sent)).toBe(true)
    const ended = once(echo, 'ended')
    client.close(4001, 'enough')
    expect(await ended).toEqual([4001, 'enough'])
    const refused = await open('/other')
    await expect(once(refused, 'open')).rejects.toThrow('Unexpected server response: 401')
  })

  test('gRPC calls reach an app with transport http2: unary, both ways, errors with their metadata', async () => {
    const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }
    const method = (path: string, streams: boolean) => ({
      path,
      requestStream: streams,
      responseStream: streams,
      requestSerialize: bytes.serialize,
      requestDeserialize: bytes.deserialize,
      responseSerialize: bytes.serialize,
      responseDeserialize: bytes.deserialize,
    })
    const server = new GrpcServer()
    server.addService(
      { say: method('/echo.Echo/Say', false), talk: method('/echo.Echo/Talk', true) },
      {
        say: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
          if (call.request.length === 0) answer({ code: status.INVALID_ARGUMENT, details: 'say something' })
          else answer(null, Buffer.concat([call.request, call.request]))
        },
        talk: (call: ServerDuplexStream<Buffer, Buffer>) => {
          call.on('data', (word: Buffer) => call.write(Buffer.from(`${word}!`)))
          call.on('end', () => call.end())
        },
      },
    )
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    )
    onTestFinished(() => server.forceShutdown())
    const { host, appId } = await fixture.app('grpc', { 'grpc--1': [] }, { transport: 'http2' })
    fixture.replicas.set(appId, 'grpc--1', [`http://127.0.0.1:${port}`])
    vi.stubEnv('grpc_proxy', `http://127.0.0.1:${fixture.gatewayPort}`)
    vi.stubEnv('no_grpc_proxy', '')
    vi.stubEnv('no_proxy', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const client = new GrpcClient(`${host}:443`, credentials.createSsl(Buffer.from(fixture.ca)))
    onTestFinished(() => client.close())
    const say = (words: string) =>
      new Promise<string>((resolve, reject) =>
        client.makeUnaryRequest(
          '/echo.Echo/Say',
          bytes.serialize,
          bytes.deserialize,
          Buffer.from(words),
          { deadline: Date.now() + 20_000 },
          (error: Error | null, answer?: Buffer) => (error ? reject(error) : resolve(String(answer))),
        ),
      )
    expect(await say('ha')).toBe('haha')
    await expect(say('')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, details: 'say something' })
    const call = client.makeBidiStreamRequest('/echo.Echo/Talk', bytes.serialize, bytes.deserialize)
    for (const word of ['one', 'two']) {
      call.write(Buffer.from(word))
      const [answer] = (await once(call, 'data')) as [Buffer]
      expect(answer.toString()).toBe(`${word}!`)
    }
    call.end()
    const [ended] = (await once(call, 'status')) as [{ readonly code: number }]
    expect(ended.code).toBe(status.OK)
  })
})
