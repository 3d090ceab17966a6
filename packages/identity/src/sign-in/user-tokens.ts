/** The tokens that a user's sign-in is answered with: access token, id token, refresh token. */
import { hash, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { aadErrors } from '../aadsts.ts'
import { tokenIssuer } from '../access-token.ts'
import { authorityHosts } from '../authority.ts'
import type { SigningKeys } from '../signing-keys.ts'
import type { UserRow } from '../tables.ts'
import { applicationTokenSeconds, backdatedSeconds } from '../token-lifetimes.ts'
import { audienceOf, hasScope } from '../token-resource.ts'

export interface UserTokenRequest {
  readonly user: UserRow
  readonly clientId: string
  /** `appidacr`: 0 for a public client, 1 for one with a secret, 2 for one with an assertion. */
  readonly authentication: '0' | '1' | '2'
  readonly resource: string
  readonly scope: string
  readonly nonce?: string
  readonly signedInAt: number
  readonly clientInfo: boolean
  /** Absent when `offline_access` was not asked for. */
  readonly refreshToken?: string
}

export interface UserTokensOptions {
  readonly keys: SigningKeys
  readonly tenantId: string
  readonly clock: () => number
}

export type UserTokenAnswer = Record<string, string | number>

/** Answers a v2 token response; throws {@link AadError} 500011 for a resource that there is none of. */
export async function signUserTokens(options: UserTokensOptions, request: UserTokenRequest): Promise<UserTokenAnswer> {
  const { keys, tenantId, clock } = options
  const { user, clientId, resource } = request
  const audience = audienceOf(resource)
  if (audience === undefined) throw aadErrors.resourceNotFound(resource, tenantId)
  const key = await keys.current()
  const now = Math.floor(clock() / 1000)
  const times = { iat: now - backdatedSeconds, nbf: now - backdatedSeconds, exp: now + applicationTokenSeconds }
  const subject = { name: user.display_name, oid: user.object_id, sub: pairwiseSubject(user, clientId), tid: tenantId }
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.kid }).sign(key.privateKey)

  const permissions = permissionsOf(audience)
  const accessToken = await sign({
    aud: audience,
    iss: tokenIssuer(tenantId),
    ...times,
    acr: '1',
    amr: ['pwd'],
    appid: clientId,
    appidacr: request.authentication,
    idtyp: 'user',
    ...subject,
    scp: permissions,
    unique_name: user.user_principal_name,
    upn: user.user_principal_name,
    uti: randomBytes(16).toString('base64url'),
    ver: '1.0',
  })
  const idToken = hasScope(request.scope, 'openid')
    ? await sign({
        aud: clientId,
        iss: `https://${authorityHosts[0]}/${tenantId}/v2.0`,
        ...times,
        auth_time: Math.floor(request.signedInAt / 1000),
        ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
        preferred_username: user.user_principal_name,
        ...subject,
        uti: randomBytes(16).toString('base64url'),
        ver: '2.0',
      })
    : undefined
  const seconds = applicationTokenSeconds - 1
  return {
    token_type: 'Bearer',
    // msal finds a cached token by the scopes that the answer says.
    scope: [...permissions.split(' '), '.default'].map((name) => `${resource}/${name}`).join(' '),
    expires_in: seconds,
    ext_expires_in: seconds,
    access_token: accessToken,
    ...(request.refreshToken === undefined ? {} : { refresh_token: request.refreshToken }),
    ...(idToken === undefined ? {} : { id_token: idToken }),
    ...(request.clientInfo ? { client_info: clientInfo(user, tenantId) } : {}),
  }
}

/** What Azure's tools may do in a user's name: all that the user may. */
function permissionsOf(audience: string): string {
  return audience.startsWith('https://graph.microsoft.com')
    ? 'Directory.AccessAsUser.All User.Read'
    : 'user_impersonation'
}

/** Different for each application, so that two of them can not tell that they have the same user by it. */
function pairwiseSubject(user: UserRow, clientId: string): string {
  return hash('sha256', `${user.object_id} ${clientId}`, 'base64url')
}

/** msal's name for the account. */
function clientInfo(user: UserRow, tenantId: string): string {
  return Buffer.from(JSON.stringify({ uid: user.object_id, utid: tenantId })).toString('base64url')
}
