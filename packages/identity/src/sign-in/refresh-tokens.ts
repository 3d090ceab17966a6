/** Refresh tokens: opaque, kept as digests, good for ninety days from their last use. */
import { randomBytes } from 'node:crypto'
import type { Store } from '@keystead/store'
import { aadErrors } from '../aadsts.ts'
import { sha256 } from '../digest.ts'
import type { Users } from '../directory/users.ts'
import type { IdentityTables, UserRow } from '../tables.ts'

/** Entra's default for other than single-page applications. */
const lifetime = 90 * 24 * 3600 * 1000
/** One that is older is answered with a new one, so that a client in use never runs out. */
const renewAfter = 24 * 3600 * 1000
const longestToken = 512

export interface RefreshGrant {
  readonly user: UserRow
  readonly signedInAt: number
  /** What the client keeps from now on. Like Entra, an old one stays good until it expires. */
  readonly refreshToken: string
}

export class RefreshTokens {
  readonly #database
  readonly #users: Users
  readonly #clock: () => number

  constructor(store: Store, users: Users, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#users = users
    this.#clock = clock
  }

  async issue(userId: string, clientId: string, signedInAt: number): Promise<string> {
    const now = this.#clock()
    const token = `1.${randomBytes(48).toString('base64url')}`
    await this.#database.deleteFrom('identity_refresh_tokens').where('expires_at', '<=', now).execute()
    await this.#database
      .insertInto('identity_refresh_tokens')
      .values({
        digest: sha256(token),
        user_id: userId,
        client_id: clientId,
        signed_in_at: signedInAt,
        issued_at: now,
        expires_at: now + lifetime,
      })
      .execute()
    return token
  }

  /** Throws {@link AadError} for a token that is not one, of another client, expired, or revoked. */
  async redeem(token: string, clientId: string): Promise<RefreshGrant> {
    const row =
      token.length > longestToken
        ? undefined
        : await this.#database
            .selectFrom('identity_refresh_tokens')
            .selectAll()
            .where('digest', '=', sha256(token))
            .executeTakeFirst()
    if (row?.client_id !== clientId) throw aadErrors.refreshTokenInvalid()
    const now = this.#clock()
    if (Number(row.expires_at) <= now) throw aadErrors.refreshTokenExpired()
    const user = await this.#users.find(row.user_id)
    const signedInAt = Number(row.signed_in_at)
    if (!user || signedInAt < Number(user.sessions_valid_from)) throw aadErrors.refreshTokenRevoked()
    if (user.account_enabled === 0) throw aadErrors.accountDisabled()
    const old = now - Number(row.issued_at) > renewAfter
    const refreshToken = old ? await this.issue(user.object_id, clientId, signedInAt) : token
    return { user, signedInAt, refreshToken }
  }
}
