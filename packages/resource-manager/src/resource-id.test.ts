import { describe, expect, it } from 'vitest'
import { formatResourceId, parseResourceId } from './resource-id.ts'

const S = '/subscriptions/0d6a1d6e-5d7e-4d3c-8c1e-3b7b7a0a9d11'

describe('parseResourceId', () => {
  it.each([
    S,
    `${S}/resourceGroups/rg`,
    `${S}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1`,
    `${S}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1/secrets/s1`,
    `${S}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1/providers/Microsoft.Authorization/roleAssignments/a`,
    `${S}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults`,
    `${S}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv1`,
    '/providers/Microsoft.Authorization/roleDefinitions/x',
    `${S}/resourceGroups/providers/providers/N.S/providers2/providers3`,
  ])('reads %s and writes it back', (id) => {
    const parsed = parseResourceId(id)
    expect(parsed).toBeDefined()
    if (parsed !== undefined) expect(formatResourceId(parsed)).toBe(id)
  })

  it('keeps the case of names and spells the keywords as ARM does', () => {
    const parsed = parseResourceId(`${S}/RESOURCEGROUPS/Rg/Providers/microsoft.keyvault/Vaults/KV1`)
    expect(parsed).toMatchObject({ resourceGroup: 'Rg', namespace: 'microsoft.keyvault', names: ['KV1'] })
    expect(parsed && formatResourceId(parsed)).toBe(`${S}/resourceGroups/Rg/providers/microsoft.keyvault/Vaults/KV1`)
  })

  it('names what an extension resource extends', () => {
    const scope = `${S}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1/secrets/s1`
    const parsed = parseResourceId(`${scope}/providers/Microsoft.Authorization/roleAssignments/a`)
    expect(parsed).toMatchObject({
      scope,
      namespace: 'Microsoft.Authorization',
      types: ['roleAssignments'],
      names: ['a'],
    })
  })

  it.each([
    '',
    '/',
    'subscriptions/x',
    '/subscriptions',
    '/subscriptions//resourceGroups/rg',
    `${S}/resourceGroups`,
    `${S}/resourceGroups/..`,
    `${S}/resourceGroups/rg/providers`,
    `${S}/resourceGroups/rg/providers/Microsoft.KeyVault`,
    `${S}/resourceGroups/rg/vaults/kv1`,
    `${S}/resourceGroups/r\u0000g`,
    `${S}/resourceGroups/a\\b`,
    `${S}/resourceGroups/${'x'.repeat(10_000)}`,
  ])('refuses %j', (id) => {
    expect(parseResourceId(id)).toBeUndefined()
  })
})
