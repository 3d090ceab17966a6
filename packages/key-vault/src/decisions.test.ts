import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { groupPath, openTestCloud, type Person, type Reply, roles, type TestCloud, tenantId } from './testing/cloud.ts'

const version = 'api-version=7.5'

/** Every operation of the data plane: how it is asked for, and what it needs. */
const operations = [
  {
    name: 'SecretSet',
    method: 'PUT',
    path: '/secrets/NAME',
    body: { value: 'v' },
    action: 'setSecret/action',
    permission: 'set',
  },
  { name: 'SecretGet', method: 'GET', path: '/secrets/NAME', action: 'getSecret/action', permission: 'get' },
  {
    name: 'SecretUpdate',
    method: 'PATCH',
    path: '/secrets/NAME/',
    body: { tags: {} },
    action: 'update/action',
    permission: 'set',
  },
  {
    name: 'SecretListVersions',
    method: 'GET',
    path: '/secrets/NAME/versions',
    action: 'readMetadata/action',
    permission: 'list',
  },
  { name: 'SecretBackup', method: 'POST', path: '/secrets/NAME/backup', action: 'backup/action', permission: 'backup' },
  { name: 'SecretDelete', method: 'DELETE', path: '/secrets/NAME', action: 'delete', permission: 'delete' },
  {
    name: 'SecretGetDeleted',
    method: 'GET',
    path: '/deletedsecrets/NAME',
    action: 'readMetadata/action',
    permission: 'get',
  },
  {
    name: 'SecretRecover',
    method: 'POST',
    path: '/deletedsecrets/NAME/recover',
    action: 'recover/action',
    permission: 'recover',
  },
  { name: 'SecretPurge', method: 'DELETE', path: '/deletedsecrets/NAME', action: 'purge/action', permission: 'purge' },
  { name: 'SecretList', method: 'GET', path: '/secrets', action: 'readMetadata/action', permission: 'list' },
  {
    name: 'SecretListDeleted',
    method: 'GET',
    path: '/deletedsecrets',
    action: 'readMetadata/action',
    permission: 'list',
  },
  { name: 'SecretRestore', method: 'POST', path: '/secrets/restore', action: 'restore/action', permission: 'restore' },
] as const

type Operation = (typeof operations)[number]

let cloud: TestCloud
/** May do everything in both vaults, whatever their model. */
let keeper: Person
/** Holds a role at both vaults that allows everything, and is named by no policy. */
let officer: Person
/** Holds no role; what policies give changes from test to test. */
let guest: Person
let backups: Record<string, string>
let secrets = 0

beforeAll(async () => {
  cloud = await openTestCloud()
  await cloud.createVault('rbac')
  await cloud.createVault('policy', { enableRbacAuthorization: null, accessPolicies: [] })
  keeper = await cloud.person()
  await cloud.grant(keeper, roles.vaultAdministrator, cloud.vaultId('rbac'))
  officer = await cloud.person()
  await cloud.grant(officer, roles.secretsOfficer, cloud.vaultId('rbac'))
  await cloud.grant(officer, roles.vaultAdministrator, cloud.vaultId('policy'))
  guest = await cloud.person()
  await allow('rbac', guest, ['all', 'purge'])
  await allow('policy', guest, [])
  backups = { rbac: await backupFor('rbac'), policy: await backupFor('policy') }
})
afterAll(() => cloud.close())

/** Gives a person these permissions in a policy, and takes every other person's away but the keeper's. */
async function allow(vault: string, person: Person, permissions: readonly string[]): Promise<void> {
  const path = `${cloud.vaultId(vault)}/accessPolicies/replace?api-version=2023-07-01`
  const accessPolicies = [
    { tenantId, objectId: person.objectId, permissions: { secrets: permissions } },
    { tenantId, objectId: keeper.objectId, permissions: { secrets: ['all', 'purge'] } },
  ]
  const reply = await cloud.arm('PUT', path, { properties: { accessPolicies } })
  expect(reply.status).toBe(200)
}

async function send(vault: string, operation: Operation, person: Person, name: string): Promise<Reply> {
  const body =
    operation.name === 'SecretRestore' ? { value: backups[vault] } : 'body' in operation ? operation.body : undefined
  return await cloud.send({
    method: operation.method,
    host: `${vault}.vault.azure.net`,
    path: `${operation.path.replace('NAME', name)}?${version}`,
    as: person,
    ...(body === undefined ? {} : { body }),
  })
}

async function backupFor(vault: string): Promise<string> {
  const host = `${vault}.vault.azure.net`
  await cloud.send({ method: 'PUT', host, path: `/secrets/restored?${version}`, as: keeper, body: { value: 'r' } })
  const reply = await cloud.send({ method: 'POST', host, path: `/secrets/restored/backup?${version}`, as: keeper })
  return String(reply.body.value)
}

/** A secret that the operation can act on: live, or deleted where it wants a deleted one. */
async function prepared(vault: string, operation: Operation): Promise<string> {
  const host = `${vault}.vault.azure.net`
  if (operation.name === 'SecretRestore') {
    await cloud.send({ method: 'DELETE', host, path: `/secrets/restored?${version}`, as: keeper })
    await cloud.send({ method: 'DELETE', host, path: `/deletedsecrets/restored?${version}`, as: keeper })
    return 'restored'
  }
  secrets += 1
  const name = `s${secrets}`
  await cloud.send({ method: 'PUT', host, path: `/secrets/${name}?${version}`, as: keeper, body: { value: 'v' } })
  if (operation.path.startsWith('/deletedsecrets/')) {
    await cloud.send({ method: 'DELETE', host, path: `/secrets/${name}?${version}`, as: keeper })
  }
  return name
}

describe.each(operations)('$name', (operation) => {
  const wholeVault = ['SecretList', 'SecretListDeleted', 'SecretRestore'].includes(operation.name)

  it('is allowed to a role that holds its data action', async () => {
    const name = await prepared('rbac', operation)
    const reply = await send('rbac', operation, officer, name)
    expect(reply.status, reply.text).toBe(operation.name === 'SecretPurge' ? 204 : 200)
  })

  it('is refused to the owner of the subscription, in the words of a role refusal', async () => {
    const name = await prepared('rbac', operation)
    const reply = await send('rbac', operation, cloud.owner, name)
    expect(reply.status).toBe(403)
    const resource = `${cloud.vaultId('rbac').toLowerCase()}${wholeVault ? '' : `/secrets/${name}`}`
    expect(reply.body).toEqual({
      error: {
        code: 'Forbidden',
        message:
          'Caller is not authorized to perform action on resource.\r\n' +
          'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n' +
          `Caller: appid=${cloud.owner.appId};oid=${cloud.owner.objectId};iss=https://sts.windows.net/${tenantId}/\r\n` +
          `Action: 'Microsoft.KeyVault/vaults/secrets/${operation.action}'\r\n` +
          `Resource: '${resource}'\r\n` +
          'Assignment: (not found)\r\n' +
          'DenyAssignmentId: null\r\n' +
          "DecisionReason: 'DeniedWithNoValidRBAC' \r\n" +
          'Vault: rbac;location=westeurope\r\n',
        innererror: { code: 'ForbiddenByRbac' },
      },
    })
  })

  it('is refused on a role vault to whom only an access policy names', async () => {
    const reply = await send('rbac', operation, guest, await prepared('rbac', operation))
    expect(reply.body.error?.innererror?.code).toBe('ForbiddenByRbac')
  })

  it('is allowed by an access policy that names its permission alone', async () => {
    const name = await prepared('policy', operation)
    await allow('policy', guest, [operation.permission])
    const reply = await send('policy', operation, guest, name)
    expect(reply.status, reply.text).toBe(operation.name === 'SecretPurge' ? 204 : 200)
  })

  it('is refused by policies without its permission, in the words of a policy refusal', async () => {
    const name = await prepared('policy', operation)
    const others = ['get', 'list', 'set', 'delete', 'recover', 'backup', 'restore', 'purge']
    await allow(
      'policy',
      guest,
      others.filter((permission) => permission !== operation.permission),
    )
    const reply = await send('policy', operation, guest, name)
    expect(reply.status).toBe(403)
    expect(reply.body).toEqual({
      error: {
        code: 'Forbidden',
        message: `The user, group or application 'appid=${guest.appId};oid=${guest.objectId};iss=https://sts.windows.net/${tenantId}/' does not have secrets ${operation.permission} permission on key vault 'policy;location=westeurope'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`,
        innererror: { code: 'AccessDenied' },
      },
    })
  })

  it('is refused on a policy vault to whom only a role names', async () => {
    const name = await prepared('policy', operation)
    const reply = await send('policy', operation, officer, name)
    expect(reply.body.error?.innererror?.code).toBe('AccessDenied')
  })
})

describe('who may read a secret', () => {
  const get: Operation = operations[1]
  const list: Operation = operations[9]

  it.each(['owner', 'contributor', 'vaultReader'] as const)('%s holds no data action that does', async (role) => {
    const person = await cloud.person()
    await cloud.grant(person, roles[role], groupPath)
    const name = await prepared('rbac', get)
    expect((await send('rbac', get, person, name)).body.error?.innererror?.code).toBe('ForbiddenByRbac')
  })

  it('a role on one secret allows its get, and neither another secret nor the list', async () => {
    const person = await cloud.person()
    const mine = await prepared('rbac', get)
    const other = await prepared('rbac', get)
    await cloud.grant(person, roles.secretsUser, `${cloud.vaultId('rbac')}/secrets/${mine}`)
    expect((await send('rbac', get, person, mine)).status).toBe(200)
    expect((await send('rbac', get, person, mine.toUpperCase())).status).toBe(200)
    expect((await send('rbac', get, person, other)).status).toBe(403)
    expect((await send('rbac', list, person, '')).status).toBe(403)
  })

  it('a role taken away refuses the next request, and given back allows the one after it', async () => {
    const person = await cloud.person()
    const name = await prepared('rbac', get)
    const { name: assignment, scope } = await cloud.grant(person, roles.secretsUser, cloud.vaultId('rbac'))
    expect((await send('rbac', get, person, name)).status).toBe(200)
    await cloud.authorizer.deleteAssignment(scope, assignment)
    expect((await send('rbac', get, person, name)).status).toBe(403)
    await cloud.grant(person, roles.secretsUser, cloud.vaultId('rbac'))
    expect((await send('rbac', get, person, name)).status).toBe(200)
  })

  it('a vault takes its model from its properties at the next request', async () => {
    await cloud.createVault('switching')
    const person = await cloud.person()
    await allow('switching', person, ['get', 'set'])
    const host = 'switching.vault.azure.net'
    const set = { method: 'PUT', host, path: `/secrets/x?${version}`, as: person, body: { value: 'v' } }
    expect((await cloud.send(set)).status).toBe(403)
    const patch = { properties: { enableRbacAuthorization: false } }
    expect((await cloud.arm('PATCH', `${cloud.vaultId('switching')}?api-version=2026-02-01`, patch)).status).toBe(200)
    expect((await cloud.send(set)).status).toBe(200)
  })

  it('a caller of another tenant than the vault is told so by the challenge', async () => {
    const elsewhere = '99999999-9999-4999-8999-999999999999'
    await cloud.createVault('foreign', { tenantId: elsewhere })
    const person = await cloud.person()
    await cloud.grant(person, roles.vaultAdministrator, cloud.vaultId('foreign'))
    const reply = await cloud.send({ host: 'foreign.vault.azure.net', path: `/secrets?${version}`, as: person })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toContain(`https://login.microsoftonline.com/${elsewhere}`)
    expect(reply.body.error?.message).toBe(
      `AKV10032: Invalid issuer. Expected one of https://sts.windows.net/${elsewhere}/, found https://sts.windows.net/${tenantId}/.`,
    )
  })
})

describe('the network rules of a vault', () => {
  async function reader(vault: string): Promise<Person> {
    const person = await cloud.person()
    await cloud.grant(person, roles.secretsOfficer, cloud.vaultId(vault))
    return person
  }

  it('refuse everybody while public access is disabled', async () => {
    await cloud.createVault('closed', { publicNetworkAccess: 'Disabled' })
    const reply = await cloud.send({
      host: 'closed.vault.azure.net',
      path: `/secrets?${version}`,
      as: await reader('closed'),
    })
    expect(reply.status).toBe(403)
    expect(reply.body.error?.innererror?.code).toBe('ForbiddenByConnection')
    expect(cloud.logged.at(-1)?.fields?.hint).toMatch(
      /To allow it: az keyvault update --name closed --public-network-access Enabled$/,
    )
    expect(reply.body.error?.message).toContain(
      'Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\nCaller: appid=',
    )
  })

  it('refuse an address that no rule names, and let a named one through', async () => {
    const ask = async (vault: string) =>
      await cloud.send({ host: `${vault}.vault.azure.net`, path: `/secrets?${version}`, as: await reader(vault) })
    await cloud.createVault('walled', { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '10.0.0.0/8' }] } })
    expect((await ask('walled')).body.error?.innererror?.code).toBe('ForbiddenByFirewall')
    expect(cloud.logged.at(-1)?.fields?.hint).toMatch(
      /To allow it: az keyvault network-rule add --name walled --ip-address 127\.0\.0\.1$/,
    )
    await cloud.createVault('gated', { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '127.0.0.0/8' }] } })
    expect((await ask('gated')).status).toBe(200)
  })
})

describe('one decision', () => {
  it('is what the refusal, the audit event and the log line are written from', async () => {
    const person = await cloud.person()
    const name = await prepared('rbac', operations[1])
    const reply = await send('rbac', operations[1], person, name)
    const requestId = reply.headers['x-ms-request-id']
    const event = (await cloud.audited()).findLast((each) => each.requestId === requestId)
    const resource = `${cloud.vaultId('rbac')}/secrets/${name}`
    expect(event).toMatchObject({ service: 'key-vault', operation: 'SecretGet', status: 403, resource })
    expect(JSON.stringify(event)).toContain('noRoleAssignment')
    expect(JSON.stringify(event)).toContain(person.objectId)
    const lines = cloud.logged.filter((line) => line.fields?.requestId === requestId)
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'Key Vault refused a request',
        fields: {
          requestId,
          operation: 'SecretGet',
          resource,
          appId: person.appId,
          objectId: person.objectId,
          by: 'role',
          action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action',
          reason: 'noRoleAssignment',
          hint: expect.stringMatching(
            /To allow it: az role assignment create --role 'Key Vault Secrets User' --assignee \S+ --scope \S+$/,
          ),
        },
      },
    ])
  })
})
