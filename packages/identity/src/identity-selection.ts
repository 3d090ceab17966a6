/** Which of a replica's identities a managed-identity request means. */
import type { ManagedIdentity } from './directory.ts'
import { resourceKey } from './resource-key.ts'

export type IdentitySelection =
  | { readonly kind: 'selected'; readonly identity: ManagedIdentity }
  /** A selector that none of the replica's identities has, or several selectors at once. */
  | { readonly kind: 'notFound' }
  /** No selector, no system-assigned identity. */
  | { readonly kind: 'noDefault'; readonly userAssigned: number }

type Matcher = (identity: ManagedIdentity, value: string) => boolean

const byClient: Matcher = (identity, value) => identity.clientId === value.toLowerCase()
const byPrincipal: Matcher = (identity, value) => identity.principalId === value.toLowerCase()
const byResource: Matcher = (identity, value) => resourceKey(identity.resourceId) === resourceKey(value)

/** The names in use: App Service documents principal_id with mi_res_id, IMDS object_id with msi_res_id. */
const selectors: Readonly<Record<string, Matcher>> = {
  client_id: byClient,
  principal_id: byPrincipal,
  object_id: byPrincipal,
  mi_res_id: byResource,
  msi_res_id: byResource,
}

/** Without a selector the system-assigned identity is meant. */
export function selectIdentity(identities: readonly ManagedIdentity[], query: URLSearchParams): IdentitySelection {
  const asked = [...query].flatMap(([name, value]) => {
    const matcher = selectors[name.toLowerCase()]
    return matcher ? [{ matcher, value }] : []
  })
  const [selector, second] = asked
  if (second) return { kind: 'notFound' }
  if (selector) {
    const identity = identities.find((candidate) => selector.matcher(candidate, selector.value))
    return identity ? { kind: 'selected', identity } : { kind: 'notFound' }
  }
  const system = identities.find((identity) => identity.kind === 'SystemAssigned')
  if (system) return { kind: 'selected', identity: system }
  return { kind: 'noDefault', userAssigned: identities.length }
}
