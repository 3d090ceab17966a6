import { describe, expect, test } from 'vitest'
import { generator } from './testing/random.ts'
import { compilePatterns } from './wildcard.ts'

/** The definition, slowly: `*` is any run of characters, as a whole segment it may be none, and case is nothing. */
function matches(pattern: string, action: string): boolean {
  if (pattern === '') return action === ''
  if (pattern.startsWith('/*/') && matches(pattern.slice(2), action)) return true
  if (pattern[0] === '*') {
    return matches(pattern.slice(1), action) || (action !== '' && matches(pattern, action.slice(1)))
  }
  return (
    action !== '' &&
    pattern[0]?.toLowerCase() === action[0]?.toLowerCase() &&
    matches(pattern.slice(1), action.slice(1))
  )
}

describe('compilePatterns', () => {
  test.each([
    ['*', 'microsoft.keyvault/vaults/read', true],
    ['*/read', 'microsoft.keyvault/vaults/read', true],
    ['*/read', 'microsoft.keyvault/vaults/read/action', false],
    ['Microsoft.KeyVault/vaults/*', 'microsoft.keyvault/vaults/secrets/getsecret/action', true],
    ['Microsoft.KeyVault/vaults/*', 'microsoft.keyvault/vaults', false],
    ['Microsoft.Authorization/*/Write', 'microsoft.authorization/roleassignments/write', true],
    ['Microsoft.Authorization/*/Write', 'microsoft.authorization/write', true],
    ['Microsoft.Authorization/*/Write', 'microsoft.authorizationwrite', false],
    ['Microsoft.Authorization/*/Write', 'microsoft.authorization/awrite', false],
    ['A/*/assign/action', 'a/assign/action', true],
    ['A/*/assign/action', 'a/b/c/assign/action', true],
    ['a/*/*/b', 'a/b', true],
    ['a/**/b', 'a/b', true],
    ['/*', '/', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['Microsoft.KeyVault/vaults/read', 'microsoftxkeyvault/vaults/read', false],
    ['(a+)+*b', 'aaaaaaaa', false],
    ['', '', true],
    ['', 'a', false],
  ])('%j on %j: %j', (pattern, action, expected) => {
    expect(compilePatterns([pattern])(action)).toBe(expected)
  })

  test('no pattern matches nothing', () => {
    expect(compilePatterns([])('a')).toBe(false)
  })

  test('agrees with the definition on 20,000 random patterns and actions', () => {
    const random = generator(7)
    for (let round = 0; round < 20_000; round++) {
      const pattern = random.text('abA//.***', 9).replace(/\*+/g, '*')
      const action = random.text('ab//.', 8)
      expect([pattern, action, compilePatterns([pattern])(action)]).toEqual([pattern, action, matches(pattern, action)])
    }
  })

  test('takes time in line with the length, whatever the pattern', () => {
    const hostile = compilePatterns([`${'*a'.repeat(500)}b`])
    expect(hostile('a'.repeat(20_000))).toBe(false)
  })
})
