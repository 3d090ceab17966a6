import { expect, test } from 'vitest'
import { headersForApp, headersForClient } from './headers.ts'

const origin = {
  host: 'web.x.westeurope.azurecontainerapps.io',
  askedHost: 'web.x.westeurope.apps.keystead.localhost:8080',
  peer: '127.0.0.1',
  secure: true,
  requestId: () => 'made here',
}

test('an app gets what is for it, in HTTP/1.1 terms, and where the request came from', () => {
  const rawHeaders = [
    ':method',
    'GET',
    'cookie',
    'a=1',
    'Cookie',
    'b=2',
    'TE',
    'trailers',
    'X-Kept',
    '1',
    'X-Kept',
    '2',
  ]
  const sent = headersForApp({ headers: { 'x-forwarded-for': '203.0.113.9' }, rawHeaders }, origin)
  expect(sent).toEqual([
    ...['host', origin.host, 'x-kept', '1', 'x-kept', '2', 'cookie', 'a=1; b=2'],
    ...['x-forwarded-for', '203.0.113.9,127.0.0.1', 'x-forwarded-proto', 'https'],
    ...['x-forwarded-host', origin.askedHost, 'x-request-id', 'made here'],
  ])
})

test('what the Connection header names stays on its connection', () => {
  const rawHeaders = ['Connection', 'close, X-Hop', 'X-Hop', 'here', 'X-End', 'there', 'Keep-Alive', 'timeout=5']
  expect(headersForClient(rawHeaders)).toEqual(['x-end', 'there'])
  const sent = headersForApp({ headers: { connection: 'close, X-Hop' }, rawHeaders }, origin)
  expect(sent).not.toContain('x-hop')
  expect(sent).toContain('x-end')
})
