import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpsRequest } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startGateway } from './gateway.ts'
import {
  connectThrough,
  describing,
  exchange,
  type GatewayFixture,
  get,
  request,
  secure,
  startFixture,
} from './testing/gateway-fixture.ts'

const run = promisify(execFile)

let fixture: GatewayFixture
beforeEach(async () => {
  fixture = await startFixture()
})
afterEach(() => fixture.stop())

describe('TLS without a proxy', () => {
  test.each([
    ['kv1.vault.keystead.localhost', 'vault', 'kv1.vault.azure.net'],
    ['login.keystead.localhost', 'login', 'login.microsoftonline.com'],
  ])('%s reaches its service under its Azure name', async (name, service, host) => {
    const socket = await secure(fixture, { servername: name })
    expect(socket.alpnProtocol).toBe('http/1.1')
    const local = `${name}:${fixture.gateway.port}`
    const answer = await request(socket, get(local, '/secrets?api-version=7.5', 'X-Forwarded-Host: forged\r\n'))
    expect(JSON.parse(answer.body)).toMatchObject({ service, host, forwarded: local, url: '/secrets?api-version=7.5' })
  })

  test('an Azure name works as well, in any case and with its port', async () => {
    const socket = await secure(fixture, { servername: 'KV1.vault.azure.net' })
    const answer = await request(socket, get('kv1.Vault.azure.net:443', '/', 'X-Forwarded-Host: forged\r\n'))
    const body = JSON.parse(answer.body) as Record<string, unknown>
    expect(body).toMatchObject({ service: 'vault', host: 'kv1.vault.azure.net' })
    expect(body).not.toHaveProperty('forwarded')
  })

  test.each([
    ['no name', {}],
    ['a foreign name', { servername: 'example.com' }],
    ['only HTTP/2', { servername: 'kv1.vault.azure.net', ALPNProtocols: ['h2'] }],
  ])('a client that offers %s gets a TLS alert', async (_name, options) => {
    await expect(secure(fixture, { servername: '', ...options })).rejects.toMatchObject({
      code: expect.stringMatching(/ALERT/),
    })
  })

  test('a name that nobody created is answered 404 with what to do', async () => {
    const socket = await secure(fixture, { servername: 'nosuch.vault.azure.net' })
    const answer = await request(socket, get('nosuch.vault.azure.net'))
    expect(answer.status).toBe(404)
    expect(answer.body).toContain('az keyvault create --name nosuch')
  })

  test('a vault deleted while a connection is open is refused on the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = () =>
      new Promise<{ status: number | undefined; reused: boolean }>((resolve, reject) => {
        const asked = httpsRequest(
          {
            agent,
            host: '127.0.0.1',
            port: fixture.gateway.port,
            servername: 'kv1.vault.azure.net',
            headers: { host: 'kv1.vault.azure.net' },
            ca: fixture.authority.certificatePem,
          },
          (response) => {
            response.resume()
            response.once('end', () => resolve({ status: response.statusCode, reused: asked.reusedSocket }))
          },
        )
        asked.once('error', reject)
        asked.end()
      })
    expect(await ask()).toEqual({ status: 200, reused: false })
    fixture.vaults.delete('kv1')
    expect(await ask()).toEqual({ status: 404, reused: true })
    agent.destroy()
  })

  test.each([
    ['another vault of the same certificate', 'kv2.vault.azure.net'],
    ['another service', 'login.microsoftonline.com'],
    ['a foreign host', 'example.com'],
    ['the local name of the same vault', 'kv1.vault.keystead.localhost'],
  ])('a request for %s than the connection was made for is misdirected', async (_name, host) => {
    const socket = await secure(fixture, { servername: 'kv1.vault.azure.net' })
    expect((await request(socket, get(host))).status).toBe(421)
  })

  test.each([
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 421],
    ['two Hosts', get('kv1.vault.azure.net', '/', 'Host: kv2.vault.azure.net\r\n'), 400],
    ['an absolute target', get('kv1.vault.azure.net', 'https://kv2.vault.azure.net/'), 400],
    ['a target of *', get('kv1.vault.azure.net', '*'), 400],
    ['a header line of 40,000 characters', get('kv1.vault.azure.net', '/', `X: ${'x'.repeat(40_000)}\r\n`), 431],
    ['NUL in a header', get('kv1.vault.azure.net', '/', 'X: a\0b\r\n'), 400],
    [
      'both a length and chunks',
      get('kv1.vault.azure.net', '/', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'),
      400,
    ],
    ['no HTTP at all', 'nonsense\r\n\r\n', 400],
  ])('a request with %s is refused', async (_name, text, status) => {
    const socket = await secure(fixture, { servername: 'kv1.vault.azure.net' })
    expect((await request(socket, text)).status).toBe(status)
  })

  test('a WebSocket is not implemented, and an offer of another protocol is ignored', async () => {
    const socket = await secure(fixture, { servername: 'kv1.vault.azure.net' })
    const upgrade = 'GET / HTTP/1.1\r\nHost: kv1.vault.azure.net\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    expect((await request(socket, upgrade)).status).toBe(501)
    const other = await secure(fixture, { servername: 'kv1.vault.azure.net' })
    expect((await request(other, get('kv1.vault.azure.net', '/', 'Upgrade: h2c\r\n'))).status).toBe(200)
  })

  test('a client that does not trust the authority is told of in the log', async () => {
    await expect(secure(fixture, { servername: 'kv1.vault.azure.net', ca: '' })).rejects.toThrow()
    const socket = connect(fixture.gateway.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
    const { stderr } = await run('curl', [
      '--silent',
      '--show-error',
      '--proxy',
      fixture.proxy,
      'https://kv1.vault.azure.net/',
    ]).catch((error: { stderr: string }) => error)
    expect(stderr).toContain('certificate')
    expect(fixture.logged.join()).toContain('warn a client does not trust the local certificate authority')
  })
})

describe('a service that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('with-a-secret-inside')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('with-a-secret-inside')
      },
    ],
  ])('a listener that %s is answered 500, and the log does not repeat its message', async (_name, vault) => {
    const failing = await startFixture({ vault })
    try {
      const socket = await secure(failing, { servername: 'kv1.vault.azure.net' })
      expect((await request(socket, get('kv1.vault.azure.net'))).status).toBe(500)
      expect(failing.logged.join()).toContain('error a service failed to answer')
      expect(failing.logged.join()).not.toContain('with-a-secret-inside')
    } finally {
      await failing.stop()
    }
  })
})

describe('CONNECT to a claimed name', () => {
  test('ends in TLS of the local authority', async () => {
    const { head, socket } = await connectThrough(fixture.gateway.port, 'kv1.vault.azure.net:443')
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    const tls = await secure(fixture, { socket, servername: 'kv1.vault.azure.net' })
    const answer = await request(tls, get('kv1.vault.azure.net', '/secrets/s1'))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({ service: 'vault', url: '/secrets/s1', host: 'kv1.vault.azure.net' })
  })

  test('works when the handshake comes along with the CONNECT', async () => {
    const hello = await clientHello('kv1.vault.azure.net')
    const text = 'CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\nHost: kv1.vault.azure.net:443\r\n\r\n'
    const socket = connect(fixture.gateway.port, '127.0.0.1')
    socket.write(Buffer.concat([Buffer.from(text), hello]))
    let received = Buffer.alloc(0)
    const wanted = 'HTTP/1.1 200 Connection Established\r\n\r\n'
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer])
      if (received.length > wanted.length + 5) break
    }
    expect(received.subarray(0, wanted.length).toString()).toBe(wanted)
    // A handshake record that starts with a ServerHello.
    expect([received[wanted.length], received[wanted.length + 5]]).toEqual([0x16, 2])
  })

  test('a local name may be given with the gateway’s own port', async () => {
    const name = 'kv1.vault.keystead.localhost'
    const { head, socket } = await connectThrough(fixture.gateway.port, `${name}:${fixture.gateway.port}`)
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    const tls = await secure(fixture, { socket, servername: name })
    expect((await request(tls, get(name))).status).toBe(200)
  })

  test('a connection carries many requests and large bodies', async () => {
    const { socket } = await connectThrough(fixture.gateway.port, 'kv1.vault.azure.net:443')
    const tls = await secure(fixture, { socket, servername: 'kv1.vault.azure.net' })
    const size = 5_000_000
    tls.write(`PUT /big HTTP/1.1\r\nHost: kv1.vault.azure.net\r\nContent-Length: ${size}\r\n\r\n`)
    tls.write(Buffer.alloc(size))
    const answer = await request(tls, get('kv1.vault.azure.net', '/second'))
    expect(answer.body).toContain(`"bytes":${size}`)
  })

  test.each([
    [
      'nosuch.vault.azure.net:443',
      502,
      /nobody created nosuch\.vault\.azure\.net: .* az keyvault create --name nosuch/,
    ],
    ['vault.azure.net:443', 502, /claimed with vault\.azure\.net/],
    ['a.kv1.vault.azure.net:443', 502, /claimed with vault\.azure\.net/],
    ['nosuch.vault.keystead.localhost:443', 502, /nobody created nosuch\.vault\.azure\.net/],
    ['kv1.vault.azure.net:80', 403, /port 443 only/],
    ['kv1.vault.azure.net:22', 403, /port 443 only/],
  ])(
    '%s is refused with the reason in the status line, for the clients that show nothing else',
    async (target, status, reason) => {
      const text = await exchange(fixture.gateway.port, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
      const [line = '', body = ''] = [text.split('\r\n')[0], text.split('\r\n\r\n')[1]]
      expect(line).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(line).toMatch(reason)
      expect(body).toMatch(reason)
      expect(fixture.logged.join()).toContain('refused CONNECT')
    },
  )

  test.each([
    'kv1.vault.azure.net',
    'kv1.vault.azure.net:0',
    'kv1.vault.azure.net:65536',
    'kv1.vault.azure.net:443:443',
    'kv1.vault.azure.net:-1',
    'kv1%2evault.azure.net:443',
    'user@kv1.vault.azure.net:443',
    'kv1..vault.azure.net:443',
    '.vault.azure.net:443',
    ':443',
    '[::1:443',
    '[fe80::1%25lo]:443',
    '[kv1.vault.azure.net]:443',
    '/secrets',
    'http://kv1.vault.azure.net/',
    `${'a'.repeat(10_000)}:443`,
    `${'a.'.repeat(140)}vault.azure.net:443`,
    'kv1\u3002vault\u3002azure\u3002net:443',
    'kv1\0.vault.azure.net:443',
    '💥.vault.azure.net:443',
  ])('the hostile target %j is a bad request', async (target) => {
    const text = await exchange(fixture.gateway.port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('plain HTTP', () => {
  test('the instance metadata service is reached by the absolute form, with the proxy credentials', async () => {
    const url = 'http://169.254.169.254/metadata/identity/oauth2/token?resource=a%2Fb'
    const text = `GET ${url} HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: Basic cmVwbGljYTpw\r\nConnection: close\r\n\r\n`
    expect(await exchange(fixture.gateway.port, text)).toContain(
      JSON.stringify({
        service: 'metadata',
        method: 'GET',
        url: '/metadata/identity/oauth2/token?resource=a%2Fb',
        host: '169.254.169.254',
        credentials: 'Basic cmVwbGljYTpw',
        bytes: 0,
      }),
    )
  })

  test('and through CONNECT, as clients do that tunnel everything: the credentials are those of the CONNECT', async () => {
    const credentials = 'Proxy-Authorization: Basic cmVwbGljYTpw\r\n'
    const { socket } = await connectThrough(fixture.gateway.port, '169.254.169.254:80', credentials)
    const answer = await request(socket, get('169.254.169.254', '/metadata/x', 'Proxy-Authorization: Basic forged\r\n'))
    expect(JSON.parse(answer.body)).toMatchObject({ service: 'metadata', credentials: 'Basic cmVwbGljYTpw' })
    const anonymous = await connectThrough(fixture.gateway.port, '169.254.169.254:80')
    const other = await request(anonymous.socket, get('169.254.169.254', '/', 'Proxy-Authorization: Basic forged\r\n'))
    expect(JSON.parse(other.body)).not.toHaveProperty('credentials')
  })

  test('not by the Host header of a request that a web page could make', async () => {
    expect(await exchange(fixture.gateway.port, get('169.254.169.254', '/metadata/identity/oauth2/token'))).toMatch(
      /^HTTP\/1\.1 404 /,
    )
  })

  test.each([
    ['http://kv1.vault.azure.net/secrets', 403, /https only/],
    ['http://kv1.vault.azure.net:443/secrets', 403, /https only/],
    ['http://nosuch.vault.azure.net/', 502, /nobody created/],
    ['http://169.254.169.254:8080/metadata', 403, /link-local/],
    ['http://127.0.0.1:1234/msi/token', 403, /NO_PROXY/],
    ['http://[::1]:1234/', 403, /loopback/],
    ['http://user:password@example.com/', 400, /takes http/],
    ['https://kv1.vault.azure.net/', 400, /CONNECT for https/],
    ['ftp://example.com/', 400, /takes http/],
    ['http:///x', 400, /takes http/],
    ['http://example.com:99999/', 400, /takes http/],
  ])('GET %s is refused %i', async (url, status, reason) => {
    const text = await exchange(fixture.gateway.port, get('x', url))
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(text).toMatch(reason)
    expect(text).not.toContain('password@')
  })

  test('a browser is told what this is, and a probe that it is up', async () => {
    expect(await exchange(fixture.gateway.port, get('localhost'))).toMatch(
      /200 OK[\s\S]*Keystead gateway[\s\S]*keystead env/,
    )
    expect(await exchange(fixture.gateway.port, get('localhost', '/healthz'))).toMatch(/^HTTP\/1\.1 204 /)
    expect(await exchange(fixture.gateway.port, get('localhost', '/x'))).toMatch(/^HTTP\/1\.1 404 /)
    expect(await exchange(fixture.gateway.port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1\.1 [45]/)
    expect(await exchange(fixture.gateway.port, '\0\u0001\u0002\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('clients that misbehave', () => {
  test('hanging up at any stage leaves the gateway working', async () => {
    const hello = await clientHello('kv1.vault.azure.net')
    const stages: (string | Buffer)[] = [
      '',
      'C',
      'CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\n',
      'CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\nHost: x\r\n\r\n',
      Buffer.concat([
        Buffer.from('CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\nHost: x\r\n\r\n'),
        hello.subarray(0, 20),
      ]),
      Buffer.concat([Buffer.from('CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\nHost: x\r\n\r\n'), hello]),
      'CONNECT nosuch.vault.azure.net:443 HTTP/1.1\r\nHost: x\r\n\r\n',
      hello.subarray(0, 1),
      hello.subarray(0, 30),
      hello,
      Buffer.concat([hello, Buffer.from('garbage after the hello')]),
      'POST http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf',
    ]
    for (const stage of stages) {
      for (const leave of ['destroy', 'reset', 'end'] as const) {
        const socket = connect(fixture.gateway.port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        if (stage.length > 0) await new Promise<void>((resolve) => socket.write(stage, () => resolve()))
        if (leave === 'destroy') socket.destroy()
        else if (leave === 'reset') socket.resetAndDestroy()
        else socket.resume().end()
        if (!socket.closed) await once(socket, 'close')
      }
    }
    const tls = await secure(fixture, { servername: 'kv1.vault.azure.net' })
    tls.write('PUT / HTTP/1.1\r\nHost: kv1.vault.azure.net\r\nContent-Length: 1000\r\n\r\nhalf')
    tls.destroy()
    const after = await secure(fixture, { servername: 'kv1.vault.azure.net' })
    expect((await request(after, get('kv1.vault.azure.net'))).status).toBe(200)
    expect(fixture.logged.filter((line) => line.startsWith('error'))).toEqual([])
  })

  test.each([
    ['says nothing', ''],
    ['stops within a TLS record', '\x16\x03\x01'],
    ['stops within its headers', 'CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\nHo'],
    ['stops before its handshake', 'CONNECT kv1.vault.azure.net:443 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['stops within its body', 'POST http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf'],
    ['stops after a request', 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('one that %s is let go of', async (_name, text) => {
    const impatient = await startFixture({
      limits: { handshakeTimeout: 100, headersTimeout: 100, requestTimeout: 200, keepAliveTimeout: 50 },
    })
    try {
      // Resolves only when the gateway closes the connection.
      await exchange(impatient.gateway.port, Buffer.from(text, 'latin1'))
    } finally {
      await impatient.stop()
    }
  })

  test('connections beyond the limit are closed at once, and taken again when others have gone', async () => {
    const small = await startFixture({ limits: { connections: 2 } })
    try {
      const held = [connect(small.gateway.port, '127.0.0.1'), connect(small.gateway.port, '127.0.0.1')]
      await Promise.all(held.map((socket) => once(socket, 'connect')))
      await exchange(small.gateway.port, get('x')).then(
        (text) => expect(text).toBe(''),
        (error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) }),
      )
      for (const socket of held) socket.destroy()
      await Promise.all(held.map((socket) => (socket.closed ? undefined : once(socket, 'close'))))
      await expect.poll(() => exchange(small.gateway.port, get('x', '/healthz')).catch(() => '')).toMatch(/ 204 /)
    } finally {
      await small.stop()
    }
  })
})

describe('start and stop', () => {
  test('a port in use is EADDRINUSE', async () => {
    await expect(startFixture({ port: fixture.gateway.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('it listens on loopback only', async () => {
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
    for (const { address } of outside) {
      const socket = connect(fixture.gateway.port, address)
      await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  test('an upstream proxy that is no URL is refused without showing it', async () => {
    const error: unknown = await startFixture({ upstreamProxy: 'user:pass word@host' }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).not.toContain('pass word')
  })

  test('closing lets a request finish that is being answered, and ends idle connections and silent ones', async () => {
    let finish = () => {}
    let started = () => {}
    const answering = new Promise<void>((resolve) => {
      started = resolve
    })
    const slow = await startFixture({
      vault: (incoming, response) => {
        if (incoming.url === '/fast') {
          response.end('fast')
          return
        }
        finish = () => response.end('finished')
        started()
      },
    })
    const idle = await secure(slow, { servername: 'kv1.vault.azure.net' })
    idle.write('GET /fast HTTP/1.1\r\nHost: kv1.vault.azure.net\r\n\r\n')
    await once(idle, 'data')
    const silent = connect(slow.gateway.port, '127.0.0.1')
    await once(silent, 'connect')
    const busy = await secure(slow, { servername: 'kv1.vault.azure.net' })
    const answer = request(busy, get('kv1.vault.azure.net', '/slow'))
    await answering
    const stopped = slow.stop()
    await Promise.all([once(idle, 'close'), once(idle.resume(), 'end')])
    const refused = connect(slow.gateway.port, '127.0.0.1')
    await expect(once(refused, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    finish()
    expect((await answer).body).toContain('finished')
    await stopped
    if (!silent.closed) await once(silent.resume(), 'close')
  })

  test('closing does not wait for ever', async () => {
    const stuck = await startFixture({ vault: () => {}, limits: { drainTimeout: 50 } })
    const busy = await secure(stuck, { servername: 'kv1.vault.azure.net' })
    busy.write(get('kv1.vault.azure.net'))
    busy.on('error', () => {})
    await stuck.stop()
    if (!busy.closed) await once(busy.resume(), 'close')
    await stuck.gateway.close()
  })

  test('a shell that already has this gateway’s variables does not make it call itself', async () => {
    const port = fixture.gateway.port
    await fixture.gateway.close()
    const logged: string[] = []
    const gateway = await startGateway({
      port,
      hosts: { suffixes: [], route: () => ({ kind: 'foreign' }) },
      authority: fixture.authority,
      instanceMetadata: describing('metadata'),
      upstreamProxy: `http://127.0.0.1:${port}`,
      log: (level, message) => logged.push(`${level} ${message}`),
    })
    try {
      expect(logged).toEqual(['warn the upstream proxy is this gateway itself: foreign hosts are reached directly'])
    } finally {
      await gateway.close()
    }
  })
})

/** The first bytes that a TLS client sends for a name. */
async function clientHello(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const client = connectTls({ port: address.port, host: '127.0.0.1', servername })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}
