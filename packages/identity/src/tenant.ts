/** The tenant that a path names. */
import { aadErrors, isGuid } from './aadsts.ts'

/** Which tenant a request is about: ours, or whichever the account belongs to. */
export type Tenant = 'own' | 'common' | 'organizations'

const domain = /^(?:[a-z0-9](?:[a-z0-9-]{0,62})\.)+[a-z]{2,63}$/i

/** Throws {@link AadError} 90002 for an unknown tenant, 900023 for what is no tenant at all. */
export function parseTenant(name: string, tenantId: string, error?: string): Tenant {
  const lower = name.toLowerCase()
  if (lower === tenantId) return 'own'
  if (lower === 'common' || lower === 'organizations') return lower
  if (isGuid(name) || (name.length <= 253 && domain.test(name))) throw aadErrors.tenantNotFound(name, error)
  throw aadErrors.tenantMalformed(name, error)
}
