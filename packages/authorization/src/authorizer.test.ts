import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { masterKeyOf, openStore, type Store } from '@keystead/store'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AssignmentExistsError,
  AssignmentUpdateNotPermittedError,
  type Authorizer,
  authorizationMigrations,
  BuiltInRoleError,
  builtInRoles,
  describeDecision,
  openAuthorizer,
  type RoleAssignment,
  RoleDefinitionDoesNotExistError,
  RoleDefinitionHasAssignmentsError,
} from './index.ts'
import { generator } from './testing/random.ts'

const masterKey = masterKeyOf(randomBytes(32))
const group = '/subscriptions/S/resourceGroups/G'
const vault = `${group}/providers/Microsoft.KeyVault/vaults/V`
const getSecret = 'Microsoft.KeyVault/vaults/secrets/getSecret/action'
const readMetadata = 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'

let directory: string
let store: Store
let authorizer: Authorizer

async function open(): Promise<void> {
  store = await openStore({ path: join(directory, 'keystead.db'), masterKey, migrations: [authorizationMigrations] })
  authorizer = await openAuthorizer(store)
}
async function reopen(): Promise<void> {
  await store.close()
  await open()
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-authorization-'))
  await open()
})
afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})

function roleNamed(roleName: string): string {
  const role = builtInRoles.find((candidate) => candidate.roleName === roleName)
  if (role === undefined) throw new Error(`There is no role ${roleName}.`)
  return role.name
}

async function assign(
  principalId: string,
  roleName: string,
  scope: string,
  more: Partial<RoleAssignment> = {},
): Promise<string> {
  const name = randomUUID()
  await authorizer.putAssignment({
    name,
    scope,
    roleDefinitionName: roleNamed(roleName),
    principalId,
    principalType: 'ServicePrincipal',
    createdBy: 'owner',
    createdOn: 1_700_000_000_000,
    ...more,
  })
  return name
}

const ask = (
  objectId: string,
  action: string,
  scope: string,
  plane: 'control' | 'data' = 'data',
  groupIds: string[] = [],
) => authorizer.decide({ by: 'role', principal: { tenantId: 'T', objectId, groupIds }, action, plane, scope })

describe('a decision by role', () => {
  test('is no without an assignment', () => {
    expect(ask('app', getSecret, vault)).toEqual({
      allowed: false,
      reason: 'noRoleAssignment',
      by: 'role',
      principal: { tenantId: 'T', objectId: 'app', groupIds: [] },
      action: getSecret,
      plane: 'data',
      scope: vault,
    })
  })

  test('is retold with every assignment that bears on it, and those that would elsewhere', async () => {
    const consider = (groupIds: string[] = []) =>
      authorizer
        .consider({
          by: 'role',
          principal: { tenantId: 'T', objectId: 'app', groupIds },
          action: getSecret,
          plane: 'data',
          scope: vault,
        })
        .map(({ roleName, heldBy, says }) => [roleName, heldBy, says])
    expect(consider()).toEqual([])
    await assign('app', 'Owner', '/')
    await assign('app', 'Key Vault Crypto User', vault)
    await assign('app', 'Key Vault Secrets User', `${vault}2`)
    await assign('app', 'Key Vault Crypto User', `${vault}2`)
    await assign('team', 'Key Vault Secrets User', vault, { principalType: 'Group' })
    expect(consider()).toEqual([
      ['Owner', 'app', 'otherPlane'],
      ['Key Vault Crypto User', 'app', 'notListed'],
      ['Key Vault Secrets User', 'app', 'otherScope'],
    ])
    expect(consider(['team'])).toContainEqual(['Key Vault Secrets User', 'team', 'granted'])
  })

  test('is yes by an assignment at the scope, and names it', async () => {
    const name = await assign('app', 'Key Vault Secrets User', vault)
    expect(ask('app', getSecret, vault)).toMatchObject({
      allowed: true,
      reason: 'grantedByRoleAssignment',
      roleName: 'Key Vault Secrets User',
      assignmentId: `${vault}/providers/Microsoft.Authorization/roleAssignments/${name}`,
    })
  })

  test.each(['/', '/subscriptions/S', group, vault, `${vault}/secrets/N`, '/SUBSCRIPTIONS/s/resourcegroups/g/'])(
    'is inherited from %s',
    async (scope) => {
      await assign('app', 'Key Vault Secrets User', scope)
      expect(ask('APP', getSecret.toUpperCase(), `${vault}/secrets/N`).allowed).toBe(true)
    },
  )

  test.each([
    '/subscriptions/S/resourceGroups/GG',
    '/subscriptions/S/resourceGroups/g2',
    `${vault}2`,
    `${vault}/secrets/N2`,
    `${vault}/secrets/N/versions`,
  ])('is not reached from %s', async (scope) => {
    await assign('app', 'Key Vault Secrets User', scope)
    expect(ask('app', getSecret, `${vault}/secrets/N`).allowed).toBe(false)
  })

  test('on one secret allows its get and refuses list', async () => {
    await assign('app', 'Key Vault Secrets User', `${vault}/secrets/N`)
    expect(ask('app', getSecret, `${vault}/secrets/N`).allowed).toBe(true)
    expect(ask('app', readMetadata, vault).allowed).toBe(false)
    expect(ask('app', getSecret, `${vault}/secrets/M`).allowed).toBe(false)
  })

  test('counts what is assigned to a group of the caller', async () => {
    await assign('team', 'Key Vault Secrets User', vault, { principalType: 'Group' })
    expect(ask('app', getSecret, vault, 'data', ['others', 'TEAM']).allowed).toBe(true)
    expect(ask('app', getSecret, vault).allowed).toBe(false)
  })

  test.each(['Owner', 'Contributor', 'Reader', 'User Access Administrator', 'Key Vault Contributor'])(
    'gives %s no data action',
    async (roleName) => {
      await assign('app', roleName, '/')
      expect(ask('app', getSecret, vault)).toMatchObject({ allowed: false, reason: 'noRoleAssignment' })
      expect(ask('app', 'Microsoft.KeyVault/vaults/read', vault, 'control').allowed).toBe(true)
    },
  )

  test('tells an action that is taken away from one that was never given', async () => {
    const name = await assign('app', 'Contributor', group)
    const write = 'Microsoft.Authorization/roleAssignments/write'
    expect(ask('app', write, vault, 'control')).toMatchObject({
      allowed: false,
      reason: 'excludedByNotActions',
      excludedBy: {
        roleName: 'Contributor',
        assignmentId: `${group}/providers/Microsoft.Authorization/roleAssignments/${name}`,
      },
    })
    expect(ask('app', 'Microsoft.KeyVault/vaults/write', vault, 'control').allowed).toBe(true)
  })

  test('is the union of the roles: what one takes away another gives', async () => {
    await assign('app', 'Contributor', group)
    await assign('app', 'User Access Administrator', '/')
    expect(ask('app', 'Microsoft.Authorization/roleAssignments/write', vault, 'control')).toMatchObject({
      allowed: true,
      roleName: 'User Access Administrator',
    })
  })

  test('takes away within one permission only', async () => {
    await authorizer.putRoleDefinition({
      name: 'custom',
      roleName: 'Two permissions',
      description: '',
      roleType: 'CustomRole',
      permissions: [
        { actions: ['A/*'], notActions: ['A/write'], dataActions: ['D/*'], notDataActions: ['D/write'] },
        { actions: ['A/write'], notActions: [], dataActions: [], notDataActions: [] },
      ],
      assignableScopes: ['/'],
    })
    await assign('app', 'Reader', group, { roleDefinitionName: 'CUSTOM' })
    expect(ask('app', 'A/write', group, 'control').allowed).toBe(true)
    expect(ask('app', 'D/read', group, 'data').allowed).toBe(true)
    expect(ask('app', 'D/write', group, 'data')).toMatchObject({ allowed: false, reason: 'excludedByNotActions' })
  })

  test.each(['', 'subscriptions/S', '..', '\0', '💥'])(
    'is no at %j, which is no scope, even for an owner of the root',
    async (scope) => {
      await assign('app', 'Owner', '/')
      expect(ask('app', 'A/read', scope, 'control').allowed).toBe(scope === '')
    },
  )

  test('takes a scope of 10,000 characters', async () => {
    await assign('app', 'Owner', group)
    expect(ask('app', 'A/read', `${group}/${'n'.repeat(10_000)}`, 'control').allowed).toBe(true)
    expect(ask('app', 'A/read', `${group}${'/n'.repeat(5_000)}`, 'control').allowed).toBe(true)
  })

  test('agrees with trying every assignment, on random assignments', async () => {
    const random = generator(11)
    const scopes = ['/', '/a', '/a/b', '/a/bc', '/a/b/c', '/A/B/c/d', '/a/e', '/a/f', '/a/g', '/a/h', '/a/i'] as const
    const principals = ['p', 'q', 'g', 'h', 'group-3'] as const
    const many = ['g', ...Array.from({ length: 30 }, (_, n) => `Group-${n}`)]
    const groupLists: readonly [string[], ...string[][]] = [[], ['g'], ['h'], ['g', 'h'], many]
    const roles = ['Owner', 'Contributor', 'Reader', 'Key Vault Secrets User', 'Key Vault Reader'] as const
    const made: { name: string; principal: string; role: string; scope: string }[] = []
    const assignOne = async () => {
      const [principal, role, scope] = [random.pick(principals), random.pick(roles), random.pick(scopes)]
      try {
        made.push({ name: await assign(principal, role, scope), principal, role, scope })
      } catch (error) {
        expect(error).toBeInstanceOf(AssignmentExistsError)
      }
    }
    for (let n = 0; n < 60; n++) await assignOne()
    const grants: Record<string, (action: string) => boolean> = {
      Owner: (action) => action !== getSecret,
      Contributor: (action) => action !== getSecret && action !== 'Microsoft.Authorization/roleAssignments/write',
      Reader: (action) => action === 'Microsoft.KeyVault/vaults/read',
      'Key Vault Secrets User': (action) => action === getSecret,
      'Key Vault Reader': (action) => action === 'Microsoft.KeyVault/vaults/read',
    }
    for (let round = 0; round < 4_000; round++) {
      if (round % 50 === 0) {
        const [gone] = made.splice(random.below(made.length), 1)
        if (gone !== undefined) await authorizer.deleteAssignment(gone.scope, gone.name)
        await assignOne()
      }
      const holder = random.pick(['p', 'q'])
      const groupIds = random.pick(groupLists)
      const scope = random.pick(scopes)
      const action = random.pick([
        getSecret,
        'Microsoft.KeyVault/vaults/read',
        'Microsoft.Authorization/roleAssignments/write',
      ])
      const expected = made.some(
        (assignment) =>
          [holder, ...groupIds].some((id) => id.toLowerCase() === assignment.principal) &&
          (assignment.scope === '/' || `${scope}/`.toLowerCase().startsWith(`${assignment.scope}/`.toLowerCase())) &&
          grants[assignment.role]?.(action),
      )
      expect(ask(holder, action, scope, action === getSecret ? 'data' : 'control', groupIds).allowed).toBe(expected)
    }
  })
})

describe('role assignments', () => {
  test('take effect on the next decision, and their removal too', async () => {
    const name = await assign('app', 'Key Vault Secrets User', vault)
    expect(ask('app', getSecret, vault).allowed).toBe(true)
    expect(await authorizer.deleteAssignment(vault.toUpperCase(), name.toUpperCase())).toMatchObject({ name })
    expect(ask('app', getSecret, vault).allowed).toBe(false)
    expect(await authorizer.deleteAssignment(vault, name)).toBeUndefined()
    await reopen()
    expect(ask('app', getSecret, vault).allowed).toBe(false)
  })

  test('are there again after a restart, as they were written', async () => {
    const name = await assign('App', 'Key Vault Secrets User', `${vault}/secrets/N`, { description: 'why' })
    await reopen()
    expect(authorizer.assignment(`${vault}/secrets/N`, name)).toMatchObject({
      name,
      scope: `${vault}/secrets/N`,
      description: 'why',
      createdBy: 'owner',
      createdOn: 1_700_000_000_000,
    })
    expect(ask('app', getSecret, `${vault}/secrets/N`).allowed).toBe(true)
  })

  test('are made once for a principal, role and scope', async () => {
    const name = await assign('app', 'Reader', vault)
    const error = await assign('APP', 'Reader', vault.toUpperCase()).catch((refused: unknown) => refused)
    expect(error).toBeInstanceOf(AssignmentExistsError)
    expect(error).toMatchObject({ existingName: name })
    await assign('app', 'Reader', group)
    await assign('app', 'Owner', vault)
  })

  test('are accepted again under their own name; only the description changes', async () => {
    const name = await assign('app', 'Reader', vault)
    await assign('app', 'Reader', vault, { name, description: 'new' })
    await expect(assign('other', 'Reader', vault, { name })).rejects.toThrow(AssignmentUpdateNotPermittedError)
    await expect(assign('app', 'Owner', vault, { name })).rejects.toThrow(AssignmentUpdateNotPermittedError)
    await reopen()
    expect(authorizer.assignment(vault, name)?.description).toBe('new')
    expect([...authorizer.assignments({})].length).toBe(1)
  })

  test('made at once for the same principal, role and scope: one is made', async () => {
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => assign('app', 'Reader', vault)))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    expect([...authorizer.assignments({})].length).toBe(1)
  })

  test('of a role that does not exist are refused', async () => {
    await expect(assign('app', 'Reader', vault, { roleDefinitionName: randomUUID() })).rejects.toThrow(
      RoleDefinitionDoesNotExistError,
    )
  })

  test('that could not be written are not seen, and the next write goes on', async () => {
    const db = store.database()
    await sql`pragma max_page_count = 1`.execute(db)
    const description = 'd'.repeat(100_000)
    await expect(assign('app', 'Key Vault Secrets User', vault, { description })).rejects.toMatchObject({
      code: 'full',
    })
    expect(ask('app', getSecret, vault).allowed).toBe(false)
    await sql`pragma max_page_count = 100000`.execute(db)
    await assign('app', 'Key Vault Secrets User', vault, { description })
    expect(ask('app', getSecret, vault).allowed).toBe(true)
  })

  test('are listed at, above and below a scope', async () => {
    const root = await assign('app', 'Reader', '/')
    const atGroup = await assign('app', 'Reader', group)
    const atVault = await assign('app', 'Reader', vault)
    await assign('app', 'Reader', `${group}2`)
    const other = await assign('other', 'Reader', group)
    const names = (filter: Parameters<Authorizer['assignments']>[0]) =>
      [...authorizer.assignments(filter)].map(({ name }) => name).sort()
    expect(names({ atScope: group })).toEqual([root, atGroup, other].sort())
    expect(names({ below: group })).toEqual([atGroup, atVault, other].sort())
    expect(names({ atScope: group, below: group })).toEqual([root, atGroup, atVault, other].sort())
    expect(names({ atScope: group, principalId: 'OTHER' })).toEqual([other])
    expect(names({ atScope: vault, below: group })).toEqual([root, atGroup, atVault, other].sort())
    expect(names({}).length).toBe(5)
  })

  test('below a deleted resource go with it', async () => {
    await assign('app', 'Reader', vault)
    await assign('app', 'Reader', `${vault}/secrets/N`)
    const stays = await assign('app', 'Reader', `${vault}2`)
    await authorizer.deleteAssignmentsBelow(vault.toUpperCase())
    await authorizer.deleteAssignmentsBelow(vault)
    await reopen()
    expect([...authorizer.assignments({})].map(({ name }) => name)).toEqual([stays])
  })
})

describe('role definitions', () => {
  const custom = {
    name: randomUUID(),
    roleName: 'Custom',
    description: 'One action.',
    roleType: 'CustomRole',
    permissions: [{ actions: ['A/read'], notActions: [], dataActions: [], notDataActions: [] }],
    assignableScopes: [group],
  } as const

  test('of one’s own are kept, changed and deleted', async () => {
    await authorizer.putRoleDefinition(custom)
    await assign('app', 'Reader', group, { roleDefinitionName: custom.name })
    expect(ask('app', 'A/read', group, 'control').allowed).toBe(true)
    await reopen()
    expect(authorizer.roleDefinition(custom.name.toUpperCase())).toEqual(custom)
    await authorizer.putRoleDefinition({
      ...custom,
      permissions: [{ actions: ['B/read'], notActions: [], dataActions: [], notDataActions: [] }],
    })
    expect(ask('app', 'A/read', group, 'control').allowed).toBe(false)
    expect(ask('app', 'B/read', group, 'control').allowed).toBe(true)
    await expect(authorizer.deleteRoleDefinition(custom.name)).rejects.toThrow(RoleDefinitionHasAssignmentsError)
    await authorizer.deleteAssignmentsBelow(group)
    expect((await authorizer.deleteRoleDefinition(custom.name))?.roleName).toBe('Custom')
    expect(await authorizer.deleteRoleDefinition(custom.name)).toBeUndefined()
    expect(authorizer.roleDefinition(custom.name)).toBeUndefined()
  })

  test('that are built in stay as they are', async () => {
    const name = roleNamed('Owner')
    await expect(authorizer.putRoleDefinition({ ...custom, name })).rejects.toThrow(BuiltInRoleError)
    await expect(authorizer.deleteRoleDefinition(name)).rejects.toThrow(BuiltInRoleError)
  })

  test('that are built in have guids of their own, and are all listed', () => {
    const names = builtInRoles.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect([...authorizer.roleDefinitions()].map(({ name }) => name)).toEqual(names)
  })
})

describe('a decision by access policy', () => {
  const decide = (
    secrets: string[],
    permission: string,
    more: { objectId?: string; tenantId?: string; groupIds?: string[] } = {},
  ) =>
    authorizer.decide({
      by: 'accessPolicy',
      principal: { tenantId: 'T', objectId: 'app', groupIds: more.groupIds ?? [] },
      permission,
      scope: vault,
      policies: [{ tenantId: more.tenantId ?? 't', objectId: more.objectId ?? 'APP', secrets }],
    })

  test('is yes when the policy holds the permission', () => {
    expect(decide(['Get', 'list'], 'get')).toMatchObject({ allowed: true, reason: 'grantedByAccessPolicy' })
  })
  test('is no when it does not', () => {
    expect(decide(['list'], 'get')).toMatchObject({ allowed: false, reason: 'permissionNotInAccessPolicy' })
  })
  test('is no without a policy of the principal, or in another tenant', () => {
    expect(decide(['get'], 'get', { objectId: 'other' })).toMatchObject({ allowed: false, reason: 'noAccessPolicy' })
    expect(decide(['get'], 'get', { tenantId: 'U' })).toMatchObject({ allowed: false, reason: 'noAccessPolicy' })
  })
  test('counts the groups of the caller', () => {
    expect(decide(['get'], 'get', { objectId: 'team', groupIds: ['Team'] }).allowed).toBe(true)
  })
  test('all is every permission but purge', () => {
    for (const permission of ['get', 'list', 'set', 'delete', 'backup', 'restore', 'recover']) {
      expect(decide(['All'], permission).allowed).toBe(true)
    }
    expect(decide(['all'], 'purge').allowed).toBe(false)
    expect(decide(['all', 'purge'], 'purge').allowed).toBe(true)
  })
  test('does not look at roles', async () => {
    await assign('app', 'Key Vault Administrator', '/')
    expect(decide([], 'get').allowed).toBe(false)
  })
})

test('describeDecision says who, what, where and why in one line', async () => {
  expect(describeDecision(ask('app', getSecret, vault))).toBe(
    `app may not ${getSecret} on ${vault}: no role assigned at this scope or above it grants this action.`,
  )
  const name = await assign('app', 'Key Vault Secrets User', group)
  expect(describeDecision(ask('app', getSecret, vault))).toBe(
    `app may ${getSecret} on ${vault}: role 'Key Vault Secrets User' is assigned (${group}/providers/Microsoft.Authorization/roleAssignments/${name}).`,
  )
})
