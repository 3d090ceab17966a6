/** Which resource a token is asked for, by its v2 `scope` or its v1 `resource`. */
import { aadErrors } from './aadsts.ts'

/**
 * Resources of Azure that Keystead answers for. Their tokens are v1 whichever endpoint issued them, because that is
 * what their registrations in Entra ask for.
 */
const hosts = new Set([
  'vault.azure.net',
  'management.azure.com',
  'management.core.windows.net',
  'storage.azure.com',
  'graph.microsoft.com',
  'api.loganalytics.io',
])
/** Also what a user's scopes without a resource mean, `User.Read` or `openid` alone. */
const graph = 'https://graph.microsoft.com'
/** `ACCOUNT.blob.core.windows.net`: 3 to 24 lower-case letters and digits. */
const storageHost = /^[a-z0-9]{3,24}\.(?:blob|queue)\.core\.windows\.net$/

/** Microsoft Graph by its name without a proxy: tokens are for Microsoft Graph all the same. */
const localGraph = /^https:\/\/graph\.keystead\.localhost(?::\d{1,5})?(?=\/?$)/i

/**
 * The audience for a resource as a caller names it: the host in lower case, a trailing slash kept when there was one
 * (`https://management.core.windows.net/` is how Resource Manager's older name is registered).
 * Undefined: no such resource.
 */
export function audienceOf(resource: string): string | undefined {
  const match = /^https:\/\/([^/?#@:\s]+)(\/?)$/i.exec(resource.replace(localGraph, graph))
  const host = match?.[1]?.toLowerCase()
  if (!host || !(hosts.has(host) || storageHost.test(host))) return undefined
  return `https://${host}${match?.[2] ?? ''}`
}

/** OpenID Connect's own scopes: allowed beside the resource, without effect for an application. */
const openIdScopes = new Set(['openid', 'profile', 'email', 'offline_access'])

/** The resource in a v2 `scope`: one `RESOURCE/.default`. Throws {@link AadError}. */
export function resourceOfScope(scope: string): string {
  const scopes = scope.split(' ').filter((item) => item !== '' && !openIdScopes.has(item))
  const [only, second] = scopes
  if (only === undefined) throw aadErrors.scopeMalformed(scope)
  if (second !== undefined) throw aadErrors.scopeOfSeveralResources(scope)
  if (!only.endsWith('/.default')) throw aadErrors.scopeWithoutDefault(only)
  const resource = only.slice(0, -'/.default'.length)
  if (resource === '') throw aadErrors.scopeMalformed(scope)
  return resource
}

/** The resource in a user's v2 `scope`, which may name single permissions. Throws {@link AadError}. */
export function resourceOfUserScope(scope: string): string {
  const resources = new Set<string>()
  for (const item of scope.split(' ')) {
    if (item === '' || openIdScopes.has(item)) continue
    const slash = item.lastIndexOf('/')
    resources.add(slash <= 'https://'.length ? graph : item.slice(0, slash))
  }
  const [only, second] = resources
  if (second !== undefined) throw aadErrors.scopeOfSeveralResources(scope)
  return only ?? graph
}

/** Which of OpenID Connect's scopes are asked for. */
export function hasScope(scope: string, name: 'openid' | 'profile' | 'offline_access'): boolean {
  return scope.split(' ').includes(name)
}
