/** The `identity` member of an app: what a caller writes, and what Azure shows. */
import type { Directory } from '@keystead/identity'
import { ArmError, invalidRequestContent, type OperationContext } from '@keystead/resource-manager'
import { z } from 'zod'

export const identityBody = z.object({
  type: z
    .string()
    .transform((type) => type.split(',').map((each) => each.trim().toLowerCase()))
    .pipe(z.array(z.enum(['none', 'systemassigned', 'userassigned']))),
  userAssignedIdentities: z.record(z.string(), z.unknown()).optional(),
})
export type IdentityBody = z.infer<typeof identityBody>

/** As it is stored with the app: the principals are the directory's. */
export const assignedIdentities = z.object({ system: z.boolean(), user: z.array(z.string()) })
export type AssignedIdentities = z.infer<typeof assignedIdentities>

const userAssignedId =
  /^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+\/providers\/microsoft\.managedidentity\/userassignedidentities\/[^/]+$/i
export const assignAction = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'

export const noIdentities: AssignedIdentities = { system: false, user: [] }

/** What the body asks for. A user-assigned identity has to exist, and to be the caller's to assign. */
export async function readIdentities(
  body: IdentityBody | undefined,
  before: AssignedIdentities,
  directory: Directory,
  require: OperationContext['require'],
): Promise<AssignedIdentities> {
  if (body === undefined) return before
  const user: string[] = []
  if (body.type.includes('userassigned')) {
    for (const id of Object.keys(body.userAssignedIdentities ?? {})) {
      if (!userAssignedId.test(id)) throw invalidRequestContent(`'${id}' is not the id of a user-assigned identity`)
      if (!hasIdentity(before, id)) require(assignAction, id)
      const known = await directory.managedIdentity(id)
      if (known?.kind !== 'UserAssigned') {
        throw new ArmError(
          400,
          'FailedIdentityOperation',
          `Identity operation for resource failed: the user-assigned identity '${id}' was not found.`,
        )
      }
      user.push(known.resourceId)
    }
    if (user.length === 0) throw invalidRequestContent('The type UserAssigned needs userAssignedIdentities')
  }
  return { system: body.type.includes('systemassigned'), user }
}

export function hasIdentity({ user }: AssignedIdentities, id: string): boolean {
  return user.some((each) => each.toLowerCase() === id.toLowerCase())
}

/** `system` or a resource id, as references and scale rules name an identity: whether the app has it. */
export function isAssigned(identities: AssignedIdentities, named: string): boolean {
  return named.toLowerCase() === 'system' ? identities.system : hasIdentity(identities, named)
}

/** Makes or removes the system-assigned principal. */
export async function settleSystemIdentity(
  appId: string,
  before: AssignedIdentities,
  after: AssignedIdentities,
  directory: Directory,
): Promise<void> {
  if (after.system) await directory.createManagedIdentity({ resourceId: appId, kind: 'SystemAssigned' })
  else if (before.system) await directory.deleteManagedIdentity(appId)
}

export async function identityRepresentation(
  appId: string,
  { system, user }: AssignedIdentities,
  directory: Directory,
): Promise<unknown> {
  const own = system ? await directory.managedIdentity(appId) : undefined
  const assigned: Record<string, unknown> = {}
  for (const id of user) {
    const known = await directory.managedIdentity(id)
    assigned[id] = known ? { principalId: known.principalId, clientId: known.clientId } : {}
  }
  const type = [...(system ? ['SystemAssigned'] : []), ...(user.length > 0 ? ['UserAssigned'] : [])].join(', ')
  return {
    type: type === '' ? 'None' : type,
    ...(own ? { principalId: own.principalId, tenantId: own.tenantId } : {}),
    ...(user.length > 0 ? { userAssignedIdentities: assigned } : {}),
  }
}
