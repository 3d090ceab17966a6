/** `/users` and `/me`. */
import type { UserRow } from '../tables.ts'
import { merged } from './applications.ts'
import { newUser, parseBody, userChange } from './bodies.ts'
import { graphErrors } from './graph-error.ts'
import { created, type GraphAnswer, type GraphRequest, noContent, ok } from './graph-request.ts'
import { answerCount, answerList, answerObject, type Collection } from './list.ts'
import { directoryObjects, type GraphContext, type GraphOperations, keyAt } from './operations.ts'
import * as shown from './representation.ts'

const filterable = new Set([
  'id',
  'userPrincipalName',
  'displayName',
  'accountEnabled',
  'mail',
  'mailNickname',
  'givenName',
  'surname',
  'jobTitle',
  'createdDateTime',
  'userType',
  'onPremisesImmutableId',
])

function collection(request: GraphRequest, context: GraphContext): Collection {
  const { users } = context.parts
  return {
    name: 'users',
    filterable,
    readable: 'all',
    async rows(equals) {
      const name = equals.get('userPrincipalName') ?? equals.get('id')
      const rows = name === undefined ? await users.all() : [await users.find(name)]
      return rows.filter((row) => row !== undefined).map(shown.user)
    },
    complete: async (page) => (request.query.select ? page : page.map(shown.userByDefault)),
  }
}

async function find(request: GraphRequest, context: GraphContext): Promise<UserRow> {
  const key = keyAt(request, 0, ['id', 'userPrincipalName'])
  const row = await context.parts.users.find(key.value)
  request.access.requireRead(row?.object_id)
  if (!row) throw graphErrors.notFound(key.value)
  return row
}

async function managed(request: GraphRequest, context: GraphContext): Promise<UserRow> {
  const row = await find(request, context)
  request.access.require('users')
  request.access.requirePrivilegeOver(row.object_id)
  return row
}

async function me(request: GraphRequest, context: GraphContext): Promise<UserRow> {
  const { caller } = request.access
  if (caller.kind !== 'user') throw graphErrors.onlyDelegated()
  const row = await context.parts.users.find(caller.objectId)
  if (!row) throw graphErrors.notFound(caller.objectId)
  return row
}

function answer(request: GraphRequest, row: UserRow): GraphAnswer {
  const object = shown.user(row)
  return answerObject(request, 'users', request.query.select ? object : shown.userByDefault(object))
}

async function memberOf(request: GraphRequest, context: GraphContext, ids: readonly string[]): Promise<GraphAnswer> {
  return ok({
    '@odata.context': `${request.base}/$metadata#directoryObjects`,
    value: await directoryObjects(context, ids),
  })
}

export const userOperations: GraphOperations = {
  async 'GET me'(request, context) {
    return answer(request, await me(request, context))
  },
  async 'GET me/memberof'(request, context) {
    const { object_id: id } = await me(request, context)
    return memberOf(request, context, context.parts.groups.directGroupsOf(id))
  },
  async 'GET me/ownedobjects'(request, context) {
    const { object_id: id } = await me(request, context)
    return memberOf(request, context, await context.parts.owners.ownedBy(id))
  },

  'GET users': (request, context) => answerList(request, collection(request, context)),
  'GET users/$count': (request, context) => answerCount(request, collection(request, context)),

  async 'POST users'(request, context) {
    request.access.require('users')
    const input = parseBody(newUser, request.body)
    const { displayName, userPrincipalName, accountEnabled, passwordProfile, ...properties } = input
    const row = await context.parts.users.create({
      displayName,
      userPrincipalName,
      accountEnabled,
      properties,
      password: passwordProfile.password,
      mustChangePassword: passwordProfile.forceChangePasswordNextSignIn ?? true,
    })
    return created({
      '@odata.context': `${request.base}/$metadata#users/$entity`,
      ...shown.userByDefault(shown.user(row)),
    })
  },

  async 'GET users/{}'(request, context) {
    return answer(request, await find(request, context))
  },

  async 'PATCH users/{}'(request, context) {
    const row = await managed(request, context)
    const input = parseBody(userChange, request.body)
    const { displayName, userPrincipalName, accountEnabled, passwordProfile, ...properties } = input
    const force = passwordProfile?.forceChangePasswordNextSignIn
    await context.parts.users.update(row.object_id, {
      ...(displayName === undefined ? {} : { displayName }),
      ...(userPrincipalName === undefined ? {} : { userPrincipalName }),
      ...(accountEnabled === undefined ? {} : { accountEnabled }),
      ...(passwordProfile?.password === undefined ? {} : { password: passwordProfile.password }),
      ...(force === undefined || force === null ? {} : { mustChangePassword: force }),
      ...(Object.keys(properties).length === 0 ? {} : { properties: merged(shown.propertiesOf(row), properties) }),
    })
    return noContent
  },

  async 'DELETE users/{}'(request, context) {
    const row = await managed(request, context)
    await context.objects.deleteUser(row.object_id)
    return noContent
  },

  async 'GET users/{}/memberof'(request, context) {
    const { object_id: id } = await find(request, context)
    return memberOf(request, context, context.parts.groups.directGroupsOf(id))
  },
  async 'GET users/{}/transitivememberof'(request, context) {
    const { object_id: id } = await find(request, context)
    return memberOf(request, context, context.parts.groups.groupsOf(id))
  },
  async 'GET users/{}/ownedobjects'(request, context) {
    const { object_id: id } = await find(request, context)
    return memberOf(request, context, await context.parts.owners.ownedBy(id))
  },

  async 'POST users/{}/revokesigninsessions'(request, context) {
    const row = await find(request, context)
    if (!request.access.isSelf(row.object_id)) {
      request.access.require('users')
      request.access.requirePrivilegeOver(row.object_id)
    }
    await context.parts.users.revokeSessions(row.object_id)
    return ok({ '@odata.context': `${request.base}/$metadata#Edm.Boolean`, value: true })
  },
}
