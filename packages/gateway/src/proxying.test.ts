import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server } from 'node:http'
import { connect, createServer as createNetServer, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { GatewayOptions } from './gateway.ts'
import {
  connectThrough,
  describing,
  exchange,
  type GatewayFixture,
  get,
  listen,
  startFixture,
} from './testing/gateway-fixture.ts'

const run = promisify(execFile)

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A gateway for which `foreign.example` is this machine, and this machine is the internet. */
async function started(overrides: Partial<GatewayOptions> = {}): Promise<GatewayFixture> {
  const fixture = await startFixture({
    addressAllowed: (address) => address === '127.0.0.1',
    resolve: async (host) => {
      if (host === 'foreign.example') return [{ address: '127.0.0.1', family: 4 }]
      throw Object.assign(new Error(`no such name: ${host}`), { code: 'ENOTFOUND' })
    },
    ...overrides,
  })
  stops.push(() => fixture.stop())
  return fixture
}

async function server(listener: Server): Promise<number> {
  const port = await listen(listener)
  stops.push(() => {
    listener.closeAllConnections()
    listener.close()
  })
  return port
}

/** Sends back what it gets, in capitals, and ends when the other side has. */
async function shouter(): Promise<{ port: number; connections: Socket[] }> {
  const connections: Socket[] = []
  const echo = createNetServer({ allowHalfOpen: true }, (socket) => {
    connections.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => socket.write(chunk.toString('latin1').toUpperCase()))
    socket.on('end', () => socket.end('BYE'))
  })
  const port = await listen(echo)
  stops.push(() => {
    for (const socket of connections) socket.destroy()
    echo.close()
  })
  return { port, connections }
}

describe('a tunnel to a foreign host', () => {
  test('carries bytes both ways untouched, those that came with the CONNECT first, and each side’s end', async () => {
    const fixture = await started()
    const { port } = await shouter()
    const text = `CONNECT foreign.example:${port} HTTP/1.1\r\nHost: x\r\n\r\nearly`
    const socket = connect({ port: fixture.gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(text)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (received.endsWith('EARLY')) socket.end(' late')
    })
    await once(socket, 'end')
    expect(received).toBe('HTTP/1.1 200 Connection Established\r\n\r\nEARLY LATEBYE')
  })

  test('an abort on one side reaches the other', async () => {
    const fixture = await started()
    const { port, connections } = await shouter()
    const fromClient = await connectThrough(fixture.gateway.port, `foreign.example:${port}`)
    fromClient.socket.resetAndDestroy()
    const first = connections[0] as Socket
    if (!first.closed) await new Promise((resolve) => first.once('close', resolve))
    const fromServer = await connectThrough(fixture.gateway.port, `foreign.example:${port}`)
    const second = connections[1] as Socket
    second.resetAndDestroy()
    await expect(once(fromServer.socket.resume(), 'end')).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  test('a large answer arrives whole when the server closes right after it', async () => {
    const fixture = await started()
    const bytes = 20_000_000
    const big = createNetServer((socket) => socket.on('error', () => {}).end(Buffer.alloc(bytes, 'x')))
    const port = await listen(big)
    stops.push(() => big.close())
    const { socket, head } = await connectThrough(fixture.gateway.port, `foreign.example:${port}`)
    let received = head.length - head.indexOf('\r\n\r\n') - 4
    for await (const chunk of socket) received += (chunk as Buffer).length
    expect(received).toBe(bytes)
  })

  test('closing the gateway ends it', async () => {
    const fixture = await started()
    const { port } = await shouter()
    const { socket } = await connectThrough(fixture.gateway.port, `foreign.example:${port}`)
    const ended = once(socket.resume(), 'end')
    await fixture.gateway.close()
    await ended
  })

  test('a host that nobody resolves, or that refuses the connection, is a bad gateway with the reason', async () => {
    const fixture = await started()
    const closed = createNetServer()
    const port = await listen(closed)
    closed.close()
    await once(closed, 'close')
    const ask = (target: string) =>
      exchange(fixture.gateway.port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`).then(
        (text) => text.split('\r\n')[0],
      )
    expect(await ask('nowhere.example:443')).toBe('HTTP/1.1 502 no connection to nowhere.example:443: ENOTFOUND')
    expect(await ask(`foreign.example:${port}`)).toMatch(
      /^HTTP\/1\.1 502 no connection to foreign\.example.*ECONNREFUSED/,
    )
  })

  test('a client that hangs up while its name is resolved leaves nothing behind', async () => {
    const { port, connections } = await shouter()
    let answer = () => {}
    let asked = () => {}
    const asking = new Promise<void>((resolve) => {
      asked = resolve
    })
    const fixture = await started({
      resolve: (host) =>
        new Promise((resolve) => {
          expect(host).toBe('foreign.example')
          answer = () => resolve([{ address: '127.0.0.1', family: 4 }])
          asked()
        }),
    })
    const socket = connect(fixture.gateway.port, '127.0.0.1')
    socket.write(`CONNECT foreign.example:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await asking
    socket.resetAndDestroy()
    await fixture.gateway.close()
    answer()
    await new Promise((resolve) => setImmediate(resolve))
    expect(connections.filter((connection) => !connection.destroyed)).toEqual([])
  })
})

describe('addresses that are refused', () => {
  test.each([
    '127.0.0.1:80',
    '127.1:80',
    '2130706433:80',
    '0x7f.0.0.1:80',
    'localhost:80',
    'LOCALHOST.:80',
    'anything.localhost:80',
    '0.0.0.0:80',
    '10.1.2.3:443',
    '172.16.0.1:443',
    '192.168.1.1:443',
    '100.64.0.1:443',
    '169.254.169.254:443',
    '169.254.1.1:80',
    '224.0.0.1:80',
    '255.255.255.255:80',
    '[::]:80',
    '[::1]:80',
    '[::ffff:127.0.0.1]:80',
    '[::ffff:7f00:1]:80',
    '[64:ff9b::7f00:1]:80',
    '[fe80::1]:80',
    '[fc00::1]:80',
    '[fd12::1]:80',
    '[ff02::1]:80',
  ])('CONNECT %s', async (target) => {
    const fixture = await startFixture()
    stops.push(() => fixture.stop())
    const text = await exchange(fixture.gateway.port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    // A name of this machine that its resolver does not know is no way in either.
    expect(text).toMatch(/^HTTP\/1\.1 (403 .*(loopback|link-local).*NO_PROXY|502 .*ENOTFOUND|502 .*EAI_AGAIN)/)
  })

  test('a name is resolved once, so that a second answer can not lead elsewhere', async () => {
    const { port } = await shouter()
    let lookups = 0
    const fixture = await started({
      addressAllowed: (address) => address === '127.0.0.1',
      resolve: async () => {
        lookups += 1
        return [{ address: lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
      },
    })
    expect((await connectThrough(fixture.gateway.port, `foreign.example:${port}`)).head).toMatch(/ 200 /)
    expect(lookups).toBe(1)
    const text = await exchange(fixture.gateway.port, `CONNECT foreign.example:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('of several addresses only those that are allowed are tried', async () => {
    const { port } = await shouter()
    const fixture = await started({
      resolve: async () => [
        { address: '127.0.0.2', family: 4 },
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ],
    })
    expect((await connectThrough(fixture.gateway.port, `foreign.example:${port}`)).head).toMatch(/ 200 /)
  })
})

describe('a plain request to a foreign host', () => {
  test('is forwarded with its body and headers, but without what is the connection’s or the proxy’s own', async () => {
    let seen: string[] = []
    const port = await server(
      createHttpServer((incoming, response) => {
        seen = incoming.rawHeaders
        response.setHeader('X-Answer', ['one', 'two'])
        response.setHeader('Keep-Alive', 'timeout=99')
        describing('foreign')(incoming, response)
      }),
    )
    const fixture = await started()
    const text = [
      `POST http://foreign.example:${port}/a/../b?c=%2F HTTP/1.1`,
      'Host: other.example',
      'Proxy-Authorization: Basic c2VjcmV0',
      'Proxy-Connection: keep-alive',
      'Connection: close, X-Hop',
      'X-Hop: 1',
      'X-End: 2',
      'Transfer-Encoding: chunked',
      '',
      '3\r\nabc\r\n0\r\n\r\n',
    ].join('\r\n')
    const answer = await exchange(fixture.gateway.port, text)
    expect(answer).toContain('"url":"/a/../b?c=%2F"')
    expect(answer).toContain(`"host":"foreign.example:${port}"`)
    expect(answer).toContain('"bytes":3')
    expect(answer).toMatch(/X-Answer: one\r\nX-Answer: two/)
    expect(answer).not.toContain('timeout=99')
    expect(seen).toContain('X-End')
    expect(seen.join()).not.toMatch(/Proxy-|X-Hop|c2VjcmV0/)
  })

  test('is a bad gateway when nobody answers, and breaks off when the answer does', async () => {
    const broken = createNetServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy())
      })
    })
    const port = await listen(broken)
    stops.push(() => broken.close())
    const fixture = await started()
    const ask = (url: string) => exchange(fixture.gateway.port, get('x', url))
    expect(await ask('http://nowhere.example/')).toMatch(/^HTTP\/1\.1 502 [\s\S]*ENOTFOUND/)
    const text = await ask(`http://foreign.example:${port}/`).catch(() => '')
    expect(text).not.toContain('502')
    const nonsense = createNetServer((socket) => socket.end('nonsense\r\n\r\n'))
    const other = await listen(nonsense)
    stops.push(() => nonsense.close())
    expect(await ask(`http://foreign.example:${other}/`)).toMatch(/^HTTP\/1\.1 502 /)
  })
})

describe('an upstream proxy', () => {
  /** A proxy that knows every name as this machine, and wants credentials. */
  async function upstream(): Promise<{ port: number; asked: string[] }> {
    const asked: string[] = []
    const proxy = createHttpServer((incoming, response) => {
      asked.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization']}`)
      response.end('from upstream')
    })
    const sockets: Socket[] = []
    proxy.on('connect', (incoming, socket: Socket) => {
      sockets.push(socket)
      asked.push(`CONNECT ${incoming.url} ${incoming.headers['proxy-authorization']}`)
      if (incoming.url?.startsWith('denied.')) socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      else socket.write('HTTP/1.1 200 OK\r\n\r\nhello ')
      socket.on('data', (chunk) => socket.end(chunk.toString().toUpperCase()))
      socket.on('error', () => {})
    })
    const port = await server(proxy)
    stops.push(() => {
      for (const socket of sockets) socket.destroy()
    })
    return { port, asked }
  }

  const basic = `Basic ${Buffer.from('us er:p@ss').toString('base64')}`

  test('is used for foreign names, with its credentials, also for names only it can resolve', async () => {
    const { port, asked } = await upstream()
    const fixture = await started({ upstreamProxy: `http://us%20er:p%40ss@127.0.0.1:${port}` })
    const text = 'CONNECT only-there.example:443 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic mine\r\n\r\nworld'
    expect(await exchange(fixture.gateway.port, text)).toMatch(/^HTTP\/1\.1 200 [\s\S]*hello WORLD$/)
    expect(asked).toEqual([`CONNECT only-there.example:443 ${basic}`])
    expect(await exchange(fixture.gateway.port, get('x', 'http://only-there.example/a?b'))).toContain('from upstream')
    expect(asked[1]).toBe(`GET http://only-there.example:80/a?b ${basic}`)
  })

  test('never gets a claimed name, a refused address, or the name of this machine', async () => {
    const { port, asked } = await upstream()
    const fixture = await started({
      upstreamProxy: `http://127.0.0.1:${port}`,
      addressAllowed: (address) => address === '127.0.0.9',
    })
    for (const target of [
      'nosuch.vault.azure.net:443',
      '127.0.0.1:80',
      'foreign.example:80',
      'localhost:80',
      'a.localhost:1',
    ]) {
      const connected = await exchange(fixture.gateway.port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
      expect(connected).toMatch(/^HTTP\/1\.1 (502 nobody created|403)/)
      expect(await exchange(fixture.gateway.port, get('x', `http://${target}/`))).toMatch(/^HTTP\/1\.1 (502|403)/)
    }
    expect(asked).toEqual([])
  })

  test('that refuses, is told of without its credentials', async () => {
    const { port } = await upstream()
    const fixture = await started({ upstreamProxy: `http://user:password@127.0.0.1:${port}` })
    const text = await exchange(fixture.gateway.port, 'CONNECT denied.example:443 HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 502 the upstream proxy refused denied\.example:443: 407 /)
    expect(text + fixture.logged.join()).not.toMatch(/password/)
  })

  test('that is not there or says nothing, is a bad gateway', async () => {
    const mute = createNetServer((socket) => socket.on('error', () => {}).resume())
    const port = await listen(mute)
    stops.push(() => mute.close())
    const fixture = await started({ upstreamProxy: `http://127.0.0.1:${port}`, limits: { connectTimeout: 50 } })
    expect(await exchange(fixture.gateway.port, 'CONNECT a.example:443 HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 504 the upstream proxy did not answer/,
    )
  })
})

test('curl and Python go through it to a service and to a foreign host, with the variables of a shell', async () => {
  const port = await server(createHttpServer(describing('foreign')))
  const fixture = await started()
  const env = {
    PATH: process.env.PATH,
    http_proxy: fixture.proxy,
    https_proxy: fixture.proxy,
    SSL_CERT_FILE: fixture.authority.certificatePath,
    CURL_CA_BUNDLE: fixture.authority.certificatePath,
  }
  const urls = [`http://foreign.example:${port}/`, 'https://kv1.vault.azure.net/secrets']
  for (const url of urls) {
    const { stdout } = await run('curl', ['--silent', '--show-error', url], { env })
    expect(stdout).toMatch(/"service":"(foreign|vault)"/)
  }
  const tunnelled = await run('curl', ['--silent', '--proxytunnel', urls[0] ?? ''], { env })
  expect(tunnelled.stdout).toContain('"service":"foreign"')
  const script = [
    'import ssl, sys, urllib.request',
    'context = ssl.create_default_context()',
    'context.verify_flags |= ssl.VERIFY_X509_STRICT',
    'opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))',
    'for url in sys.argv[1:]:',
    '    try: print(opener.open(url).read().decode())',
    '    except OSError as error: print(error)',
  ].join('\n')
  const { stdout } = await run('python3', ['-c', script, ...urls, 'https://nosuch.vault.azure.net/'], { env })
  expect(stdout).toContain('"service":"foreign"')
  expect(stdout).toContain('"service":"vault"')
  expect(stdout).toContain('Tunnel connection failed: 502 nobody created nosuch.vault.azure.net')
})
