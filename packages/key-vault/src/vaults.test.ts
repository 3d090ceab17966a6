import type { AccessPolicyUpdateKind } from '@azure/arm-keyvault'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  groupPath,
  openTestCloud,
  type Person,
  roles,
  subscriptionId,
  type TestCloud,
  tenantId,
} from './testing/cloud.ts'

const day = 86_400_000
const version = 'api-version=2026-02-01'

let cloud: TestCloud
let alice: Person
let names = 0
/** A name that no other test has used. */
let name: string
const parameters = {
  location: 'westeurope',
  properties: { tenantId, sku: { family: 'A', name: 'standard' }, enableRbacAuthorization: true },
} as const

beforeAll(async () => {
  cloud = await openTestCloud()
  alice = await cloud.person()
  await cloud.grant(alice, roles.secretsOfficer, groupPath)
})
afterAll(() => cloud.close())
beforeEach(() => {
  names += 1
  name = `kv-${names}`
})

const get = (vault: string, secret = 's') =>
  cloud.send({ host: `${vault}.vault.azure.net`, path: `/secrets/${secret}?api-version=7.5`, as: alice })
const set = (vault: string, value = 'v', secret = 's') =>
  cloud.send({
    method: 'PUT',
    host: `${vault}.vault.azure.net`,
    path: `/secrets/${secret}?api-version=7.5`,
    as: alice,
    body: { value },
  })
const put = (vault: string, properties: object = {}, rest: object = {}) =>
  cloud.arm('PUT', `${cloud.vaultId(vault)}?${version}`, {
    location: 'westeurope',
    ...rest,
    properties: { ...parameters.properties, ...properties },
  })
const deletedPath = (vault: string) =>
  `/subscriptions/${subscriptionId}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/${vault}`

describe('KeyVaultManagementClient of @azure/arm-keyvault', () => {
  it('creates a vault that is ready, gets it, lists it and updates it', async () => {
    const client = cloud.vaults()
    const created = await client.vaults.createOrUpdate('rg', name, { ...parameters, tags: { team: 'orders' } })
    expect(created).toMatchObject({
      id: cloud.vaultId(name),
      name,
      type: 'Microsoft.KeyVault/vaults',
      location: 'westeurope',
      tags: { team: 'orders' },
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [],
        enableSoftDelete: true,
        softDeleteRetentionInDays: 90,
        enableRbacAuthorization: true,
        publicNetworkAccess: 'Enabled',
        vaultUri: `https://${name}.vault.azure.net/`,
        provisioningState: 'Succeeded',
      },
    })
    expect((await set(name)).status).toBe(200)
    expect(await client.vaults.get('rg', name)).toEqual(created)
    const inGroup = []
    for await (const vault of client.vaults.listByResourceGroup('rg')) inGroup.push(vault.name)
    expect(inGroup).toContain(name)
    const inSubscription = []
    for await (const vault of client.vaults.listBySubscription()) inSubscription.push(vault.name)
    expect(inSubscription).toContain(name)
    const updated = await client.vaults.update('rg', name, { properties: { enabledForDeployment: true } })
    expect(updated.properties).toMatchObject({ enabledForDeployment: true, enableRbacAuthorization: true })
    expect(updated.tags).toEqual({ team: 'orders' })
  })

  it('deletes a vault softly, shows it among the deleted, and recovers it with its secrets', async () => {
    const client = cloud.vaults()
    await client.vaults.createOrUpdate('rg', name, { ...parameters, tags: { a: 'b' } })
    await set(name, 'kept')
    await client.vaults.delete('rg', name)
    await expect(client.vaults.get('rg', name)).rejects.toMatchObject({ statusCode: 404 })
    expect((await get(name)).status).toBe(404)
    expect(cloud.keyVault.exists(name)).toBe(false)
    expect(await client.vaults.getDeleted(name, 'westeurope')).toMatchObject({
      name,
      properties: {
        vaultId: cloud.vaultId(name),
        location: 'westeurope',
        tags: { a: 'b' },
        deletionDate: new Date(cloud.time.now),
        scheduledPurgeDate: new Date(cloud.time.now + 90 * day),
      },
    })
    const deleted = []
    for await (const each of client.vaults.listDeleted()) deleted.push(each.name)
    expect(deleted).toContain(name)
    await client.vaults.createOrUpdate('rg', name, {
      ...parameters,
      properties: { ...parameters.properties, createMode: 'recover' },
    })
    expect((await get(name)).body.value).toBe('kept')
    expect((await client.vaults.get('rg', name)).tags).toEqual({ a: 'b' })
  })

  it('has no managed HSM, live or deleted, to list', async () => {
    const listed = []
    for await (const each of cloud.vaults().managedHsms.listBySubscription()) listed.push(each)
    for await (const each of cloud.vaults().managedHsms.listDeleted()) listed.push(each)
    expect(listed).toEqual([])
  })

  it('purges a deleted vault, whose name is then free and whose secrets are gone', async () => {
    const client = cloud.vaults()
    await client.vaults.createOrUpdate('rg', name, parameters)
    await set(name)
    await client.vaults.delete('rg', name)
    await client.vaults.purgeDeleted(name, 'westeurope')
    await expect(client.vaults.getDeleted(name, 'westeurope')).rejects.toMatchObject({ statusCode: 404 })
    await client.vaults.createOrUpdate('rg', name, parameters)
    expect((await get(name)).body.error?.code).toBe('SecretNotFound')
  })

  it('checks whether a name is free', async () => {
    const client = cloud.vaults()
    const check = (wanted: string) =>
      client.vaults.checkNameAvailability({ name: wanted, type: 'Microsoft.KeyVault/vaults' })
    expect(await check(name)).toEqual({ nameAvailable: true, reason: undefined, message: undefined })
    await client.vaults.createOrUpdate('rg', name, parameters)
    expect(await check(name.toUpperCase())).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' })
    await client.vaults.delete('rg', name)
    expect(await check(name)).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' })
    expect(await check('-')).toMatchObject({ nameAvailable: false, reason: 'AccountNameInvalid' })
  })

  it("checks whether a name could be a managed HSM's, as az does for either kind", async () => {
    const check = async (wanted: string) => await cloud.vaults().managedHsms.checkMhsmNameAvailability({ name: wanted })
    expect(await check('hsm-orders')).toMatchObject({ nameAvailable: true })
    expect(await check('1hsm')).toMatchObject({ nameAvailable: false, reason: 'AccountNameInvalid' })
  })

  it('adds to, replaces and removes from access policies', async () => {
    const client = cloud.vaults()
    const properties = { ...parameters.properties, enableRbacAuthorization: false, accessPolicies: [] }
    await client.vaults.createOrUpdate('rg', name, { ...parameters, properties })
    const change = async (kind: AccessPolicyUpdateKind, secrets: string[], objectId = alice.objectId) => {
      const accessPolicies = [{ tenantId, objectId, permissions: { secrets } }]
      const result = await client.vaults.updateAccessPolicy('rg', name, kind, { properties: { accessPolicies } })
      return result.properties.accessPolicies?.map((policy) => [policy.objectId, policy.permissions.secrets])
    }
    expect(await change('add', ['get'])).toEqual([[alice.objectId, ['get']]])
    expect((await get(name)).body.error?.code).toBe('SecretNotFound')
    expect((await set(name)).status).toBe(403)
    expect(await change('add', ['Get', 'set'])).toEqual([[alice.objectId, ['get', 'set']]])
    expect((await set(name)).status).toBe(200)
    expect(await change('remove', ['get'])).toEqual([[alice.objectId, ['set']]])
    expect((await get(name)).status).toBe(403)
    expect(await change('replace', ['get'], cloud.owner.objectId)).toEqual([[cloud.owner.objectId, ['get']]])
    expect(await change('remove', [], cloud.owner.objectId)).toEqual([])
  })
})

it('refuses a change of policies that is none of the three', async () => {
  await put(name)
  const body = { properties: { accessPolicies: [] } }
  const reply = await cloud.arm('PUT', `${cloud.vaultId(name)}/accessPolicies/upend?${version}`, body)
  expect(reply.status).toBe(400)
})

describe('the name of a vault', () => {
  it.each(['ab', 'a'.repeat(25), '1abc', 'abc-', 'a--b', 'a_b', 'a.b', 'é-vault'])(
    'is refused when it is %s',
    async (bad) => {
      const reply = await put(encodeURIComponent(bad))
      expect([reply.status, reply.body.error?.code]).toEqual([400, 'VaultNameNotValid'])
    },
  )

  it('is one in all groups, in any case', async () => {
    await put(name)
    const other = `/subscriptions/${subscriptionId}/resourceGroups/rg2`
    await cloud.arm('PUT', `${other}?api-version=2024-11-01`, { location: 'westeurope' })
    const path = `${other}/providers/Microsoft.KeyVault/vaults/${name.toUpperCase()}?${version}`
    const reply = await cloud.arm('PUT', path, parameters)
    expect([reply.status, reply.body.error?.code]).toEqual([409, 'VaultAlreadyExists'])
    expect(reply.body.error?.message).toContain(`The vault name '${name.toUpperCase()}' is already in use.`)
  })

  it('is taken by a soft-deleted vault until its retention has run out', async () => {
    await put(name, { softDeleteRetentionInDays: 7 })
    await cloud.arm('DELETE', `${cloud.vaultId(name)}?${version}`)
    const taken = await put(name)
    expect([taken.status, taken.body.error?.code]).toEqual([409, 'ConflictError'])
    expect(taken.body.error?.message).toContain('A vault with the same name already exists in deleted state.')
    cloud.time.now += 7 * day
    expect((await cloud.arm('GET', `${deletedPath(name)}?${version}`)).status).toBe(404)
    expect((await put(name)).status).toBe(200)
  })

  it('can be asked for twice at once and is given once', async () => {
    const { status } = await cloud.arm(
      'PUT',
      `/subscriptions/${subscriptionId}/resourceGroups/rg3?api-version=2024-11-01`,
      {
        location: 'westeurope',
      },
    )
    expect(status).toBeLessThan(300)
    const path = `/subscriptions/${subscriptionId}/resourceGroups/rg3/providers/Microsoft.KeyVault/vaults/${name}?${version}`
    const replies = await Promise.all([put(name), cloud.arm('PUT', path, parameters)])
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 409])
  })
})

describe('what may be said of a vault', () => {
  it('access policies are its model when none is asked for', async () => {
    const reply = await put(name, { enableRbacAuthorization: null })
    expect(reply.body.properties).toMatchObject({ enableRbacAuthorization: false })
  })

  it('purge protection is never taken away, and holds against purges of secrets and of the vault', async () => {
    expect((await put(name, { enablePurgeProtection: true, softDeleteRetentionInDays: 7 })).status).toBe(200)
    const off = await put(name, { enablePurgeProtection: false })
    expect([off.status, off.body.error?.message]).toEqual([
      400,
      'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.',
    ])
    expect((await put(name)).body.properties).toMatchObject({ enablePurgeProtection: true })
    expect((await set(name)).body.attributes).toMatchObject({ recoveryLevel: 'CustomizedRecoverable' })
    const host = `${name}.vault.azure.net`
    await cloud.send({ method: 'DELETE', host, path: '/secrets/s?api-version=7.5', as: alice })
    const purge = await cloud.send({ method: 'DELETE', host, path: '/deletedsecrets/s?api-version=7.5', as: alice })
    expect([purge.status, purge.body.error]).toEqual([
      403,
      {
        code: 'Forbidden',
        message: `Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed. Vault: ${name};location=westeurope`,
      },
    ])
    await cloud.arm('DELETE', `${cloud.vaultId(name)}?${version}`)
    const reply = await cloud.arm('POST', `${deletedPath(name)}/purge?${version}`)
    expect([reply.status, reply.body.error?.code]).toEqual([405, 'MethodNotAllowed'])
  })

  it.each([6, 91, 7.5])('a retention of %d days is refused', async (days) => {
    expect((await put(name, { softDeleteRetentionInDays: days })).status).toBe(400)
  })

  it('its retention and its soft delete stay as they were made', async () => {
    await put(name, { softDeleteRetentionInDays: 10 })
    const retention = await put(name, { softDeleteRetentionInDays: 20 })
    expect(retention.body.error?.message).toBe(
      'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.',
    )
    expect((await put(name)).body.properties).toMatchObject({ softDeleteRetentionInDays: 10 })
    expect((await put(name, { enableSoftDelete: false })).status).toBe(400)
  })

  it('a PUT of the whole vault as it was read changes nothing, as az sends it', async () => {
    const before = await put(
      name,
      { networkAcls: { defaultAction: 'Allow', bypass: 'None', ipRules: [] } },
      { tags: { a: 'b' } },
    )
    const { location, tags, properties } = before.body
    const after = await cloud.arm('PUT', `${cloud.vaultId(name)}?${version}`, { location, tags, properties })
    expect(after.body).toEqual(before.body)
  })

  it.each<[string, object]>([
    ['no tenant', { tenantId: undefined }],
    ['a tenant that is no GUID', { tenantId: 'contoso' }],
    ['another SKU', { sku: { family: 'B', name: 'standard' } }],
    ['policies that are no list', { accessPolicies: {} }],
    [
      'a policy of another tenant',
      { accessPolicies: [{ tenantId: subscriptionId, objectId: tenantId, permissions: {} }] },
    ],
    ['a rule that is no address', { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '10.0.0.0/99' }] } }],
    ['a model that is text', { enableRbacAuthorization: 'yes' }],
  ])('%s is refused', async (_which, properties) => {
    const reply = await put(name, properties)
    expect([reply.status, typeof reply.body.error?.code]).toEqual([400, 'string'])
    expect(cloud.keyVault.exists(name)).toBe(false)
  })
})

describe('who may manage vaults', () => {
  it('a contributor makes and deletes vaults, and neither purges nor reads secrets with that', async () => {
    const person = await cloud.person()
    await cloud.grant(person, roles.contributor, groupPath)
    const path = `${cloud.vaultId(name)}?${version}`
    expect((await cloud.arm('PUT', path, parameters, person)).status).toBe(200)
    expect((await cloud.arm('DELETE', path, undefined, person)).status).toBe(200)
    expect((await cloud.arm('POST', `${deletedPath(name)}/purge?${version}`, undefined, person)).status).toBe(403)
  })

  it('a stranger is refused everything', async () => {
    await put(name)
    const person = await cloud.person()
    const path = cloud.vaultId(name)
    for (const [method, target, body] of [
      ['GET', path, undefined],
      ['PUT', path, parameters],
      ['PATCH', path, {}],
      ['DELETE', path, undefined],
      ['PUT', `${path}/accessPolicies/add`, { properties: { accessPolicies: [] } }],
      ['GET', deletedPath(name), undefined],
      ['POST', `${deletedPath(name)}/purge`, undefined],
      ['GET', `/subscriptions/${subscriptionId}/providers/Microsoft.KeyVault/deletedVaults`, undefined],
    ] as const) {
      const reply = await cloud.arm(method, `${target}?${version}`, body, person)
      expect([method, target, reply.status]).toEqual([method, target, 403])
    }
  })
})

describe('after a restart', () => {
  it('live and deleted vaults are what they were', async () => {
    await put(name)
    await set(name, 'lasting')
    await put(`${name}-gone`)
    await cloud.arm('DELETE', `${cloud.vaultId(`${name}-gone`)}?${version}`)
    await cloud.reopen()
    expect((await get(name)).body.value).toBe('lasting')
    expect([cloud.keyVault.exists(name), cloud.keyVault.exists(`${name}-gone`)]).toEqual([true, false])
  })
})

describe('when its resource group is deleted', () => {
  it('a vault is soft-deleted with its secrets', async () => {
    const group = `/subscriptions/${subscriptionId}/resourceGroups/rg4`
    await cloud.arm('PUT', `${group}?api-version=2024-11-01`, { location: 'westeurope' })
    const path = `${group}/providers/Microsoft.KeyVault/vaults/${name}?${version}`
    expect((await cloud.arm('PUT', path, parameters)).status).toBe(200)
    expect((await cloud.arm('DELETE', `${group}?api-version=2024-11-01`)).status).toBe(202)
    await expect.poll(() => cloud.keyVault.exists(name)).toBe(false)
    await expect.poll(async () => (await cloud.arm('GET', `${deletedPath(name)}?${version}`)).status).toBe(200)
  })
})
