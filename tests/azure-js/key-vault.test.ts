import { ClientSecretCredential, type TokenCredential } from '@azure/identity'
import { type KeyVaultSecret, SecretClient } from '@azure/keyvault-secrets'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { TestCloud } from '../support/cloud.ts'
import { all, Provisioner, required } from '../support/provisioner.ts'

let cloud: TestCloud
let owner: Provisioner
let tenantId: string
/** May do everything with the secrets of every vault, whatever its model. */
let keeper: TestApplication
/** What it may do changes from test to test. */
let reader: TestApplication

beforeAll(async () => {
  cloud = await TestCloud.start()
  ;({ keeper, reader } = await addApplications(cloud, ['keeper', 'reader']))
  await cloud.connect()
  tenantId = cloud.environment.AZURE_TENANT_ID
  owner = await Provisioner.asOwner(cloud.environment)
  for (const name of ['kv-roles', 'kv-other']) {
    await owner.grant(await owner.vault(name), 'Key Vault Secrets Officer', keeper.objectId)
  }
  await owner.vault('kv-policies', [{ objectId: keeper.objectId, secrets: ['all', 'purge'] }])
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

const credentialOf = ({ clientId, clientSecret }: TestApplication): TokenCredential =>
  new ClientSecretCredential(tenantId, clientId, clientSecret)
const secrets = (credential: TokenCredential, vault = 'kv-roles'): SecretClient =>
  new SecretClient(`https://${vault}.vault.azure.net`, credential, { retryOptions: { maxRetries: 0 } })
const asKeeper = (vault?: string): SecretClient => secrets(credentialOf(keeper), vault)
const asReader = (vault?: string): SecretClient => secrets(credentialOf(reader), vault)

/** Until it is taken back, or the test is over. */
async function granted(scope: string, role: string): Promise<() => Promise<void>> {
  const revoke = await owner.grant(scope, role, reader.objectId)
  onTestFinished(revoke)
  return revoke
}

/** Replaces the policies of kv-policies: the keeper's, and the reader's with these permissions. */
const allow = async (...permissions: string[]): Promise<void> => {
  await owner.vault('kv-policies', [
    { objectId: keeper.objectId, secrets: ['all', 'purge'] },
    { objectId: reader.objectId, secrets: permissions },
  ])
}

const callerLine = (clientId: string, objectId: string): string =>
  `appid=${clientId};oid=${objectId};iss=https://sts.windows.net/${tenantId}/`

const roleRefusal = (caller: string, action: string, resource: string, vault = 'kv-roles') => ({
  statusCode: 403,
  code: 'Forbidden',
  message:
    'Caller is not authorized to perform action on resource.\r\n' +
    'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n' +
    `Caller: ${caller}\r\n` +
    `Action: 'Microsoft.KeyVault/vaults/secrets/${action}'\r\n` +
    `Resource: '${owner.vaultId(vault).toLowerCase()}${resource}'\r\n` +
    'Assignment: (not found)\r\n' +
    'DenyAssignmentId: null\r\n' +
    "DecisionReason: 'DeniedWithNoValidRBAC' \r\n" +
    `Vault: ${vault};location=westeurope\r\n`,
  details: { error: { innerError: { code: 'ForbiddenByRbac' } } },
})

const policyRefusal = (caller: string, permission: string) => ({
  statusCode: 403,
  code: 'Forbidden',
  message: `The user, group or application '${caller}' does not have secrets ${permission} permission on key vault 'kv-policies;location=westeurope'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`,
  details: { error: { innerError: { code: 'AccessDenied' } } },
})

/** The client keeps the code and the status of a refused list, and not its text. */
const refusedList = { statusCode: 403, code: 'Forbidden' }

describe('SecretClient', () => {
  test('sets a secret with its attributes, and gets the latest or one version', async () => {
    const client = asKeeper()
    const attributes = {
      contentType: 'text/plain',
      tags: { team: 'orders' },
      notBefore: new Date('2020-01-01T00:00:00Z'),
      expiresOn: new Date('2035-01-01T00:00:00Z'),
    }
    const first = await client.setSecret('connection', 'one', attributes)
    const second = await client.setSecret('connection', 'two é 漢 🗝')
    expect(await client.getSecret('connection')).toMatchObject({ value: 'two é 漢 🗝', name: 'connection' })
    const { version } = first.properties
    const old = await client.getSecret('connection', { version: required(version) })
    expect(old).toMatchObject({ value: 'one', properties: { ...attributes, version, enabled: true } })
    expect(second.properties.version).not.toBe(version)
  })

  test('updates attributes, and is refused a disabled secret with 403', async () => {
    const client = asKeeper()
    const version = required((await client.setSecret('switched', 'v')).properties.version)
    await client.updateSecretProperties('switched', version, { enabled: false, tags: { why: 'leaked' } })
    await expect(client.getSecret('switched')).rejects.toMatchObject({
      statusCode: 403,
      code: 'Forbidden',
      message: 'Operation get is not allowed on a disabled secret.',
    })
    await client.updateSecretProperties('switched', version, { enabled: true })
    expect(await client.getSecret('switched')).toMatchObject({
      value: 'v',
      properties: { tags: { why: 'leaked' } },
    })
  })

  test('gets a secret outside its not-before and expiry', async () => {
    const client = asKeeper()
    await client.setSecret('early', 'v', { notBefore: new Date('2037-01-01T00:00:00Z') })
    await client.setSecret('late', 'v', { expiresOn: new Date('2001-01-01T00:00:00Z') })
    expect((await client.getSecret('early')).value).toBe('v')
    expect((await client.getSecret('late')).value).toBe('v')
  })

  test('is told what was not found: a secret, a version, a deleted secret', async () => {
    const client = asKeeper()
    await expect(client.getSecret('absent')).rejects.toMatchObject({
      statusCode: 404,
      code: 'SecretNotFound',
      message: expect.stringContaining('A secret with (name/id) absent was not found in this key vault.'),
    })
    await client.setSecret('present', 'v')
    await expect(client.getSecret('present', { version: '0'.repeat(32) })).rejects.toMatchObject({ statusCode: 404 })
    await expect(client.getDeletedSecret('present')).rejects.toMatchObject({ statusCode: 404 })
    await expect(client.beginDeleteSecret('absent')).rejects.toMatchObject({ statusCode: 404 })
  })

  test('lists secrets, versions and deleted secrets page by page, without values', async () => {
    const client = asKeeper('kv-other')
    const names = Array.from({ length: 60 }, (_, index) => `item-${String(index).padStart(2, '0')}`)
    await Promise.all(names.map((name) => client.setSecret(name, `value-of-${name}`)))
    for (let index = 0; index < 30; index += 1) await client.setSecret('item-00', `value-of-version-${index}`)

    expect((await all(client.listPropertiesOfSecrets())).map(({ name }) => name)).toEqual(names)
    const pages = await all(client.listPropertiesOfSecrets().byPage({ maxPageSize: 25 }))
    expect(pages.map(({ length }) => length)).toEqual([25, 25, 10])
    expect(JSON.stringify(pages)).not.toContain('value-of-')
    const versions = await all(client.listPropertiesOfSecretVersions('item-00'))
    expect(new Set(versions.map(({ version }) => version)).size).toBe(31)

    await Promise.all(names.slice(0, 30).map(async (name) => (await client.beginDeleteSecret(name)).pollUntilDone()))
    expect((await all(client.listDeletedSecrets())).map(({ name }) => name).toSorted()).toEqual(names.slice(0, 30))
    expect((await all(client.listPropertiesOfSecrets())).map(({ name }) => name)).toEqual(names.slice(30))
  })

  test('deletes, gets the deleted, recovers, and purges', async () => {
    const client = asKeeper()
    await client.setSecret('passing', 'first')
    await client.setSecret('passing', 'second')
    const deleted = await (await client.beginDeleteSecret('passing')).pollUntilDone()
    expect(deleted.properties.recoveryId).toBe('https://kv-roles.vault.azure.net/deletedsecrets/passing')
    await expect(client.getSecret('passing')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' })
    expect(await client.getDeletedSecret('passing')).toMatchObject({ name: 'passing' })
    await expect(client.setSecret('passing', 'third')).rejects.toMatchObject({ statusCode: 409 })

    await (await client.beginRecoverDeletedSecret('passing')).pollUntilDone()
    expect((await client.getSecret('passing')).value).toBe('second')
    expect(await all(client.listPropertiesOfSecretVersions('passing'))).toHaveLength(2)

    await (await client.beginDeleteSecret('passing')).pollUntilDone()
    await client.purgeDeletedSecret('passing')
    await expect(client.getDeletedSecret('passing')).rejects.toMatchObject({ statusCode: 404 })
    await expect(client.beginRecoverDeletedSecret('passing')).rejects.toMatchObject({ statusCode: 404 })
    expect((await client.setSecret('passing', 'new')).value).toBe('new')
  })

  test('backs up every version of a secret, and restores them into another vault', async () => {
    const client = asKeeper()
    const { properties } = await client.setSecret('precious', 'first-precious')
    await client.setSecret('precious', 'second-precious')
    const backup = required(await client.backupSecret('precious'))
    for (const encoding of ['latin1', 'base64', 'base64url'] as const) {
      const clear = Buffer.from('second-precious').toString(encoding).replaceAll('=', '').slice(0, -2)
      expect(Buffer.from(backup).toString('latin1')).not.toContain(clear)
    }
    await expect(client.restoreSecretBackup(backup)).rejects.toMatchObject({ statusCode: 409 })
    const other = asKeeper('kv-other')
    await other.restoreSecretBackup(backup)
    expect((await other.getSecret('precious')).value).toBe('second-precious')
    expect((await other.getSecret('precious', { version: required(properties.version) })).value).toBe('first-precious')
    await expect(other.restoreSecretBackup(Buffer.from('not a backup'))).rejects.toMatchObject({ statusCode: 400 })
  })

  test('is refused a name or a value that Key Vault does not take', async () => {
    const client = asKeeper()
    for (const name of ['under_score', 'a'.repeat(128), 'ключ', 'with space']) {
      await expect(client.setSecret(name, 'v'), name).rejects.toMatchObject({ statusCode: 400, code: 'BadParameter' })
    }
    expect((await client.setSecret('a'.repeat(127), 'v'.repeat(25_600))).name).toBe('a'.repeat(127))
    await expect(client.setSecret('large', 'v'.repeat(25_601))).rejects.toMatchObject({ statusCode: 400 })
  })

  test('set in parallel keeps every version, and the latest is one of them', async () => {
    const client = asKeeper()
    const made: KeyVaultSecret[] = await Promise.all(
      Array.from({ length: 40 }, (_, index) => client.setSecret('contended', String(index))),
    )
    const versions = await all(client.listPropertiesOfSecretVersions('contended'))
    expect(new Set(versions.map(({ version }) => version))).toEqual(
      new Set(made.map(({ properties }) => properties.version)),
    )
    expect(made.map(({ value }) => value)).toContain((await client.getSecret('contended')).value)
  })
})

describe('a vault that decides by roles', () => {
  beforeAll(async () => {
    for (const name of ['one', 'two']) await asKeeper().setSecret(name, `value of ${name}`)
  })

  test('refuses its owner, who holds no data role, in the words of Key Vault', async () => {
    const { AZURE_CLIENT_ID } = cloud.environment
    const caller = callerLine(AZURE_CLIENT_ID, await ownerObjectId())
    const client = secrets(owner.credential)
    await expect(client.getSecret('one')).rejects.toMatchObject(roleRefusal(caller, 'getSecret/action', '/secrets/one'))
    await expect(client.setSecret('three', 'v')).rejects.toMatchObject(
      roleRefusal(caller, 'setSecret/action', '/secrets/three'),
    )
    await expect(all(client.listPropertiesOfSecrets())).rejects.toMatchObject(refusedList)
  })

  test.each(['Owner', 'Contributor', 'Reader', 'User Access Administrator', 'Key Vault Reader'])(
    'refuses the value to a %s of the whole subscription',
    async (role) => {
      await granted(`/subscriptions/${owner.subscriptionId}`, role)
      const caller = callerLine(reader.clientId, reader.objectId)
      await expect(asReader().getSecret('one')).rejects.toMatchObject(
        roleRefusal(caller, 'getSecret/action', '/secrets/one'),
      )
    },
  )

  test('allows with a role at the vault, and refuses the very next request once it is removed', async () => {
    const client = asReader()
    await expect(client.getSecret('one')).rejects.toMatchObject({ statusCode: 403 })
    const revoke = await granted(owner.vaultId('kv-roles'), 'Key Vault Secrets User')
    expect((await client.getSecret('one')).value).toBe('value of one')
    expect((await all(client.listPropertiesOfSecrets())).map(({ name }) => name)).toContain('two')
    await expect(client.setSecret('one', 'changed')).rejects.toMatchObject({ statusCode: 403 })
    await expect(client.beginDeleteSecret('one')).rejects.toMatchObject({ statusCode: 403 })
    await revoke()
    await expect(client.getSecret('one')).rejects.toMatchObject({ statusCode: 403 })
    await expect(all(client.listPropertiesOfSecrets())).rejects.toMatchObject({ statusCode: 403 })
  })

  test.each(['subscription', 'group'])('allows with a role at its %s', async (where) => {
    const scope = where === 'group' ? owner.group : `/subscriptions/${owner.subscriptionId}`
    const revoke = await granted(scope, 'Key Vault Secrets User')
    expect((await asReader().getSecret('one')).value).toBe('value of one')
    await revoke()
    await expect(asReader().getSecret('one')).rejects.toMatchObject({ statusCode: 403 })
  })

  test('with a role at one secret allows that one, and refuses the others and the list', async () => {
    const revoke = await granted(`${owner.vaultId('kv-roles')}/secrets/one`, 'Key Vault Secrets User')
    const client = asReader()
    const caller = callerLine(reader.clientId, reader.objectId)
    expect((await client.getSecret('one')).value).toBe('value of one')
    await expect(client.getSecret('two')).rejects.toMatchObject(roleRefusal(caller, 'getSecret/action', '/secrets/two'))
    await expect(all(client.listPropertiesOfSecrets())).rejects.toMatchObject(refusedList)
    await revoke()
    await expect(client.getSecret('one')).rejects.toMatchObject({ statusCode: 403 })
  })

  test('with a role at another vault refuses', async () => {
    await granted(owner.vaultId('kv-other'), 'Key Vault Secrets Officer')
    await expect(asReader().getSecret('one')).rejects.toMatchObject({ statusCode: 403 })
  })

  test('refuses one whom only an access policy names', async () => {
    await owner.keyVault.vaults.updateAccessPolicy('rg', 'kv-roles', 'add', {
      properties: {
        accessPolicies: [{ tenantId, objectId: reader.objectId, permissions: { secrets: ['get', 'list', 'set'] } }],
      },
    })
    const caller = callerLine(reader.clientId, reader.objectId)
    await expect(asReader().getSecret('one')).rejects.toMatchObject(
      roleRefusal(caller, 'getSecret/action', '/secrets/one'),
    )
  })
})

describe('a vault that decides by access policies', () => {
  beforeAll(async () => {
    await asKeeper('kv-policies').setSecret('one', 'value of one')
  })

  test('allows what a policy names, and refuses the rest in the words of Key Vault', async () => {
    await allow('get')
    const client = asReader('kv-policies')
    const caller = callerLine(reader.clientId, reader.objectId)
    expect((await client.getSecret('one')).value).toBe('value of one')
    await expect(all(client.listPropertiesOfSecrets())).rejects.toMatchObject(refusedList)
    await expect(client.setSecret('one', 'v')).rejects.toMatchObject(policyRefusal(caller, 'set'))
    await expect(client.beginDeleteSecret('one')).rejects.toMatchObject(policyRefusal(caller, 'delete'))
    await expect(client.backupSecret('one')).rejects.toMatchObject(policyRefusal(caller, 'backup'))
  })

  test('refuses the very next request once the policy is gone', async () => {
    await allow('get', 'list')
    const client = asReader('kv-policies')
    expect((await client.getSecret('one')).value).toBe('value of one')
    await allow('list')
    const caller = callerLine(reader.clientId, reader.objectId)
    await expect(client.getSecret('one')).rejects.toMatchObject(policyRefusal(caller, 'get'))
    expect((await all(client.listPropertiesOfSecrets())).map(({ name }) => name)).toEqual(['one'])
  })

  test.each(['Key Vault Administrator', 'Key Vault Secrets Officer', 'Owner'])(
    'refuses a %s whom no policy names',
    async (role) => {
      await allow()
      await granted(owner.vaultId('kv-policies'), role)
      const caller = callerLine(reader.clientId, reader.objectId)
      await expect(asReader('kv-policies').getSecret('one')).rejects.toMatchObject(policyRefusal(caller, 'get'))
    },
  )

  test('refuses its owner, who is named by no policy', async () => {
    const caller = callerLine(cloud.environment.AZURE_CLIENT_ID, await ownerObjectId())
    await expect(secrets(owner.credential, 'kv-policies').getSecret('one')).rejects.toMatchObject(
      policyRefusal(caller, 'get'),
    )
  })

  test('turned to roles forgets its policies, and back again knows them', async () => {
    await allow('get')
    await owner.keyVault.vaults.update('rg', 'kv-policies', { properties: { enableRbacAuthorization: true } })
    const caller = callerLine(reader.clientId, reader.objectId)
    await expect(asReader('kv-policies').getSecret('one')).rejects.toMatchObject(
      roleRefusal(caller, 'getSecret/action', '/secrets/one', 'kv-policies'),
    )
    await owner.keyVault.vaults.update('rg', 'kv-policies', { properties: { enableRbacAuthorization: false } })
    expect((await asReader('kv-policies').getSecret('one')).value).toBe('value of one')
  })
})

/** Who the owner is to the directory: the `oid` of its own token. */
async function ownerObjectId(): Promise<string> {
  const { token } = required(await owner.credential.getToken('https://management.azure.com/.default'))
  const claims = JSON.parse(Buffer.from(required(token.split('.')[1]), 'base64url').toString()) as { oid: string }
  return claims.oid
}
