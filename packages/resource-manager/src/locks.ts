/** What management locks forbid: asked before every write, wherever it goes. */
import { scopeLocked } from './arm-errors.ts'
import type { DeclaredOperation } from './operation.ts'
import type { Resource, ResourceStore } from './resource-store.ts'

export const lockType = 'Microsoft.Authorization/locks'

/**
 * Throws ArmError 409 when a lock at the path or above it forbids the operation, or one below it forbids its deletion.
 * "Lock your Azure resources to protect your infrastructure": CanNotDelete refuses deletions, ReadOnly every operation
 * that is not a read, `listKeys` among them. Locks themselves are governed by rights alone.
 */
export async function checkLocks(
  resources: ResourceStore,
  operation: Pick<DeclaredOperation, 'method' | 'action'>,
  path: string,
): Promise<void> {
  const deletes = operation.method === 'DELETE'
  const locked = new Map<string, string>()
  for (const lock of await locksAgainst(resources, { action: operation.action, deletes }, path)) {
    const scope = lockedScope(lock)
    if (!locked.has(scope.toLowerCase())) locked.set(scope.toLowerCase(), scope)
  }
  if (locked.size > 0) throw scopeLocked(path, deletes ? 'delete' : 'write', [...locked.values()])
}

/** The locks that forbid an operation, from the top; of those below what is deleted, ten at most. */
export async function locksAgainst(
  resources: ResourceStore,
  operation: { readonly action: string; readonly deletes: boolean },
  path: string,
): Promise<readonly Resource[]> {
  const action = operation.action.toLowerCase()
  if (action.endsWith('/read') || action.startsWith(`${lockType.toLowerCase()}/`)) return []
  const against: Resource[] = []
  for (const scope of scopesOf(path)) {
    const locks = await resources.list({ below: `${scope}/providers/${lockType}` })
    against.push(...locks.filter((lock) => operation.deletes || lock.properties.level === 'ReadOnly'))
  }
  if (operation.deletes) {
    for (const lock of await resources.list({ below: path, type: lockType, limit: 10 })) {
      if (!against.some(({ id }) => id === lock.id)) against.push(lock)
    }
  }
  return against
}

/** The id of what a lock stands on. */
export function lockedScope(lock: Pick<Resource, 'id'>): string {
  return lock.id.slice(0, lock.id.toLowerCase().lastIndexOf(`/providers/${lockType.toLowerCase()}/`))
}

/** The subscription, the group, the resource, its children: every scope on the way to a path, the path itself included. */
function scopesOf(path: string): string[] {
  const segments = path.split('/').slice(1)
  const scopes: string[] = []
  let at = 0
  while (at < segments.length) {
    at += 2
    // `providers/NAMESPACE` is no scope before its first type and name.
    if (segments[at - 2]?.toLowerCase() === 'providers') continue
    if (at <= segments.length) scopes.push(`/${segments.slice(0, at).join('/')}`)
  }
  return scopes
}
