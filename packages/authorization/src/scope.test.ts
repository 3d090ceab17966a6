import { describe, expect, test } from 'vitest'
import { isAtOrBelow, scopeKey, scopesAbove } from './scope.ts'
import { generator } from './testing/random.ts'

describe('scopes', () => {
  test('are compared without case and without the slash at the end', () => {
    expect(scopeKey('/subscriptions/S/resourceGroups/G/')).toBe('/subscriptions/s/resourcegroups/g')
    expect(scopeKey('/')).toBe('')
  })

  test('are reached from every parent and the tenant root', () => {
    expect(scopesAbove('/a/b/c')).toEqual(['', '/a', '/a/b', '/a/b/c'])
    expect(scopesAbove('')).toEqual([''])
  })

  test('that are no absolute path are under nothing', () => {
    expect(scopesAbove('a/b')).toEqual([])
    expect(scopesAbove('subscriptions')).toEqual([])
  })

  test('/a/b is not above /a/bc', () => {
    expect(isAtOrBelow('/a/bc', '/a/b')).toBe(false)
    expect(isAtOrBelow('/a/b/c', '/a/b')).toBe(true)
    expect(isAtOrBelow('/a/b', '/a/b')).toBe(true)
    expect(isAtOrBelow('/a', '/a/b')).toBe(false)
  })

  test('are under each other when their segments are, on 20,000 random pairs', () => {
    const random = generator(3)
    const scope = () => Array.from({ length: random.below(5) }, () => `/${random.pick(['a', 'b', 'ab', 'A'])}`).join('')
    for (let round = 0; round < 20_000; round++) {
      const [upper, lower] = [scope(), scope()]
      const above = upper.toLowerCase().split('/')
      const below = lower.toLowerCase().split('/')
      const expected = above.every((segment, index) => segment === below[index])
      expect([upper, lower, isAtOrBelow(scopeKey(lower), scopeKey(upper))]).toEqual([upper, lower, expected])
      expect(scopesAbove(scopeKey(lower)).includes(scopeKey(upper))).toBe(expected)
    }
  })
})
