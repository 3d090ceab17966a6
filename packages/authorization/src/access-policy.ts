/** The decision on a vault whose permission model is access policies. */
import type { AccessPolicyRequest, Decision } from './decision.ts'

/**
 * Policies of the principal and of its groups count, in its own tenant only. `all` grants every permission but `purge`
 * (https://learn.microsoft.com/azure/key-vault/general/assign-access-policy).
 */
export function decideByAccessPolicy(request: AccessPolicyRequest): Decision {
  const { principal, permission, scope, policies } = request
  const tenantId = principal.tenantId.toLowerCase()
  const holders = new Set([principal.objectId, ...principal.groupIds].map((id) => id.toLowerCase()))
  const wanted = permission.toLowerCase()
  const self = principal.objectId.toLowerCase()
  let found = false
  let allowed = false
  let held: readonly string[] = []
  for (const policy of policies) {
    if (policy.tenantId.toLowerCase() !== tenantId || !holders.has(policy.objectId.toLowerCase())) continue
    found = true
    if (policy.objectId.toLowerCase() === self) held = policy.secrets
    allowed = policy.secrets.some((granted) => {
      const lower = granted.toLowerCase()
      return lower === wanted || (lower === 'all' && wanted !== 'purge')
    })
    if (allowed) break
  }
  return {
    allowed,
    reason: allowed ? 'grantedByAccessPolicy' : found ? 'permissionNotInAccessPolicy' : 'noAccessPolicy',
    by: 'accessPolicy',
    principal,
    action: permission,
    scope,
    ...(found && !allowed ? { held } : {}),
  }
}
