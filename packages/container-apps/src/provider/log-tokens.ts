/** The short-lived tokens that `getAuthToken` gives for the log streams of one app. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

const lifetimeMs = 60 * 60 * 1000
const longest = 2048
const claims = z.object({ app: z.string(), exp: z.number() })

export class LogTokens {
  /** Of this process: a token does not outlive it. */
  readonly #key = randomBytes(32)
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** `expires` in milliseconds since the epoch. */
  issue(appId: string): { readonly token: string; readonly expires: number } {
    const expires = this.#clock() + lifetimeMs
    const payload = Buffer.from(JSON.stringify({ app: appId.toLowerCase(), exp: expires })).toString('base64url')
    return { token: `${payload}.${this.#sign(payload).toString('base64url')}`, expires }
  }

  verify(token: string, appId: string): boolean {
    const [payload, signature, ...more] = token.length > longest ? [] : token.split('.')
    if (payload === undefined || signature === undefined || more.length > 0) return false
    const given = Buffer.from(signature, 'base64url')
    const expected = this.#sign(payload)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false
    const { app, exp } = claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
    return app === appId.toLowerCase() && exp > this.#clock()
  }

  #sign(payload: string): Buffer {
    return createHmac('sha256', this.#key).update(payload).digest()
  }
}
