import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectThrough, type GatewayFixture, get, request, secure, startFixture } from './testing/gateway-fixture.ts'

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

  test('an Azure name works as well', async () => {
    const socket = await secure(fixture, { servername: 'KV1.vault.azure.net' })
    const answer = await request(socket, get('kv1.vault.azure.net:443', '/', 'X-Forwarded-Host: forged\r\n'))
    const body = JSON.parse(answer.body) as Record<string, unknown>
    expect(body).toMatchObject({ service: 'vault', host: 'kv1.vault.azure.net' })
    expect(body).not.toHaveProperty('forwarded')
  })
})

describe('CONNECT', () => {
  test('to a claimed name ends in TLS of the local authority', async () => {
    const { head, socket } = await connectThrough(fixture.gateway.port, 'kv1.vault.azure.net:443')
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    const tls = await secure(fixture, { socket, servername: 'kv1.vault.azure.net' })
    const answer = await request(tls, get('kv1.vault.azure.net', '/secrets/s1'))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({ service: 'vault', url: '/secrets/s1', host: 'kv1.vault.azure.net' })
  })

  test('curl works through it', async () => {
    const { stdout } = await run('curl', [
      '--silent',
      '--show-error',
      '--proxy',
      fixture.proxy,
      '--cacert',
      fixture.authority.certificatePath,
      '--data',
      'abc',
      'https://kv1.vault.azure.net/secrets/s1',
      '--next',
      '--silent',
      '--proxy',
      fixture.proxy,
      '--cacert',
      fixture.authority.certificatePath,
      'https://login.microsoftonline.com/common',
    ])
    expect(stdout).toContain('"method":"POST","url":"/secrets/s1","host":"kv1.vault.azure.net","bytes":3')
    expect(stdout).toContain('"service":"login"')
  })
})
