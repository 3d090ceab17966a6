/**
 * The access-control list of the configuration (pkg/acl). A caller is known by the certificate of its sidecar; without
 * mutual TLS it is not known, and then the list's default action decides, as in daprd.
 */

export interface AccessControl {
  readonly trustDomain: string
  readonly defaultAction: string
  readonly policies: number
}

/** The refusal of a call in daprd's words; undefined: it may be made. */
export function refusedByAccessControl(
  access: AccessControl | undefined,
  operation: string,
  verb: string,
): string | undefined {
  if (!access) return undefined
  const action = access.defaultAction === '' ? (access.policies > 0 ? 'deny' : 'allow') : access.defaultAction
  if (action.toLowerCase() === 'allow') return undefined
  return `access control policy has denied access to id:  operation: ${operation} verb: ${verb}`
}
