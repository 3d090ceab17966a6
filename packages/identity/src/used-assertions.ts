/** Which certificate assertions were used for which resource, so that a captured one is refused. */
import type { Store } from '@keystead/store'
import { aadErrors } from './aadsts.ts'
import type { AssertionClaims } from './assertion-claims.ts'
import { sha256 } from './digest.ts'
import type { IdentityTables } from './tables.ts'

/**
 * RFC 7523 section 3 lets a server refuse a `jti` that was used. msal (Node, Python) makes one assertion for ten
 * minutes and sends it for each resource, for concurrent calls, for retries of a lost answer: so the use is counted
 * by resource, with a minute in which the same one is taken again.
 */
const repeatableFor = 60 * 1000

export class UsedAssertions {
  readonly #database
  readonly #clock: () => number

  constructor(store: Store, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#clock = clock
  }

  /** Records the use, durably. Throws {@link AadError} for a replay. An assertion without `jti` is known by its text. */
  async use(appId: string, assertion: string, claims: AssertionClaims, audience: string): Promise<void> {
    const now = this.#clock()
    const digest = sha256(JSON.stringify([appId, claims.id ?? assertion, audience]))
    await this.#database.deleteFrom('identity_used_assertions').where('expires_at', '<=', now).execute()
    await this.#database
      .insertInto('identity_used_assertions')
      .values({ digest, first_used_at: now, expires_at: claims.expires })
      .onConflict((conflict) => conflict.column('digest').doNothing())
      .execute()
    const { first_used_at: firstUsedAt } = await this.#database
      .selectFrom('identity_used_assertions')
      .select('first_used_at')
      .where('digest', '=', digest)
      .executeTakeFirstOrThrow()
    if (now - Number(firstUsedAt) > repeatableFor) throw aadErrors.assertionReplayed()
  }
}
