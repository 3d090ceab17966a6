/** Role assignments at any scope: the tenant, a subscription, a group, a resource, or a child of one. */
import {
  AssignmentExistsError,
  AssignmentUpdateNotPermittedError,
  assignmentId,
  type RoleAssignment,
  RoleDefinitionDoesNotExistError,
} from '@keystead/authorization'
import type { Directory } from '@keystead/identity'
import { z } from 'zod'
import { ArmError } from '../../arm-error.ts'
import { notImplemented } from '../../arm-errors.ts'
import { type Argument, matches, parseFilter, requiredValue } from '../../odata-filter.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { nextLink, type Page, pageSize, pageStart } from '../../paging.ts'
import { parseResourceId, scopeOf } from '../../resource-id.ts'
import type { Subscriptions } from '../../subscriptions.ts'
import { authorizationApiVersions } from './api-versions.ts'
import { roleDefinitionDoesNotExist } from './role-definitions.ts'
import { isGuid, isWithin, roleDefinitionId, roleDefinitionNameOf } from './role-path.ts'

const assignmentType = 'Microsoft.Authorization/roleAssignments'

const putBody = z.object({
  properties: z.object({
    roleDefinitionId: z.string().max(2048),
    principalId: z.string().max(64),
    principalType: z.enum(['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device']).optional(),
    description: z.string().max(1024).optional(),
    condition: z.string().optional(),
    conditionVersion: z.string().optional(),
    delegatedManagedIdentityResourceId: z.string().optional(),
  }),
})
type PutContext = OperationContext<z.infer<typeof putBody>>

export function roleAssignmentType(options: {
  readonly directory: Directory
  readonly subscriptions: Subscriptions
}): ResourceTypeDeclaration {
  const show = (assignment: RoleAssignment) => assignmentBody(assignment, options.subscriptions)
  const list: Operation = {
    name: 'RoleAssignments_ListForScope',
    method: 'GET',
    on: 'collection',
    action: `${assignmentType}/read`,
    access: 'filtered',
    handle: async (context) => ({ status: 200, body: listAssignments(context, show) }),
  }
  const get: Operation = {
    name: 'RoleAssignments_Get',
    method: 'GET',
    on: 'resource',
    action: `${assignmentType}/read`,
    handle: async ({ authorizer, id }) => {
      const name = id.names.at(-1) ?? ''
      const assignment = authorizer.assignment(assignedScope(id), name)
      if (assignment === undefined) {
        throw new ArmError(404, 'RoleAssignmentNotFound', `The role assignment '${name}' is not found.`)
      }
      return { status: 200, body: show(assignment) }
    },
  }
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'RoleAssignments_Create',
    method: 'PUT',
    on: 'resource',
    action: `${assignmentType}/write`,
    body: putBody,
    handle: async (context) => {
      const { authorizer } = context
      const wanted = await newAssignment(context, options.directory)
      const existing = authorizer.assignment(wanted.scope, wanted.name)
      await worded(() => authorizer.putAssignment(wanted))
      return {
        status: existing === undefined ? 201 : 200,
        body: show(authorizer.assignment(wanted.scope, wanted.name) ?? wanted),
      }
    },
  }
  const remove: Operation = {
    name: 'RoleAssignments_Delete',
    method: 'DELETE',
    on: 'resource',
    action: `${assignmentType}/delete`,
    handle: async ({ authorizer, id }) => {
      const deleted = await authorizer.deleteAssignment(assignedScope(id), id.names.at(-1) ?? '')
      return deleted === undefined ? { status: 204 } : { status: 200, body: show(deleted) }
    },
  }
  return {
    type: 'roleAssignments',
    apiVersions: authorizationApiVersions,
    anyScope: true,
    operations: [list, get, put, remove],
  }
}

function assignedScope(id: OperationContext['id']): string {
  return scopeOf(id) || '/'
}

async function newAssignment(context: PutContext, directory: Directory): Promise<RoleAssignment> {
  const { authorizer, body, caller, clock, id } = context
  const { properties } = body
  const name = id.names.at(-1) ?? ''
  if (!isGuid(name)) {
    throw new ArmError(
      400,
      'InvalidRoleAssignmentId',
      `The role assignment ID '${name}' is not valid. The role assignment ID must be a GUID.`,
    )
  }
  if (properties.condition !== undefined && properties.condition !== '') {
    throw notImplemented('A condition on a role assignment')
  }
  if (properties.delegatedManagedIdentityResourceId !== undefined) {
    throw notImplemented('delegatedManagedIdentityResourceId')
  }
  const scope = assignedScope(id)
  const roleName = roleDefinitionNameOf(properties.roleDefinitionId)
  const role = roleName === undefined ? undefined : authorizer.roleDefinition(roleName)
  if (role === undefined || !role.assignableScopes.some((above) => isWithin(scope, above))) {
    throw roleDefinitionDoesNotExist(roleName ?? properties.roleDefinitionId)
  }
  return {
    name: name.toLowerCase(),
    scope,
    roleDefinitionName: role.name,
    principalId: properties.principalId.toLowerCase(),
    principalType: await principalTypeOf(directory, properties),
    ...(properties.description !== undefined && { description: properties.description }),
    createdBy: caller.objectId,
    createdOn: clock(),
  }
}

/**
 * The principal must be in the directory, unless the caller says of what type it is: Azure then takes it for one that
 * has not been replicated yet ("Troubleshoot Azure RBAC", new principal). What the directory knows better, it says.
 */
async function principalTypeOf(
  directory: Directory,
  { principalId, principalType }: z.infer<typeof putBody>['properties'],
): Promise<RoleAssignment['principalType']> {
  if (!isGuid(principalId)) {
    throw new ArmError(400, 'InvalidPrincipalId', `A valid principal ID must be provided for role assignment.`)
  }
  const known = await directory.principal(principalId.toLowerCase())
  if (known === undefined) {
    if (principalType !== undefined) return principalType
    throw new ArmError(
      400,
      'PrincipalNotFound',
      `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${directory.tenantId}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype`,
    )
  }
  if (principalType !== undefined && principalType !== known.type) {
    throw new ArmError(
      400,
      'UnmatchedPrincipalType',
      `The PrincipalId '${principalId}' has type '${known.type}' , which is different from specified PrinciaplType '${principalType}'.`,
    )
  }
  return known.type
}

async function worded(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof AssignmentExistsError) {
      throw new ArmError(
        409,
        'RoleAssignmentExists',
        `The role assignment already exists. The ID of the existing role assignment is ${error.existingName.replaceAll('-', '')}.`,
      )
    }
    if (error instanceof AssignmentUpdateNotPermittedError) {
      throw new ArmError(400, 'RoleAssignmentUpdateNotPermitted', error.message)
    }
    if (error instanceof RoleDefinitionDoesNotExistError) {
      throw new ArmError(404, 'RoleDefinitionDoesNotExist', error.message)
    }
    throw error
  }
}

/** At the scope, above it and below it; the filter narrows. Ordered by id, a page at a time. */
function listAssignments(context: OperationContext, show: (assignment: RoleAssignment) => unknown): Page {
  const { authorizer, path, query } = context
  const text = query.$filter ?? ''
  const filter = text === '' ? undefined : parseFilter(text)
  const principalId = requiredValue(filter, 'principalId')
  const found: { readonly key: string; readonly assignment: RoleAssignment }[] = []
  const subjectOf = (assignment: RoleAssignment) => ({
    field: (name: string) => (name.toLowerCase() === 'principalid' ? assignment.principalId : undefined),
    call: (name: string, args: readonly Argument[]) => callFilter(context, assignment, name, args),
  })
  if (filter !== undefined) matches(filter, subjectOf(nobody), text)
  for (const assignment of authorizer.assignments({
    atScope: path,
    below: path,
    ...(principalId !== undefined && { principalId }),
  })) {
    if (filter !== undefined && !matches(filter, subjectOf(assignment), text)) continue
    found.push({ key: assignmentId(assignment).toLowerCase(), assignment })
  }
  found.sort((a, b) => (a.key < b.key ? -1 : 1))
  const limit = pageSize(context)
  const after = pageStart(context)
  const start = after === undefined ? 0 : found.findIndex(({ key }) => key > after)
  const page = start < 0 ? [] : found.slice(start, start + limit)
  const last = page.at(-1)
  const more = last !== undefined && start + limit < found.length
  return {
    value: page.map(({ assignment }) => show(assignment)),
    ...(more && {
      nextLink: nextLink(context, `${path === '/' ? '' : path}/providers/${assignmentType}`, last.key),
    }),
  }
}

const nobody: RoleAssignment = {
  name: '',
  scope: '/',
  roleDefinitionName: '',
  principalId: '',
  principalType: 'User',
  createdBy: '',
  createdOn: 0,
}

function callFilter(
  { path, caller }: OperationContext,
  assignment: RoleAssignment,
  name: string,
  args: readonly Argument[],
): boolean | undefined {
  switch (name.toLowerCase()) {
    case 'atscope':
      return isWithin(path, assignment.scope)
    case 'assignedto': {
      const [principal] = args
      if (principal?.kind !== 'literal') return undefined
      const id = principal.value.toLowerCase()
      const groups = id === caller.objectId.toLowerCase() ? caller.groupIds : []
      return [id, ...groups.map((group) => group.toLowerCase())].includes(assignment.principalId.toLowerCase())
    }
    default:
      return undefined
  }
}

function assignmentBody(assignment: RoleAssignment, subscriptions: Subscriptions): unknown {
  const { scope, name, principalId, principalType, description, createdBy, createdOn, roleDefinitionName } = assignment
  const created = new Date(createdOn).toISOString()
  const subscription = subscriptions.find(parseResourceId(scope)?.subscriptionId ?? '') ?? subscriptions.first
  return {
    id: assignmentId(assignment),
    type: assignmentType,
    name,
    properties: {
      roleDefinitionId: roleDefinitionId(subscription.id, roleDefinitionName),
      principalId,
      principalType,
      scope,
      ...(description !== undefined && { description }),
      createdOn: created,
      updatedOn: created,
      createdBy,
      updatedBy: createdBy,
    },
  }
}
