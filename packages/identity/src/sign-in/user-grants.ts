/** The grants of the token endpoint by which users sign in: authorization code, device code, refresh token, password. */
import { aadErrors } from '../aadsts.ts'
import type { ClientAuthenticator } from '../client-authentication.ts'
import type { Users } from '../directory/users.ts'
import type { Principals } from '../principals.ts'
import type { SigningKeys } from '../signing-keys.ts'
import type { UserRow } from '../tables.ts'
import type { TokenRequest } from '../token-request.ts'
import { hasScope, resourceOfUserScope } from '../token-resource.ts'
import type { AuthorizationCodes } from './authorization-codes.ts'
import type { DeviceCodes } from './device-codes.ts'
import { findUserClient } from './public-clients.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { UserPasswords } from './user-passwords.ts'
import { signUserTokens, type UserTokenAnswer } from './user-tokens.ts'

export interface UserGrantsOptions {
  readonly tenantId: string
  readonly clock: () => number
  readonly keys: SigningKeys
  readonly clients: ClientAuthenticator
  readonly principals: Principals
  readonly users: Users
  readonly passwords: UserPasswords
  readonly codes: AuthorizationCodes
  readonly devices: DeviceCodes
  readonly refreshTokens: RefreshTokens
}

const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

interface SignedIn {
  readonly user: UserRow
  readonly signedInAt: number
  readonly scope: string
  readonly nonce?: string
  /** Of a refresh: the one to keep. */
  readonly refreshToken?: string
}

type Grant = (request: TokenRequest, clientId: string) => Promise<SignedIn>

export class UserGrants {
  readonly #options: UserGrantsOptions
  readonly #grants: Readonly<Record<string, Grant>>

  constructor(options: UserGrantsOptions) {
    this.#options = options
    this.#grants = {
      authorization_code: (request, clientId) => this.#code(request, clientId),
      refresh_token: (request, clientId) => this.#refresh(request, clientId),
      [deviceCodeGrant]: (request, clientId) => this.#device(request, clientId),
      // msal for JavaScript calls it by the name that it had before RFC 8628.
      device_code: (request, clientId) => this.#device(request, clientId),
      password: (request) => this.#password(request),
    }
  }

  has(grant: string): boolean {
    return Object.hasOwn(this.#grants, grant)
  }

  /** Answers the body of a token response, or throws {@link AadError}. */
  async answer(request: TokenRequest, grant: string): Promise<UserTokenAnswer> {
    const { client_id: clientId, resource } = request
    if (clientId === undefined) throw aadErrors.missingParameter('client_id')
    const authentication = await this.#authenticate(request, clientId)
    const id = clientId.toLowerCase()
    const signedIn = await this.#grants[grant]?.(request, id)
    if (!signedIn) throw aadErrors.unsupportedGrant(grant)
    const { user, signedInAt, nonce } = signedIn
    const scope = request.scope ?? signedIn.scope
    const refreshToken =
      signedIn.refreshToken ??
      (hasScope(signedIn.scope, 'offline_access')
        ? await this.#options.refreshTokens.issue(user.object_id, id, signedInAt)
        : undefined)
    return signUserTokens(this.#options, {
      user,
      clientId: id,
      authentication,
      resource: resource ?? resourceOfUserScope(scope),
      scope,
      signedInAt,
      clientInfo: request.client_info === '1',
      ...(nonce === undefined ? {} : { nonce }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
    })
  }

  /** A client that has a secret proves it; one that has none has to be registered as such. */
  async #authenticate(request: TokenRequest, clientId: string): Promise<'0' | '1' | '2'> {
    const client = await findUserClient(clientId, this.#options.principals)
    if (!client) throw aadErrors.applicationNotFound(clientId, this.#options.tenantId)
    if (request.client_secret !== undefined || request.client_assertion !== undefined) {
      return (await this.#options.clients.authenticate(request, 'user')).authentication
    }
    const { grant_type: grant, redirect_uri: redirectUri } = request
    const open =
      grant === 'refresh_token'
        ? client.isPublic('anyWay')
        : client.isPublic('noRedirect') || (redirectUri !== undefined && client.isPublic({ redirectUri }))
    if (!open) throw aadErrors.notPublicClient(clientId)
    return '0'
  }

  async #code(request: TokenRequest, clientId: string): Promise<SignedIn> {
    if (request.code === undefined) throw aadErrors.missingParameter('code')
    const grant = this.#options.codes.redeem(request.code, {
      clientId,
      ...(request.redirect_uri === undefined ? {} : { redirectUri: request.redirect_uri }),
      ...(request.code_verifier === undefined ? {} : { codeVerifier: request.code_verifier }),
    })
    return { ...grant, user: await this.#user(grant.userId, grant.signedInAt) }
  }

  async #device(request: TokenRequest, clientId: string): Promise<SignedIn> {
    if (request.device_code === undefined) throw aadErrors.missingParameter('device_code')
    const grant = this.#options.devices.redeem(request.device_code, clientId)
    const { scope, signedInAt } = grant
    return { scope, signedInAt, user: await this.#user(grant.userId, signedInAt) }
  }

  async #refresh(request: TokenRequest, clientId: string): Promise<SignedIn> {
    if (request.refresh_token === undefined) throw aadErrors.missingParameter('refresh_token')
    const grant = await this.#options.refreshTokens.redeem(request.refresh_token, clientId)
    return { ...grant, scope: request.scope ?? 'openid profile offline_access' }
  }

  async #password(request: TokenRequest): Promise<SignedIn> {
    const { username, password, scope } = request
    if (username === undefined) throw aadErrors.missingParameter('username')
    if (password === undefined) throw aadErrors.missingParameter('password')
    const user = await this.#options.passwords.check(username, password)
    if (user.must_change_password !== 0) throw aadErrors.passwordMustChange()
    return { user, scope: scope ?? '', signedInAt: this.#options.clock() }
  }

  /** What became of the user between the sign-in and now counts. */
  async #user(userId: string, signedInAt: number): Promise<UserRow> {
    const user = await this.#options.users.find(userId)
    if (!user || signedInAt < Number(user.sessions_valid_from)) throw aadErrors.refreshTokenRevoked()
    if (user.account_enabled === 0) throw aadErrors.accountDisabled()
    return user
  }
}
