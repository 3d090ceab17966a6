/** `/groups`: security groups, their members, their owners. */
import type { GroupRow } from '../tables.ts'
import { merged } from './applications.ts'
import { groupChange, newGroup, parseBody, reference, referencedId } from './bodies.ts'
import { graphErrors } from './graph-error.ts'
import { created, type GraphAnswer, type GraphRequest, noContent, ok } from './graph-request.ts'
import { answerCount, answerList, answerObject, type Collection } from './list.ts'
import { directoryObjects, type GraphContext, type GraphOperations, idAt } from './operations.ts'
import { ownerOperations } from './owners.ts'
import * as shown from './representation.ts'

const filterable = new Set([
  'id',
  'displayName',
  'mailNickname',
  'mailEnabled',
  'securityEnabled',
  'description',
  'createdDateTime',
  'groupTypes',
])

function collection(context: GraphContext): Collection {
  return {
    name: 'groups',
    filterable,
    readable: 'all',
    rows: async () => [...context.parts.groups.all()].map(shown.group),
  }
}

function find(request: GraphRequest, context: GraphContext): GroupRow {
  request.access.requireRead()
  const id = idAt(request, 0)
  const row = context.parts.groups.get(id)
  if (!row) throw graphErrors.notFound(id)
  return row
}

async function managed(request: GraphRequest, context: GraphContext): Promise<GroupRow> {
  const row = find(request, context)
  await request.access.requireManage('groups', row.object_id)
  return row
}

async function requireMember(context: GraphContext, id: string): Promise<void> {
  if (!(await context.objects.principal(id))) throw graphErrors.notFound(id)
}

/** Members that are not direct: those of groups that are members, as far down as they go. */
function transitiveMembers(context: GraphContext, groupId: string): Set<string> {
  const found = new Set<string>()
  const open = [groupId]
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    for (const member of context.parts.groups.membersOf(group)) {
      if (found.has(member)) continue
      found.add(member)
      open.push(member)
    }
  }
  found.delete(groupId)
  return found
}

/** Members in pages, by object id; with a cast, those of one type. */
async function members(
  request: GraphRequest,
  context: GraphContext,
  ids: Iterable<string>,
  type?: string,
): Promise<GraphAnswer> {
  const all = await directoryObjects(context, ids)
  const rows = all.filter((object) => type === undefined || object['@odata.type'] === `#microsoft.graph.${type}`)
  return answerList(request, {
    name: 'directoryObjects',
    filterable: new Set(['id', 'displayName']),
    readable: 'checked',
    rows: async () => rows,
  })
}

export const groupOperations: GraphOperations = {
  'GET groups': (request, context) => answerList(request, collection(context)),
  'GET groups/$count': (request, context) => answerCount(request, collection(context)),

  async 'POST groups'(request, context) {
    request.access.requireCreate('groups')
    const body = parseBody(newGroup, request.body)
    const { displayName, 'owners@odata.bind': owners, 'members@odata.bind': bound, ...properties } = body
    const memberIds = (bound ?? []).map(referencedId)
    const ownerIds = new Set((owners ?? []).map(referencedId))
    if (request.access.caller.kind === 'user') ownerIds.add(request.access.caller.objectId)
    for (const id of [...memberIds, ...ownerIds]) await requireMember(context, id)
    const { groups, owners: ownerTable } = context.parts
    const row = await groups.create({ displayName, properties })
    for (const id of ownerIds) await ownerTable.add(row.object_id, id)
    for (const id of new Set(memberIds)) await groups.addMember(row.object_id, id)
    return created({ '@odata.context': `${request.base}/$metadata#groups/$entity`, ...shown.group(row) })
  },

  async 'GET groups/{}'(request, context) {
    return answerObject(request, 'groups', shown.group(find(request, context)))
  },
  async 'PATCH groups/{}'(request, context) {
    const row = await managed(request, context)
    const { displayName, ...change } = parseBody(groupChange, request.body)
    await context.parts.groups.update(row.object_id, {
      displayName: displayName ?? row.display_name,
      properties: merged(shown.propertiesOf(row), change),
    })
    return noContent
  },
  async 'DELETE groups/{}'(request, context) {
    await context.objects.deleteGroup((await managed(request, context)).object_id)
    return noContent
  },

  async 'GET groups/{}/members'(request, context) {
    const { object_id: id } = find(request, context)
    return members(request, context, context.parts.groups.membersOf(id))
  },
  async 'GET groups/{}/members/user'(request, context) {
    const { object_id: id } = find(request, context)
    return members(request, context, context.parts.groups.membersOf(id), 'user')
  },
  async 'GET groups/{}/members/serviceprincipal'(request, context) {
    const { object_id: id } = find(request, context)
    return members(request, context, context.parts.groups.membersOf(id), 'servicePrincipal')
  },
  async 'GET groups/{}/transitivemembers'(request, context) {
    const { object_id: id } = find(request, context)
    return members(request, context, transitiveMembers(context, id))
  },
  async 'POST groups/{}/members/$ref'(request, context) {
    const row = await managed(request, context)
    const memberId = referencedId(parseBody(reference, request.body)['@odata.id'])
    await requireMember(context, memberId)
    await context.parts.groups.addMember(row.object_id, memberId)
    return noContent
  },
  async 'DELETE groups/{}/members/{}/$ref'(request, context) {
    const row = await managed(request, context)
    const memberId = idAt(request, 1)
    if (!(await context.parts.groups.removeMember(row.object_id, memberId))) throw graphErrors.notFound(memberId)
    return noContent
  },
  async 'GET groups/{}/memberof'(request, context) {
    const { object_id: id } = find(request, context)
    return ok({
      '@odata.context': `${request.base}/$metadata#directoryObjects`,
      value: await directoryObjects(context, context.parts.groups.directGroupsOf(id)),
    })
  },

  ...ownerOperations('groups', {
    readable: async (request, context) => find(request, context).object_id,
    managed: async (request, context) => (await managed(request, context)).object_id,
  }),
}
