/** The access tokens that are issued, with the claims that Azure's services read. */
import { randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import type { SigningKey } from './signing-keys.ts'
import { backdatedSeconds } from './token-lifetimes.ts'

/** How the client proved who it is: `appidacr`. 1 is a client secret, 2 a certificate or another's assertion. */
export type ClientAuthentication = '1' | '2'

/** Whom a token is for. */
export interface TokenSubject {
  readonly objectId: string
  readonly appId: string
  /** The managed identity's resource id, for `xms_mirid`. */
  readonly managedIdentityResourceId?: string
}

export interface AccessTokenRequest {
  readonly subject: TokenSubject
  readonly audience: string
  readonly tenantId: string
  readonly authentication: ClientAuthentication
  readonly lifetimeSeconds: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface AccessToken {
  readonly token: string
  /** Seconds since the epoch. */
  readonly notBefore: number
  /** Seconds since the epoch. */
  readonly expiresOn: number
}

/** `iss` of v1 tokens, which is what vaults, storage, Resource Manager ask for. */
export function tokenIssuer(tenantId: string): string {
  return `https://sts.windows.net/${tenantId}/`
}

/** A v1 access token ("Access token claims reference"), signed RS256. */
export async function signAccessToken(request: AccessTokenRequest, key: SigningKey): Promise<AccessToken> {
  const { subject, tenantId } = request
  const now = Math.floor(request.now / 1000)
  const notBefore = now - backdatedSeconds
  const expiresOn = now + request.lifetimeSeconds
  const issuer = tokenIssuer(tenantId)
  const token = await new SignJWT({
    aud: request.audience,
    iss: issuer,
    iat: notBefore,
    nbf: notBefore,
    exp: expiresOn,
    appid: subject.appId,
    appidacr: request.authentication,
    idp: issuer,
    idtyp: 'app',
    oid: subject.objectId,
    sub: subject.objectId,
    tid: tenantId,
    uti: randomBytes(16).toString('base64url'),
    ver: '1.0',
    ...(subject.managedIdentityResourceId ? { xms_mirid: subject.managedIdentityResourceId } : {}),
  })
    .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.kid })
    .sign(key.privateKey)
  return { token, notBefore, expiresOn }
}
