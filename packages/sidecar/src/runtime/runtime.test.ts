import type { SecretStore } from '@keystead/components'
import { describe, expect, it } from 'vitest'
import type { Component } from '../loading/component.ts'
import type { Logger } from '../log/logger.ts'
import { fillTemplates, isEnvironmentAllowed, resolveReferences } from './resolve-metadata.ts'
import { isSecretAllowed } from './secrets.ts'
import { appKey, keyPrefix, storeKey } from './state-keys.ts'

describe('secret scopes', () => {
  const scope = (more: object) => ({
    storeName: 's',
    defaultAccess: '',
    allowedSecrets: [],
    deniedSecrets: [],
    ...more,
  })
  it.each([
    [{}, true],
    [{ defaultAccess: 'DENY' }, false],
    [{ deniedSecrets: ['k'] }, false],
    [{ deniedSecrets: ['other'] }, true],
    [{ defaultAccess: 'deny', allowedSecrets: ['k'] }, true],
    [{ allowedSecrets: ['other'] }, false],
    [{ allowedSecrets: ['k'], deniedSecrets: ['k'] }, true],
  ])('%j lets k through: %s', (more, expected) => {
    expect(isSecretAllowed(scope(more), 'k')).toBe(expected)
  })
})

describe('state keys', () => {
  const scope = { appId: 'app', namespace: 'ns' }
  it.each([
    [{}, 'app||k'],
    [{ keyPrefix: 'appid' }, 'app||k'],
    [{ KeyPrefix: 'Name' }, 'store||k'],
    [{ keyPrefix: 'namespace' }, 'ns.app||k'],
    [{ keyPrefix: 'none' }, 'k'],
    [{ keyPrefix: 'Custom' }, 'custom||k'],
  ])('with %j become %s', (metadata, expected) => {
    const key = storeKey('k', keyPrefix(metadata, 'store', scope), 'store')
    expect(key).toBe(expected)
    expect(appKey(key)).toBe('k')
  })

  it('may not hold the separator, nor may a prefix', () => {
    expect(() => storeKey('a||b', 'app', 's')).toThrow(
      "api error: code = InvalidArgument desc = input key/keyPrefix 'a||b' can't contain '||'",
    )
    expect(() => keyPrefix({ keyPrefix: 'a||b' }, 's', scope)).toThrow("can't contain '||'")
  })
})

describe("a component's references", () => {
  const messages: string[] = []
  const note = (message: string) => messages.push(message)
  const log = { warn: note, error: note } as unknown as Logger
  const component = (metadata: Component['metadata'], secretStore = 'vault'): Component => ({
    name: 'c',
    namespace: 'n',
    type: 't',
    version: 'v1',
    ignoreErrors: false,
    initTimeout: '',
    scopes: [],
    annotations: {},
    metadata,
    secretStore,
  })
  let calls = 0
  const vault: SecretStore = {
    features: [],
    async getSecret(name, metadata) {
      calls++
      expect(metadata).toEqual({ namespace: 'n' })
      if (name === 'refused') throw new Error('403')
      return { [name]: `"quoted ${name}"`, key: 'value', empty: '' }
    },
    bulkGetSecret: async () => ({}),
  }
  const resolve = (target: Component) =>
    resolveReferences(
      target,
      new Map([['vault', vault]]),
      { HOME: '/root', DAPR_ENV_KEYS: '' },
      log,
      new AbortController().signal,
    )

  it('are read once each, and a refused one is left without a value', async () => {
    const ref = (name: string, key = '') => ({ name: `${name}.${key}`, secretKeyRef: { name, key } })
    const resolved = await resolve(
      component([ref('a'), ref('a', 'key'), ref('refused'), ref('a', 'empty'), { name: 'e', envRef: 'HOME' }]),
    )
    expect(resolved.kind === 'resolved' && resolved.metadata.map(({ value }) => value)).toEqual([
      'quoted a',
      'value',
      undefined,
      undefined,
      '/root',
    ])
    expect(calls).toBe(2)
    expect(messages).toEqual(['Error getting secret: 403'])
  })

  it('wait for a store that is not there', async () => {
    expect(await resolve(component([{ name: 'x', secretKeyRef: { name: 'a', key: '' } }], 'other'))).toEqual({
      kind: 'waits',
      secretStore: 'other',
    })
  })

  it.each([
    ['HOME', '', true],
    ['DAPR_API_TOKEN', '', false],
    ['dapr_x', '', false],
    ['APP_API_TOKEN', '', false],
    ['A B', '', false],
    ['HOME', 'PATH HOME', true],
    ['HOM', 'PATH HOME', false],
  ])('to %s with the list %j are allowed: %s', (name, list, expected) => {
    expect(isEnvironmentAllowed(name, { DAPR_ENV_KEYS: list })).toBe(expected)
  })

  it('fill templates', () => {
    const values = { appId: 'app', podName: '', namespace: 'default' }
    expect(fillTemplates([{ name: 'a', value: '{appID}-{namespace}' }], values)).toEqual({ a: 'app-default.app' })
    expect(fillTemplates([{ name: 'u', value: '{uuid}' }], values)['u']).toMatch(/^[0-9a-f-]{36}$/)
    expect(() => fillTemplates([{ name: 'p', value: '{podName}' }], values)).toThrow(
      'failed to parse metadata: property p refers to {podName} but podName is not set',
    )
  })
})
