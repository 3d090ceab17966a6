import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { IngressSpec } from '../platform/platform.ts'
import { Ingress } from './ingress.ts'

const DOMAIN = 'x.westeurope.azurecontainerapps.io'
const HOST = `web.${DOMAIN}`
const app = createServer(() => {})
let addresses: readonly string[] = []
let waking = true
let ingress: Ingress

const spec: IngressSpec = {
  place: { appId: 'web', appName: 'web', environmentId: 'e', environmentName: 'e', defaultDomain: DOMAIN },
  external: true,
  transport: 'auto',
  allowInsecure: true,
  stickySessions: false,
  traffic: [{ revision: 'web--1', weight: 100 }],
  ipRestrictions: [],
}

beforeEach(async () => {
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  addresses = [`http://127.0.0.1:${(app.address() as AddressInfo).port}`]
  waking = true
  ingress = await Ingress.start({
    replicas: { addresses: () => addresses, wake: () => waking, onChange: () => () => {} },
    ports: { plain: 0, secure: 0 },
    secureContext: () => Promise.reject(new Error('no certificate here')),
    requestTimeout: 20,
    log: () => {},
  })
  ingress.route(spec)
})
afterEach(async () => {
  await ingress.close()
  app.removeAllListeners('request')
  app.closeAllConnections()
  await new Promise((resolve) => app.close(resolve))
})

async function ask(headers: Record<string, string> = {}): Promise<string> {
  const asked = get({ port: ingress.ports.plain, headers: { host: HOST, ...headers }, agent: false })
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return `${answer.statusCode} ${await text(answer)}`
}

test('an app that does not answer in time is given up', async () => {
  const gone = once(app, 'request').then(([, response]) => once(response, 'close'))
  expect(await ask()).toBe('504 upstream request timeout')
  await gone
})

test('a WebSocket that is not answered in time is given up', async () => {
  const gone = once(app, 'upgrade').then(async ([, socket]) => {
    await once(socket.resume(), 'end')
    socket.end()
  })
  expect(await ask({ connection: 'Upgrade', upgrade: 'websocket' })).toBe('504 upstream request timeout')
  await gone
})

test('a replica that does not come in time is not waited for, nor one that will not come', async () => {
  addresses = []
  expect(await ask()).toBe('504 upstream request timeout')
  waking = false
  expect(await ask()).toBe('503 no healthy upstream')
})

test('an answer that is longer than the time is broken off', async () => {
  app.once('request', (_request, response) => response.write('begun'))
  await expect(ask()).rejects.toThrow('aborted')
})

test('new routes replace an app’s old ones', async () => {
  app.on('request', (_request, response) => response.end('here'))
  expect(await ask()).toBe('200 here')
  ingress.route({ ...spec, external: false })
  expect(await ask()).toMatch(/^404 /)
  expect(await ask({ host: `web.internal.${DOMAIN}` })).toBe('200 here')
})

test('an IP restriction that is no range is refused', () => {
  const ipRestrictions = [{ name: 'all', ipAddressRange: '10.0.0.0/99', action: 'Deny' as const }]
  expect(() => ingress.route({ ...spec, ipRestrictions })).toThrow(/"10\.0\.0\.0\/99" is no range/)
})
