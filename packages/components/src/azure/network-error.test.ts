import { describe, expect, it } from 'vitest'
import { formatNetworkError } from './network-error.ts'

const url = 'https://v.vault.azure.net/secrets/a/?api%2Dversion=7.5'
const shown = 'Get "https://v.vault.azure.net/secrets/a/?api-version=7.5": '

describe('a request without a response reads as Go prints it', () => {
  it.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:443', false, 'dial tcp 10.0.0.1:443: connect: connection refused'],
    ['ECONNREFUSED', '', false, 'dial tcp v.vault.azure.net:443: connect: connection refused'],
    [
      'ECONNREFUSED',
      'connect ECONNREFUSED 10.0.0.1:80',
      true,
      'proxyconnect tcp: dial tcp 10.0.0.1:80: connect: connection refused',
    ],
    [
      'ENETUNREACH',
      'connect ENETUNREACH 10.0.0.1:443',
      false,
      'dial tcp 10.0.0.1:443: connect: network is unreachable',
    ],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND v.vault.azure.net', false, 'dial tcp: lookup v.vault.azure.net: no such host'],
    [
      'EAI_AGAIN',
      'getaddrinfo EAI_AGAIN v.vault.azure.net',
      false,
      'dial tcp: lookup v.vault.azure.net: server misbehaving',
    ],
    ['ECONNRESET', 'socket hang up', false, 'EOF'],
    ['ECONNRESET', 'read ECONNRESET', false, 'read: connection reset by peer'],
    [
      'CERT_HAS_EXPIRED',
      'certificate has expired',
      false,
      'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
    ],
    [
      'ERR_PROXY_TUNNEL',
      'Failed to establish tunnel to v:443 via http://p/: HTTP/1.1 502 Bad Gateway',
      true,
      'Bad Gateway',
    ],
    ['ERR_PROXY_TUNNEL', 'Failed', true, 'unknown status code'],
    ['EWEIRD', 'something else', false, 'something else'],
  ])('%s %s', (code, message, proxied, text) => {
    expect(formatNetworkError({ method: 'GET', url, code, message, proxied })).toBe(shown + text)
  })
})
