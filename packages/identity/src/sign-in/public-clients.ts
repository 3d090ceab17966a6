/** Applications that users sign in to: those that Azure's own tools are, those that the tenant registered. */
import type { Principals } from '../principals.ts'
import type { ApplicationRow } from '../tables.ts'

export interface UserClient {
  readonly clientId: string
  readonly displayName: string
  /** Whether it may do without a secret: with this redirect URI, without one (device code), or in one of these ways. */
  isPublic(by: { readonly redirectUri: string } | 'noRedirect' | 'anyWay'): boolean
  allowsRedirect(redirectUri: string): boolean
}

/** Ids that are the same in every tenant; azure-identity's own default is the Azure CLI's. */
const wellKnown: ReadonlyMap<string, string> = new Map([
  ['04b07795-8ddb-461a-bbee-02f9e1bf7b46', 'Microsoft Azure CLI'],
  ['1950a258-227b-4e31-a9cf-717495945fc2', 'Microsoft Azure PowerShell'],
  ['aebc6443-996d-45c2-90f0-388ff96faa56', 'Visual Studio Code'],
])
const nativeClient = 'https://login.microsoftonline.com/common/oauth2/nativeclient'

export async function findUserClient(clientId: string, principals: Principals): Promise<UserClient | undefined> {
  const id = clientId.toLowerCase()
  const name = wellKnown.get(id)
  if (name !== undefined) {
    return {
      clientId: id,
      displayName: name,
      isPublic: () => true,
      allowsRedirect: (uri) => isLoopback(uri) || uri === nativeClient,
    }
  }
  const application = await principals.application({ appId: id })
  // As everywhere: an application without a service principal is not in the tenant.
  if (!application || !(await principals.servicePrincipal({ appId: id }))) return undefined
  return clientOf(application)
}

function clientOf(application: ApplicationRow): UserClient {
  const properties = JSON.parse(application.properties) as Record<string, unknown>
  const web = redirectUris(properties.web)
  const open = [...redirectUris(properties.publicClient), ...redirectUris(properties.spa)]
  const fallback = properties.isFallbackPublicClient === true
  return {
    clientId: application.app_id,
    displayName: application.display_name,
    isPublic(by) {
      if (by === 'noRedirect') return fallback
      if (by === 'anyWay') return fallback || open.length > 0
      return open.some((registered) => sameRedirect(registered, by.redirectUri))
    },
    allowsRedirect: (uri) => [...web, ...open].some((registered) => sameRedirect(registered, uri)),
  }
}

function redirectUris(part: unknown): string[] {
  if (typeof part !== 'object' || part === null || !('redirectUris' in part)) return []
  const { redirectUris: uris } = part
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
}

/** Exact, but for the port of a loopback address (RFC 8252 section 7.3). */
function sameRedirect(registered: string, uri: string): boolean {
  if (registered === uri) return true
  if (!isLoopback(registered) || !isLoopback(uri)) return false
  const [one, other] = [new URL(registered), new URL(uri)]
  return one.protocol === other.protocol && one.hostname === other.hostname && one.pathname === other.pathname
}

function isLoopback(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname, username, password, hash } = new URL(uri)
  return (
    protocol === 'http:' &&
    (hostname === 'localhost' || hostname === '127.0.0.1') &&
    username === '' &&
    password === '' &&
    hash === ''
  )
}
