/** The token service's own addresses: which hosts it answers as, what its endpoints are called there. */
import type { IncomingHttpHeaders } from 'node:http'

/** Entra's public hosts, as msal lists them; the first is the one that others are aliases of. */
export const authorityHosts = [
  'login.microsoftonline.com',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
] as const

/**
 * Whether the token service may be known under this host (with its port). A name under `localhost` is this machine for
 * everybody (RFC 6761 section 6.3), so that an assertion made out to it cannot have been made for someone else.
 */
export function isOwnHost(host: string): boolean {
  const name = host.toLowerCase().replace(/:\d+$/, '')
  return (
    authorityHosts.some((known) => known === name) ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '127.0.0.1' ||
    name === '[::1]'
  )
}

/** The host that the client asked: behind the gateway, `Host` is Entra's also where the client used a local name. */
export function askedHost(headers: IncomingHttpHeaders): string | undefined {
  const forwarded = headers['x-forwarded-host']
  return typeof forwarded === 'string' ? forwarded : headers.host
}

/** The base URL that documents name: the host that was asked when it is one of ours, Entra's otherwise. */
export function authorityBase(headers: IncomingHttpHeaders): string {
  const host = askedHost(headers)
  return `https://${host && isOwnHost(host) ? host.toLowerCase() : authorityHosts[0]}`
}

/** Whether `audience` is the token endpoint (or the issuer) of this tenant: what a client assertion is made out to. */
export function isTokenEndpointOf(audience: string, tenantId: string): boolean {
  if (!URL.canParse(audience)) return false
  const url = new URL(audience)
  if (url.protocol !== 'https:' || !isOwnHost(url.host) || url.search !== '' || url.hash !== '') return false
  const path = url.pathname.toLowerCase().replace(/\/$/, '')
  const tenant = `/${tenantId}`
  return [`${tenant}/oauth2/v2.0/token`, `${tenant}/oauth2/token`, `${tenant}/v2.0`, tenant].includes(path)
}
