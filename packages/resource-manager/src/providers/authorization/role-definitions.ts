/** Role definitions at any scope: the built-in ones read, custom ones written too. */
import {
  type Authorizer,
  BuiltInRoleError,
  type RoleDefinition,
  RoleDefinitionHasAssignmentsError,
} from '@keystead/authorization'
import { z } from 'zod'
import { ArmError } from '../../arm-error.ts'
import { matches, parseFilter } from '../../odata-filter.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { parseResourceId } from '../../resource-id.ts'
import type { Subscriptions } from '../../subscriptions.ts'
import { authorizationApiVersions } from './api-versions.ts'
import { isGuid, isWithin, roleDefinitionId } from './role-path.ts'

const roleType = 'Microsoft.Authorization/roleDefinitions'

const actions = z.array(z.string().min(1).max(512)).max(2048).optional()
const putBody = z.object({
  properties: z.object({
    roleName: z.string().min(1).max(128),
    description: z.string().max(2048).optional(),
    type: z.string().optional(),
    permissions: z
      .array(
        z.object({
          actions,
          notActions: actions,
          dataActions: actions,
          notDataActions: actions,
          condition: z.unknown().optional(),
        }),
      )
      .min(1)
      .max(64),
    assignableScopes: z.array(z.string()).min(1).max(2000),
  }),
})

export function roleDefinitionType(subscriptions: Subscriptions): ResourceTypeDeclaration {
  const show = (role: RoleDefinition, { id }: OperationContext<unknown>) =>
    roleBody(role, id.subscriptionId && subscriptions.find(id.subscriptionId)?.id)
  const list: Operation = {
    name: 'RoleDefinitions_List',
    method: 'GET',
    on: 'collection',
    action: `${roleType}/read`,
    access: 'member',
    handle: async (context) => ({
      status: 200,
      body: { value: listRoles(context).map((role) => show(role, context)) },
    }),
  }
  const get: Operation = {
    name: 'RoleDefinitions_Get',
    method: 'GET',
    on: 'resource',
    action: `${roleType}/read`,
    access: 'member',
    handle: async (context) => {
      const name = context.id.names.at(-1) ?? ''
      const role = context.authorizer.roleDefinition(name)
      if (role === undefined) throw roleDefinitionDoesNotExist(name)
      return { status: 200, body: show(role, context) }
    },
  }
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'RoleDefinitions_CreateOrUpdate',
    method: 'PUT',
    on: 'resource',
    action: `${roleType}/write`,
    body: putBody,
    handle: async (context) => {
      const role = customRole(context, subscriptions)
      const { authorizer } = context
      const existing = authorizer.roleDefinition(role.name)
      checkRoleName(authorizer, role)
      // Whoever widens a role to a scope must be allowed to write roles there.
      for (const scope of new Set([...role.assignableScopes, ...(existing?.assignableScopes ?? [])])) {
        context.require(`${roleType}/write`, scope)
      }
      await worded(() => authorizer.putRoleDefinition(role))
      return { status: 201, body: show(role, context) }
    },
  }
  const remove: Operation = {
    name: 'RoleDefinitions_Delete',
    method: 'DELETE',
    on: 'resource',
    action: `${roleType}/delete`,
    handle: async (context) => {
      const { authorizer, id } = context
      const existing = authorizer.roleDefinition(id.names.at(-1) ?? '')
      if (existing === undefined) return { status: 204 }
      if (existing.roleType === 'CustomRole') {
        for (const scope of existing.assignableScopes) context.require(`${roleType}/delete`, scope)
      }
      const deleted = await worded(() => authorizer.deleteRoleDefinition(existing.name))
      return deleted === undefined ? { status: 204 } : { status: 200, body: show(deleted, context) }
    },
  }
  return {
    type: 'roleDefinitions',
    apiVersions: authorizationApiVersions,
    anyScope: true,
    operations: [list, get, put, remove],
  }
}

export const roleDefinitionDoesNotExist = (name: string) =>
  new ArmError(
    404,
    'RoleDefinitionDoesNotExist',
    `The specified role definition with ID '${name.replaceAll('-', '').slice(0, 260)}' does not exist.`,
  )

/** Those that can be assigned at the scope and, with `atScopeAndBelow()`, at what lies below it. */
function listRoles({ authorizer, path, query }: OperationContext): RoleDefinition[] {
  const text = query.$filter ?? ''
  const filter = text === '' ? undefined : parseFilter(text)
  const below = /atScopeAndBelow\(\)/i.test(text)
  return [...authorizer.roleDefinitions()].filter((role) => {
    const visible = role.assignableScopes.some((scope) => isWithin(path, scope) || (below && isWithin(scope, path)))
    const wanted =
      filter === undefined ||
      matches(
        filter,
        {
          field(name) {
            switch (name.toLowerCase()) {
              case 'rolename':
                return role.roleName
              case 'type':
                return role.roleType
              case 'name':
              case 'id':
                return role.name
              default:
                return undefined
            }
          },
          call: (name) => (name.toLowerCase() === 'atscopeandbelow' ? true : undefined),
        },
        text,
      )
    return wanted && visible
  })
}

function customRole(
  { id, body }: OperationContext<z.infer<typeof putBody>>,
  subscriptions: Subscriptions,
): RoleDefinition {
  const name = id.names.at(-1) ?? ''
  const invalid = (message: string) => new ArmError(400, 'InvalidRoleDefinition', message)
  if (!isGuid(name))
    throw new ArmError(
      400,
      'InvalidRoleDefinitionId',
      `The role definition ID '${name}' is not valid. The role definition ID must be a GUID.`,
    )
  const { roleName, description = '', type, permissions, assignableScopes } = body.properties
  if (type !== undefined && type.toLowerCase() !== 'customrole') {
    throw invalid("The role definition's type must be 'CustomRole'.")
  }
  if (permissions.some((each) => each.condition !== undefined)) {
    throw new ArmError(501, 'NotImplemented', 'Conditions in role definitions are not implemented.')
  }
  for (const scope of assignableScopes) {
    const parsed = parseResourceId(scope)
    if (parsed === undefined || parsed.namespace !== undefined || parsed.subscriptionId === undefined) {
      throw invalid(`The assignable scope '${scope.slice(0, 260)}' is not a subscription or a resource group.`)
    }
    if (subscriptions.find(parsed.subscriptionId) === undefined) {
      throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${parsed.subscriptionId}' could not be found.`)
    }
  }
  return {
    name: name.toLowerCase(),
    roleName,
    description,
    roleType: 'CustomRole',
    permissions: permissions.map(
      ({ actions: allowed = [], notActions = [], dataActions = [], notDataActions = [] }) => ({
        actions: allowed,
        notActions,
        dataActions,
        notDataActions,
      }),
    ),
    assignableScopes,
  }
}

function checkRoleName(authorizer: Authorizer, role: RoleDefinition): void {
  for (const other of authorizer.roleDefinitions()) {
    if (other.name.toLowerCase() === role.name || other.roleName.toLowerCase() !== role.roleName.toLowerCase()) continue
    throw new ArmError(
      409,
      'RoleDefinitionWithSameNameExists',
      'A custom role with the same name already exists in this directory. Use a different name.',
    )
  }
}

async function worded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof BuiltInRoleError) throw new ArmError(400, 'RoleDefinitionNotCustom', error.message)
    if (error instanceof RoleDefinitionHasAssignmentsError) {
      throw new ArmError(400, 'RoleDefinitionHasAssignments', error.message)
    }
    throw error
  }
}

function roleBody(role: RoleDefinition, subscriptionId: string | undefined): unknown {
  const { name, roleName, roleType: type, description, assignableScopes, permissions } = role
  return {
    id: roleDefinitionId(subscriptionId, name),
    type: roleType,
    name,
    properties: { roleName, type, description, assignableScopes, permissions },
  }
}
