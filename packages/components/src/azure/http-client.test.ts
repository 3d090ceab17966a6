import type { RequestListener } from 'node:http'
import { createPipelineRequest } from '@azure/core-rest-pipeline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { selfSigned, signedBy } from '../testing/certificates.ts'
import { startHttpServer, startHttpsServer, startProxy, type TestProxy, type TestServer } from '../testing/servers.ts'
import { temporaryFile } from '../testing/temporary-file.ts'
import { azureCall } from './azure-call.ts'
import { type AzureHttpClient, createAzureHttpClient } from './http-client.ts'

let answer: RequestListener
let server: TestServer
let requests: number
let waits: number[]
let client: AzureHttpClient

function clientWith(environment: Readonly<Record<string, string>>): AzureHttpClient {
  return createAzureHttpClient({
    environment,
    random: () => 0.4,
    sleep: async (milliseconds) => {
      waits.push(milliseconds)
    },
  })
}

beforeEach(async () => {
  requests = 0
  waits = []
  server = await startHttpServer((request, response) => {
    requests++
    answer(request, response)
  })
  client = clientWith({})
})

afterEach(async () => {
  client.close()
  await server.close()
})

const signal = (): AbortSignal => AbortSignal.timeout(10_000)

async function get(url: string, abort = signal()): Promise<string> {
  const request = createPipelineRequest({ url, allowInsecureConnection: true, abortSignal: abort })
  return azureCall(abort, async () => {
    const response = await client.sendRequest(request)
    if (response.status >= 400) throw Object.assign(new Error('refused'), { name: 'RestError' })
    return response.bodyAsText ?? ''
  })
}

describe('a request that fails', () => {
  it.each([408, 429, 500, 502, 503, 504])('with %d is sent four times in all', async (status) => {
    answer = (_request, response) => response.writeHead(status).end()
    await expect(get(`${server.url}/x`)).rejects.toThrow(`RESPONSE ${status}: ${status} `)
    expect(requests).toBe(4)
    expect(waits).toEqual([800, 2400, 5600])
  })

  it.each([400, 401, 403, 404, 409, 412, 501])('with %d is not sent again', async (status) => {
    answer = (_request, response) => response.writeHead(status).end()
    await expect(get(`${server.url}/x`)).rejects.toThrow()
    expect([requests, waits]).toEqual([1, []])
  })

  it('is answered by a later one', async () => {
    answer = (_request, response) => (requests < 3 ? response.writeHead(503).end() : response.end('at last'))
    expect(await get(`${server.url}/x`)).toBe('at last')
  })

  it('waits as long as the service asks', async () => {
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '2' }).end()
    await expect(get(`${server.url}/x`)).rejects.toThrow()
    expect(waits).toEqual([2000, 2000, 2000])
  })

  it('is not sent again when the service asks for more than a minute', async () => {
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '61' }).end()
    await expect(get(`${server.url}/x`)).rejects.toThrow('RESPONSE 429: 429 Too Many Requests')
    expect([requests, waits]).toEqual([1, []])
  })

  it('because nobody listens is sent four times, and told as Go tells it', async () => {
    const gone = await startHttpServer(() => undefined)
    await gone.close()
    await expect(get(`${gone.url}/x?a=b`)).rejects.toThrow(
      `Get "${gone.url}/x?a=b": dial tcp 127.0.0.1:${gone.port}: connect: connection refused`,
    )
    expect(waits).toHaveLength(3)
  })

  it('because the server hangs up is told as Go tells it', async () => {
    answer = (request) => request.socket.destroy()
    await expect(get(`${server.url}/x`)).rejects.toThrow(`Get "${server.url}/x": EOF`)
    expect(requests).toBe(4)
  })

  it('keeps the reason phrase that was sent', async () => {
    answer = (_request, response) =>
      response.writeHead(404, 'The specified blob does not exist.', { 'x-ms-error-code': 'BlobNotFound' }).end()
    await expect(get(`${server.url}/x`)).rejects.toThrow(
      'RESPONSE 404: 404 The specified blob does not exist.\nERROR CODE: BlobNotFound\n',
    )
  })

  it('keeps the reason phrases of requests at the same time apart', async () => {
    answer = (request, response) => response.writeHead(400, `Reason ${request.url?.slice(1)}`).end()
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => get(`${server.url}/${index}`)))
    for (const [index, result] of results.entries()) {
      expect(result.status === 'rejected' && result.reason.message).toContain(`RESPONSE 400: 400 Reason ${index}\n`)
    }
  })
})

describe('a caller that gives up', () => {
  it('is told that its deadline passed', async () => {
    answer = () => undefined
    await expect(get(`${server.url}/x`, AbortSignal.timeout(50))).rejects.toThrow(/^context deadline exceeded$/)
  })

  it('is told that it cancelled, and no further request is sent', async () => {
    const controller = new AbortController()
    answer = (_request, response) => {
      controller.abort()
      response.writeHead(503).end()
    }
    await expect(get(`${server.url}/x`, controller.signal)).rejects.toThrow(/^context canceled$/)
    expect(requests).toBe(1)
  })
})

describe('a certificate', () => {
  const authority = selfSigned('test authority')
  let secure: TestServer
  let trusted: Awaited<ReturnType<typeof temporaryFile>>
  beforeAll(async () => {
    trusted = await temporaryFile('ca.pem', authority.certificate)
    secure = await startHttpsServer(signedBy(authority, ['localhost']), (_request, response) => response.end('secure'))
  })
  afterAll(async () => {
    await Promise.all([secure.close(), trusted.remove()])
  })

  it('is trusted when SSL_CERT_FILE has its authority', async () => {
    client = clientWith({ SSL_CERT_FILE: trusted.path })
    expect(await get(`https://localhost:${secure.port}/`)).toBe('secure')
  })

  it('of an unknown authority is refused', async () => {
    await expect(get(`https://localhost:${secure.port}/`)).rejects.toThrow(
      `Get "https://localhost:${secure.port}/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    )
  })

  it('of another host is refused', async () => {
    client = clientWith({ SSL_CERT_FILE: trusted.path })
    await expect(get(`${secure.url}/`)).rejects.toThrow('x509: certificate is not valid for 127.0.0.1')
  })

  it('file that is not there is told', () => {
    expect(() => clientWith({ SSL_CERT_FILE: '/nowhere/ca.pem' })).toThrow(
      'failed to read the certificates of SSL_CERT_FILE: open /nowhere/ca.pem: no such file or directory',
    )
  })
})

describe('the proxy variables', () => {
  let proxy: TestProxy
  beforeEach(async () => {
    proxy = await startProxy({})
    client.close()
  })
  afterEach(() => proxy.close())

  it('send plain HTTP to HTTP_PROXY', async () => {
    client = clientWith({ HTTP_PROXY: proxy.url })
    expect(await get('http://169.254.169.254/metadata?a=b')).toBe('answered by the proxy')
    expect(proxy.asked).toEqual(['GET http://169.254.169.254/metadata?a=b'])
  })

  it('are read in lower case too', async () => {
    client = clientWith({ http_proxy: proxy.url })
    expect(await get('http://169.254.169.254/')).toBe('answered by the proxy')
  })

  it('do not send plain HTTP to HTTPS_PROXY', async () => {
    client = clientWith({ HTTPS_PROXY: proxy.url, NO_PROXY: '' })
    answer = (_request, response) => response.end('direct')
    expect(await get(server.url)).toBe('direct')
    expect(proxy.asked).toEqual([])
  })

  it('are never used for loopback, so that an identity endpoint there is reached', async () => {
    client = clientWith({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url })
    answer = (_request, response) => response.end('direct')
    expect(await get(server.url)).toBe('direct')
    expect(proxy.asked).toEqual([])
  })

  it('leave the hosts of NO_PROXY out', async () => {
    client = clientWith({ HTTP_PROXY: proxy.url, NO_PROXY: 'elsewhere.invalid' })
    await expect(get('http://elsewhere.invalid/')).rejects.toThrow(/lookup elsewhere\.invalid: /)
    expect(proxy.asked).toEqual([])
  })

  it('tell a refused tunnel as Go tells it', async () => {
    client = clientWith({ HTTPS_PROXY: proxy.url })
    await expect(get('https://nobody.vault.azure.net/x')).rejects.toThrow(
      /^Get "https:\/\/nobody\.vault\.azure\.net\/x": Forbidden$/,
    )
    expect(proxy.asked).toHaveLength(4)
  })

  it('tell a proxy that is down as Go tells it, without its password', async () => {
    await proxy.close()
    client = clientWith({ HTTPS_PROXY: `http://user:hidden@127.0.0.1:${proxy.port}` })
    await expect(get('https://v.vault.azure.net/x')).rejects.toThrow(
      `Get "https://v.vault.azure.net/x": proxyconnect tcp: dial tcp 127.0.0.1:${proxy.port}: connect: connection refused`,
    )
    proxy = await startProxy({})
  })
})
