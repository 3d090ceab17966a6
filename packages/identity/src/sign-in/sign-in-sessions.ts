/** Sign-ins under way in a browser: each page carries one's id, which is good only with the cookie of the same browser. */
import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { sameDigest, sha256 } from '../digest.ts'
import type { AuthorizeRequest } from './authorize-request.ts'
import type { DeviceGrant } from './device-codes.ts'

/** What the sign-in is for. */
export type SignInPurpose =
  | { readonly kind: 'authorize'; readonly request: AuthorizeRequest }
  | { readonly kind: 'deviceCode' }
  | { readonly kind: 'device'; readonly grant: DeviceGrant }

interface SignIn {
  readonly purpose: SignInPurpose
  /** Digest of the browser's cookie. */
  readonly browser: string
  /** Who gave the right password and has to choose a new one. */
  userId?: string
}

const lifetime = 15 * 60_000
/** `__Host-`: of this host alone, over TLS, for every path (RFC 6265bis section 4.1.3.2). */
const cookieName = '__Host-keystead-sign-in'

export class SignInSessions {
  readonly #signIns

  constructor(clock: () => number) {
    this.#signIns = new LRUCache<string, SignIn>({
      max: 10_000,
      ttl: lifetime,
      ttlResolution: 0,
      perf: { now: clock },
    })
  }

  /** Begins a sign-in for the browser that sent these cookies; `cookie` is to be set when it had none. */
  begin(purpose: SignInPurpose, cookies: string | undefined): { id: string; cookie?: string } {
    const known = cookieOf(cookies)
    const browser = known ?? randomBytes(24).toString('base64url')
    const id = randomBytes(24).toString('base64url')
    this.#signIns.set(id, { purpose, browser: sha256(browser) })
    if (known !== undefined) return { id }
    return { id, cookie: `${cookieName}=${browser}; Path=/; Secure; HttpOnly; SameSite=Lax` }
  }

  /** The sign-in of this id, if it is this browser's. */
  find(id: string | undefined, cookies: string | undefined): SignIn | undefined {
    const signIn = id === undefined ? undefined : this.#signIns.get(id)
    const cookie = cookieOf(cookies)
    return signIn && cookie !== undefined && sameDigest(signIn.browser, sha256(cookie)) ? signIn : undefined
  }

  end(id: string): void {
    this.#signIns.delete(id)
  }
}

function cookieOf(cookies: string | undefined): string | undefined {
  for (const pair of cookies?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2)
    if (name === cookieName && value && /^[A-Za-z0-9_-]{32}$/.test(value)) return value
  }
  return undefined
}
