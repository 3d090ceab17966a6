/** Management locks at any scope: the subscription, a group, a resource, or a child of one. */
import { z } from 'zod'
import { ArmError } from '../../arm-error.ts'
import { invalidFilter } from '../../arm-errors.ts'
import { lockedScope, lockType } from '../../locks.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { pageOfResources } from '../../paging.ts'
import type { Resource } from '../../resource-store.ts'
import { isWithin } from './role-path.ts'

/** Those of locks that clients are known to send, newest first. */
const apiVersions = ['2020-05-01', '2017-04-01', '2016-09-01', '2015-06-01', '2015-05-01-preview', '2015-01-01']

const putBody = z.object({
  properties: z.object({
    level: z.enum(['CanNotDelete', 'ReadOnly']),
    notes: z.string().max(512).optional(),
    owners: z
      .array(z.object({ applicationId: z.string().max(64).optional() }))
      .max(16)
      .optional(),
  }),
})
type PutBody = z.infer<typeof putBody>

export function lockTypeDeclaration(): ResourceTypeDeclaration {
  const list: Operation = {
    name: 'ManagementLocks_ListByScope',
    method: 'GET',
    on: 'collection',
    action: `${lockType}/read`,
    access: 'filtered',
    handle: async (context) => ({ status: 200, body: await listLocks(context) }),
  }
  const get: Operation = {
    name: 'ManagementLocks_GetByScope',
    method: 'GET',
    on: 'resource',
    action: `${lockType}/read`,
    handle: async ({ id, path, resources }) => {
      const lock = await resources.get(path)
      if (lock === undefined) throw lockNotFound(id.names.at(-1) ?? '')
      return { status: 200, body: lockBody(lock) }
    },
  }
  const put: Operation<PutBody> = {
    name: 'ManagementLocks_CreateOrUpdateByScope',
    method: 'PUT',
    on: 'resource',
    action: `${lockType}/write`,
    body: putBody,
    handle: async ({ id, path, body, resources }) => {
      if (id.subscriptionId === undefined) throw new ArmError(400, 'InvalidScope', 'A lock cannot stand on the tenant.')
      const name = id.names.at(-1) ?? ''
      checkName(name)
      const existing = await resources.get(path)
      const lock = await resources.put({ id: path, name, type: lockType, properties: body.properties })
      return { status: existing === undefined ? 201 : 200, body: lockBody(lock) }
    },
  }
  const remove: Operation = {
    name: 'ManagementLocks_DeleteByScope',
    method: 'DELETE',
    on: 'resource',
    action: `${lockType}/delete`,
    handle: async ({ path, resources }) => ({ status: (await resources.delete(path)) === undefined ? 204 : 200 }),
  }
  return { type: 'locks', apiVersions, anyScope: true, operations: [list, get, put, remove] }
}

const lockNotFound = (name: string) => new ArmError(404, 'LockNotFound', `The lock '${name}' could not be found.`)

/** "The lock name ... can't contain <, >, %, &, :, \, ?, / or any control characters" (Management Locks, Create). */
function checkName(name: string): void {
  if (/[<>%&:\\?/]/.test(name)) {
    throw new ArmError(
      400,
      'InvalidLockName',
      `The lock name '${name}' is invalid. It cannot have any of '<,>,%,&,:,\\,?,/'.`,
    )
  }
}

/** Without a filter: at, above and below the scope. With `atScope()`: at and above it. */
async function listLocks(context: OperationContext) {
  const { path, query, id } = context
  const text = query.$filter ?? ''
  const atScope = /^\s*atScope\(\)\s*$/i.test(text)
  if (text !== '' && !atScope) throw invalidFilter(text)
  return await pageOfResources(
    context,
    `${path === '/' ? '' : path}/providers/${lockType}`,
    { type: lockType, ...(id.subscriptionId !== undefined && { below: `/subscriptions/${id.subscriptionId}` }) },
    lockBody,
    (lock) => {
      const scope = lockedScope(lock)
      return isWithin(path, scope) || (!atScope && isWithin(scope, path))
    },
  )
}

function lockBody({ id, name, type, properties }: Resource): unknown {
  return { id, type, name, properties }
}
