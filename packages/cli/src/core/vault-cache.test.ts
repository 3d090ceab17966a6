import { describe, expect, test } from 'vitest'
import { CliError } from '../cli-error.ts'
import { vaultCacheBytes } from './vault-cache.ts'

describe('KEYSTEAD_VAULT_CACHE_BYTES', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['0', 0],
    ['1048576', 1_048_576],
  ])('%s means %s', (text, bytes) => {
    expect(vaultCacheBytes({ KEYSTEAD_VAULT_CACHE_BYTES: text })).toBe(bytes)
  })

  test.each(['-1', '1.5', '16MiB', '1e9', ' ', '9'.repeat(16)])('%j is refused', (text) => {
    expect(() => vaultCacheBytes({ KEYSTEAD_VAULT_CACHE_BYTES: text })).toThrow(CliError)
  })
})
