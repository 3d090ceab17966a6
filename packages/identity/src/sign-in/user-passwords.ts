/** Checks of users' passwords, with Entra's smart lockout against guessing. */
import { LRUCache } from 'lru-cache'
import { aadErrors } from '../aadsts.ts'
import { hashSecret, secretMatches } from '../client-secret.ts'
import type { Users } from '../directory/users.ts'
import type { UserRow } from '../tables.ts'

/** "Protect user accounts with Microsoft Entra smart lockout": ten failures, then a minute, longer each time. */
const failuresAllowed = 10
const firstLockout = 60_000
const longestLockout = 3600_000
const longestPassword = 256
/** Hashing takes 16 MiB each; what comes above that waits for nothing. */
const mostAtOnce = 32

interface Failures {
  count: number
  lockedUntil: number
}

export class UserPasswords {
  readonly #users: Users
  readonly #clock: () => number
  readonly #failures = new LRUCache<string, Failures>({ max: 10_000 })
  /** What the password of nobody is compared with, so that the time does not tell who exists. */
  readonly #decoy = hashSecret('nobody')
  #running = 0

  constructor(users: Users, clock: () => number) {
    this.#users = users
    this.#clock = clock
  }

  /**
   * The user whose name and password these are. Throws {@link AadError}: 50126 for a wrong name as for a wrong password,
   * 50053 while locked out, 50057 for a disabled account (told only to who knows the password).
   */
  async check(userPrincipalName: string, password: string): Promise<UserRow> {
    const key = userPrincipalName.trim().toLowerCase().slice(0, 400)
    if ((this.#failures.get(key)?.lockedUntil ?? 0) > this.#clock()) throw aadErrors.accountLocked()
    if (this.#running >= mostAtOnce) throw aadErrors.temporarilyUnavailable()
    const user = key.includes('@') ? await this.#users.find(key) : undefined
    const right = await this.#matches(password, user?.password_hash ?? (await this.#decoy))
    if (!user || !right) {
      this.#fail(key)
      throw aadErrors.invalidCredentials()
    }
    this.#failures.delete(key)
    if (user.account_enabled === 0) throw aadErrors.accountDisabled()
    return user
  }

  /** Whether this is the password that the user has. */
  isCurrent(user: UserRow, password: string): Promise<boolean> {
    return this.#matches(password, user.password_hash)
  }

  async #matches(password: string, hash: string): Promise<boolean> {
    if (password.length > longestPassword) return false
    this.#running++
    try {
      return await secretMatches(password, hash)
    } finally {
      this.#running--
    }
  }

  #fail(key: string): void {
    const failures = this.#failures.get(key) ?? { count: 0, lockedUntil: 0 }
    failures.count++
    const over = failures.count - failuresAllowed
    if (over >= 0)
      failures.lockedUntil = this.#clock() + Math.min(longestLockout, firstLockout * 2 ** Math.min(over, 10))
    this.#failures.set(key, failures)
  }
}
