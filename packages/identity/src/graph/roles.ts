/** `/roleManagement/directory`: who holds which directory role. */
import { type DirectoryRole, directoryRole, directoryRoles } from '../directory/directory-roles.ts'
import type { DirectoryRoleAssignmentRow } from '../tables.ts'
import { parseBody, roleAssignmentInput } from './bodies.ts'
import { graphErrors } from './graph-error.ts'
import { created, type GraphRequest, noContent } from './graph-request.ts'
import { answerList, answerObject, type Collection } from './list.ts'
import { type GraphContext, type GraphOperations, idAt, keyAt } from './operations.ts'

const assignmentsName = 'roleManagement/directory/roleAssignments'
const definitionsName = 'roleManagement/directory/roleDefinitions'

function definition(role: DirectoryRole) {
  return {
    id: role.id,
    description: role.description,
    displayName: role.displayName,
    isBuiltIn: true,
    isEnabled: true,
    resourceScopes: ['/'],
    templateId: role.id,
    version: '1',
  }
}

function assignment(row: DirectoryRoleAssignmentRow) {
  return { id: row.id, principalId: row.principal_id, directoryScopeId: '/', roleDefinitionId: row.role_id }
}

const definitions: Collection = {
  name: definitionsName,
  filterable: new Set(['id', 'displayName', 'isBuiltIn', 'templateId']),
  readable: 'all',
  rows: async () => directoryRoles.map(definition),
}

function assignments(context: GraphContext): Collection {
  return {
    name: assignmentsName,
    filterable: new Set(['principalId', 'roleDefinitionId', 'directoryScopeId']),
    readable: 'all',
    rows: async () => context.parts.roles.all().map(assignment),
  }
}

function find(request: GraphRequest, context: GraphContext): DirectoryRoleAssignmentRow {
  const id = idAt(request, 0)
  const row = context.parts.roles.get(id)
  if (!row) throw graphErrors.notFound(id)
  return row
}

export const roleOperations: GraphOperations = {
  'GET rolemanagement/directory/roledefinitions': (request) => answerList(request, definitions),
  async 'GET rolemanagement/directory/roledefinitions/{}'(request) {
    request.access.requireRead()
    const { value } = keyAt(request, 0)
    const role = directoryRole(value)
    if (!role) throw graphErrors.notFound(value)
    return answerObject(request, definitionsName, definition(role))
  },

  'GET rolemanagement/directory/roleassignments': (request, context) => answerList(request, assignments(context)),
  async 'GET rolemanagement/directory/roleassignments/{}'(request, context) {
    request.access.requireRead()
    return answerObject(request, assignmentsName, assignment(find(request, context)))
  },
  async 'POST rolemanagement/directory/roleassignments'(request, context) {
    request.access.require('roles')
    const { principalId, roleDefinitionId } = parseBody(roleAssignmentInput, request.body)
    const role = directoryRole(roleDefinitionId)
    if (!role) throw graphErrors.notFound(roleDefinitionId)
    const principal = await context.objects.principal(principalId)
    if (!principal) throw graphErrors.notFound(principalId)
    // Entra takes only groups that were made for it (isAssignableToRole), which there are none of here.
    if (principal.type === 'Group') throw graphErrors.badRequest('The group is not assignable to a role.')
    const { roles } = context.parts
    if (roles.find(principal.objectId, role.id)) {
      throw graphErrors.badRequest('A conflicting object with one or more of the specified property values is present.')
    }
    const row = await roles.assign(principal.objectId, role.id)
    return created({ '@odata.context': `${request.base}/$metadata#${assignmentsName}/$entity`, ...assignment(row) })
  },
  async 'DELETE rolemanagement/directory/roleassignments/{}'(request, context) {
    request.access.require('roles')
    await context.parts.roles.remove(find(request, context).id)
    return noContent
  },
}
