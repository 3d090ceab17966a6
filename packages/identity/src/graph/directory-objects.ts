/** `/directoryObjects`, and the questions about membership that every kind of principal answers. */
import { groupIdsInput, idsInput, memberGroupsInput, parseBody } from './bodies.ts'
import { graphErrors } from './graph-error.ts'
import { type GraphRequest, ok } from './graph-request.ts'
import { directoryObject, type GraphContext, type GraphOperation, type GraphOperations, keyAt } from './operations.ts'

async function principal(request: GraphRequest, context: GraphContext): Promise<string> {
  const key = keyAt(request, 0, ['id', 'appId', 'userPrincipalName'])
  const { users, principals } = context.parts
  const found =
    key.by === 'appId'
      ? (await principals.servicePrincipal({ appId: key.value }))?.objectId
      : key.value.includes('@')
        ? (await users.find(key.value))?.object_id
        : (await context.objects.principal(key.value))?.objectId
  request.access.requireRead(found)
  if (found === undefined) throw graphErrors.notFound(key.value)
  return found
}

/** Which of the groups that are asked about it is in, directly or through others. */
const checkMemberGroups: GraphOperation = async (request, context) => {
  const id = await principal(request, context)
  const { groupIds } = parseBody(groupIdsInput, request.body)
  const groups = context.parts.groups.groupsOf(id)
  return ok({
    '@odata.context': `${request.base}/$metadata#Collection(Edm.String)`,
    value: groupIds.filter((group) => groups.includes(group.toLowerCase())),
  })
}

const getMemberGroups: GraphOperation = async (request, context) => {
  const id = await principal(request, context)
  parseBody(memberGroupsInput, request.body)
  return ok({
    '@odata.context': `${request.base}/$metadata#Collection(Edm.String)`,
    value: context.parts.groups.groupsOf(id),
  })
}

const ofEveryKind = ['users', 'groups', 'serviceprincipals', 'directoryobjects'].flatMap((name) => [
  [`POST ${name}/{}/checkmembergroups`, checkMemberGroups] as const,
  [`POST ${name}/{}/getmembergroups`, getMemberGroups] as const,
  [`POST ${name}/{}/getmemberobjects`, getMemberGroups] as const,
])

export const directoryObjectOperations: GraphOperations = {
  ...Object.fromEntries(ofEveryKind),

  async 'GET directoryobjects/{}'(request, context) {
    const { value: id } = keyAt(request, 0)
    request.access.requireRead(id.toLowerCase())
    const found = await context.objects.find(id)
    if (!found) throw graphErrors.notFound(id)
    return ok({
      '@odata.context': `${request.base}/$metadata#directoryObjects/$entity`,
      ...(await directoryObject(context, found)),
    })
  },

  async 'POST directoryobjects/getbyids'(request, context) {
    const { ids, types } = parseBody(idsInput, request.body)
    const wanted = types?.map((type) => type.toLowerCase())
    if (!request.access.mayRead && !ids.every((id) => request.access.isSelf(id.toLowerCase()))) {
      throw graphErrors.denied()
    }
    const value: unknown[] = []
    for (const id of new Set(ids.map((item) => item.toLowerCase()))) {
      const found = await context.objects.find(id)
      if (!found || (wanted && !wanted.includes(found.kind.toLowerCase()) && !wanted.includes('directoryobject'))) {
        continue
      }
      value.push(await directoryObject(context, found))
    }
    return ok({ '@odata.context': `${request.base}/$metadata#directoryObjects`, value })
  },
}
