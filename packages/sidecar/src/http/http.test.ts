import { describe, expect, it } from 'vitest'
import { createCors } from './cors.ts'
import { metricPath } from './metric-path.ts'
import { isRouteAllowed } from './route.ts'
import { Router } from './router.ts'
import { validTraceparent } from './trace-context.ts'
import { cleanPath, hasBadEscape, queryParameters, queryUnescape } from './url.ts'

describe('the router', () => {
  const router = new Router<string>()
  router.add(['GET'], '/v1.0/state/{store}/{key}', 'get')
  router.add(['POST'], '/v1.0/state/{store}/bulk', 'bulk')
  router.add(['POST'], '/v1.0/state/{store}', 'save')
  router.add([], '/v1.0/invoke/*', 'invoke')
  it.each([
    ['GET', '/v1.0/state/s/k', 'get', ['s', 'k']],
    ['GET', '/v1.0/state/s/bulk', 'get', ['s', 'bulk']],
    ['POST', '/v1.0/state/s/bulk', 'bulk', ['s']],
    ['POST', '/v1.0/state/s', 'save', ['s']],
    ['PATCH', '/v1.0/invoke/a/b', 'invoke', ['a/b']],
  ])('%s %s goes to %s', (method, path, route, parameters) => {
    expect(router.find(method, path)).toEqual({ route, parameters })
  })
  it.each([
    ['PATCH', '/v1.0/state/s/k'],
    ['GET', '/v1.0/state'],
    ['GET', '/v1.0/state/s/k/more'],
    ['GET', '/'],
    ['GET', '/v1.0/__proto__/x'],
  ])('%s %s goes nowhere', (method, path) => {
    expect(router.find(method, path)).toBeUndefined()
  })
})

describe('URLs', () => {
  it('are cleaned as Go cleans paths', () => {
    expect(cleanPath('//v1.0///a/./b/../c/')).toBe('/v1.0/a/c')
    expect(cleanPath('/../..')).toBe('/')
  })
  it('are unescaped as Go unescapes queries', () => {
    expect(queryUnescape('a+b%2Fc%F0%9F%98%80')).toBe('a b/c😀')
    expect(queryUnescape('%ff+é')).toBe('\ufffd é')
    expect(queryUnescape('%zz')).toBeUndefined()
    expect(hasBadEscape('/a%2')).toBe(true)
    expect([...queryParameters('a=1&a=2&b=%zz&c;d=1&metadata.x=y+z')]).toEqual([
      ['a', '1'],
      ['metadata.x', 'y z'],
    ])
  })
  it('make metric labels without keys', () => {
    expect(metricPath('/v1.0/state/s/key/with')).toBe('/v1.0/state/s')
    expect(metricPath('/v1.0/healthz/outbound')).toBe('/v1.0/healthz/outbound')
    expect(metricPath('/v1.0/actors/T/1/state/k')).toBe('/v1.0/actors/T/{id}/state')
    expect(metricPath('/v1.0/workflows/dapr/id/terminate')).toBe('/v1.0/workflows/dapr/{instanceId}/terminate')
  })
})

it('API rules deny first, then allow only what they list', () => {
  const state = { version: 'v1.0', path: 'state/{storeName}', group: 'state' }
  const rule = (name: string, protocol = 'http') => ({ name, version: 'v1', protocol })
  expect(isRouteAllowed(state, [], [])).toBe(true)
  expect(isRouteAllowed(state, [rule('secrets')], [])).toBe(false)
  expect(isRouteAllowed(state, [rule('state')], [])).toBe(true)
  expect(isRouteAllowed(state, [rule('state')], [rule('state')])).toBe(false)
  expect(isRouteAllowed(state, [], [rule('state', 'grpc')])).toBe(true)
  expect(isRouteAllowed({ ...state, alwaysAllowed: true }, [rule('secrets')], [])).toBe(true)
})

it('origins are matched with one wildcard', () => {
  const cors = createCors('http://*.example.com,http://b')
  expect(cors?.headers('http://a.example.com')).toEqual([
    'Vary',
    'Origin',
    'Access-Control-Allow-Origin',
    'http://a.example.com',
  ])
  expect(cors?.headers('http://evil.com')).toEqual(['Vary', 'Origin'])
  expect(createCors('*')?.headers('http://x')).toEqual(['Access-Control-Allow-Origin', '*'])
  expect(createCors('')).toBeUndefined()
})

it('trace parents are checked before they are given back', () => {
  expect(validTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')).toBeDefined()
  for (const bad of [
    '',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ]) {
    expect(validTraceparent(bad)).toBeUndefined()
  }
})
