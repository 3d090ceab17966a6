import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SidecarProcess, startSidecar } from '../testing/sidecar-process.ts'
import { fromRawHeaders, toGrpcMetadata, toHttpHeaders } from './headers.ts'
import { MethodNameError, normalizeMethod, requestPath } from './method-name.ts'

describe('a method name', () => {
  it.each([
    ['orders/1', 'orders/1'],
    ['a/../b', 'b'],
    ['../../etc/passwd', 'etc/passwd'],
    ['./a//b/', 'a/b'],
    ['', ''],
    ['/rooted/../x', '/x'],
  ])('%j is %j', (given, expected) => expect(normalizeMethod(given)).toBe(expected))

  it.each(['a#b', 'a?b', 'a\0b', 'a\tb', 'a\x7fb'])('%j is refused', (given) => {
    expect(() => normalizeMethod(given)).toThrow(MethodNameError)
  })

  it('is escaped for the wire as Go escapes it', () => {
    expect(requestPath('/a b')).toBe('/a%20b')
    expect(requestPath('/a%2Fb')).toBe('/a%2Fb')
    expect(requestPath('/ä"')).toBe('/%C3%A4%22')
    expect(requestPath('/a%zz')).toBeUndefined()
  })
})

describe('headers', () => {
  const headers = fromRawHeaders([
    ...['connection', 'x-hop, keep-alive', 'X-Hop', '1', 'te', 'trailers', 'accept', 'a/b', 'x-own', '1', 'x-own', '2'],
    ...['traceparent', '00-x', 'content-length', '3', 'grpc-timeout', '1S'],
  ])

  it('go on over HTTP without those of the connection, the trace and the body', () => {
    expect(toHttpHeaders(headers)).toEqual([
      ...['Accept', 'a/b', 'X-Own', '1', 'X-Own', '2', 'Dapr-Grpc-Timeout', '1S'],
    ])
  })

  it("become metadata, HTTP's own under a prefix", () => {
    expect(toGrpcMetadata(headers)).toMatchObject({ 'dapr-accept': ['a/b'], 'x-own': ['1', '2'] })
    expect(toGrpcMetadata(headers)).not.toHaveProperty('te')
    expect(toGrpcMetadata(headers)).not.toHaveProperty('traceparent')
  })
})

describe('an app behind its sidecar', () => {
  let app: Server
  let callee: SidecarProcess
  let caller: SidecarProcess
  const local = ['--dapr-listen-addresses', '127.0.0.1', '--dapr-internal-grpc-listen-address', '127.0.0.1']

  beforeAll(async () => {
    app = createServer((incoming, response) => {
      if (incoming.url === '/fail') {
        response.writeHead(418, { 'X-Why': 'teapot' }).end('short and stout')
        return
      }
      response.writeHead(201, { 'Content-Type': 'text/plain', 'X-Token': incoming.headers['dapr-api-token'] ?? 'none' })
      incoming.pipe(response)
    })
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    const { port } = app.address() as AddressInfo
    ;[callee, caller] = await Promise.all([
      startSidecar({
        args: ['--app-id', 'callee', '--app-port', String(port), ...local],
        environment: { APP_API_TOKEN: 'from-the-sidecar' },
        resources: {
          'upper.yaml': component('upper', 'middleware.http.uppercase'),
          'config.yml.txt': 'not a resource',
        },
      }),
      startSidecar({
        args: ['--app-id', 'caller', ...local],
        resources: {
          'policies.yaml': `apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: policies}
spec:
  policies:
    retries: {three: {policy: constant, duration: 1ms, maxRetries: 2}}
    circuitBreakers: {trips: {maxRequests: 1, timeout: 1h, trip: consecutiveFailures >= 2}}
  targets:
    apps:
      flaky: {retry: three}
      broken: {circuitBreaker: trips}
`,
          'flaky.yaml': endpoint('flaky', port),
          'broken.yaml': endpoint('broken', port),
        },
      }),
    ])
    await Promise.all([callee.line('dapr initialized'), caller.line('dapr initialized')])
  }, 60_000)

  afterAll(async () => {
    await Promise.all([callee?.stop(), caller?.stop()])
    app.close()
    app.closeAllConnections()
  })

  it('is called by its id from another sidecar, with its own token', async () => {
    const response = await fetch(`${caller.url}/v1.0/invoke/callee/method/echo?x=1`, { method: 'POST', body: 'hello' })
    expect(response.status).toBe(201)
    expect(response.headers.get('x-token')).toBe('from-the-sidecar')
    expect(await response.text()).toBe('hello')
  })

  it('gets a large body whole, from a caller that asks first whether it may send it', async () => {
    const body = 'x'.repeat(1 << 20)
    const answer = await new Promise<string>((resolve, reject) => {
      const client = request(`${caller.url}/v1.0/invoke/callee/method/echo`, {
        method: 'POST',
        headers: { Expect: '100-continue', 'Content-Length': body.length },
      })
      client.once('error', reject)
      client.once('continue', () => client.end(body))
      client.once('response', async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve(text)
      })
      client.flushHeaders()
    })
    expect(answer).toBe(body)
  })

  it('is called by its own sidecar, the id in a header', async () => {
    const response = await fetch(`${callee.url}/echo`, {
      method: 'PUT',
      body: 'there',
      headers: { 'dapr-app-id': 'callee' },
    })
    expect([response.status, await response.text()]).toEqual([201, 'there'])
  })

  it("gives its refusal back as it is, and says so of an app that isn't there", async () => {
    const refused = await fetch(`${caller.url}/v1.0/invoke/callee/method/fail`)
    expect([refused.status, refused.headers.get('x-why'), await refused.text()]).toEqual([
      418,
      'teapot',
      'short and stout',
    ])
    const missing = await fetch(`${caller.url}/v1.0/invoke/nobody/method/x`)
    expect(missing.status).toBe(500)
    expect(await missing.json()).toEqual({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: "failed to invoke, id: nobody, err: couldn't find service: nobody",
    })
  })

  it('is tried again as a policy says, and left alone when its circuit breaker is open', async () => {
    const count = () => metric(caller, 'dapr_resiliency_activations_total')
    const tried = await fetch(`${caller.url}/v1.0/invoke/flaky/method/fail`)
    expect(tried.status).toBe(418)
    expect(await count()).toContain('target="app_flaky"')
    await fetch(`${caller.url}/v1.0/invoke/broken/method/fail`)
    await fetch(`${caller.url}/v1.0/invoke/broken/method/fail`)
    const open = await fetch(`${caller.url}/v1.0/invoke/broken/method/fail`)
    expect(await open.json()).toMatchObject({
      message: 'failed to invoke, id: broken, err: circuit breaker is open',
    })
  })
})

async function metric(sidecar: SidecarProcess, name: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${sidecar.metricsPort}/`)
  const text = await response.text()
  return text
    .split('\n')
    .filter((line) => line.startsWith(name))
    .join('\n')
}

function component(name: string, type: string): string {
  return `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1}\n`
}

function endpoint(name: string, port: number): string {
  return `apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: ${name}}\nspec: {baseUrl: "http://127.0.0.1:${port}"}\n`
}
