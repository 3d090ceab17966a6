/** The principals that a person's word means: an id, a name, or a managed identity's resource id. */
import type { FoundPrincipal } from '../directory.ts'
import type { DirectoryObjects } from './directory-objects.ts'

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Several when a display name is taken by several. */
export async function findPrincipals(objects: DirectoryObjects, reference: string): Promise<readonly FoundPrincipal[]> {
  const { managedIdentities, principals, users, groups } = objects.parts
  if (reference.startsWith('/')) {
    const identity = managedIdentities.get(reference)
    return identity === undefined ? [] : await byObjectIds(objects, [identity.principalId])
  }
  if (guid.test(reference)) {
    const servicePrincipal = await principals.servicePrincipalRow({ appId: reference })
    return await byObjectIds(objects, [servicePrincipal?.object_id ?? reference])
  }
  const name = reference.toLowerCase()
  const user = name.includes('@') ? await users.find(name) : undefined
  if (user !== undefined) return await byObjectIds(objects, [user.object_id])
  const named = [...(await principals.servicePrincipalRows()), ...groups.all(), ...(await users.all())]
    .filter((row) => row.display_name.toLowerCase() === name)
    .map((row) => row.object_id)
  return await byObjectIds(objects, named)
}

async function byObjectIds(objects: DirectoryObjects, ids: readonly string[]): Promise<readonly FoundPrincipal[]> {
  const { groups, managedIdentities } = objects.parts
  const found: FoundPrincipal[] = []
  for (const id of ids) {
    const object = await objects.find(id)
    if (object === undefined || object.kind === 'application') continue
    const { object_id: objectId, display_name: displayName } = object.row
    const memberships = groups.groupsOf(objectId).map((groupId) => ({
      objectId: groupId,
      displayName: groups.get(groupId)?.display_name ?? groupId,
    }))
    const about = { objectId, displayName, groups: memberships, enabled: true }
    if (object.kind === 'user') {
      const { row } = object
      found.push({
        ...about,
        type: 'User',
        enabled: row.account_enabled !== 0,
        userPrincipalName: row.user_principal_name,
      })
    } else if (object.kind === 'group') found.push({ ...about, type: 'Group' })
    else {
      const appId = object.row.app_id
      const identity = managedIdentities.byClientId(appId)
      found.push({
        ...about,
        type: 'ServicePrincipal',
        appId,
        ...(identity === undefined ? {} : { managedIdentityResourceId: identity.resourceId }),
      })
    }
  }
  return found
}
