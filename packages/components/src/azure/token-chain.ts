/** Tries ways to sign in, in order, until one works (azidentity `ChainedTokenCredential`). */
import type { AccessToken, TokenCredential } from '@azure/core-auth'
import { AuthenticationFailed, CredentialUnavailable } from './token-error.ts'

/** One way to sign in; rejects with CredentialUnavailable to let the next one try. */
export interface TokenSource {
  /** @param claims a claims challenge that the token has to answer */
  getToken(scopes: string[], claims: string | undefined): Promise<AccessToken>
}

/**
 * The first source that gives a token is the only one asked from then on. While none has, one caller at a time goes
 * through them and the others wait. A caller that gives up does not take the token away from the others.
 */
export function createTokenChain(sources: readonly TokenSource[]): TokenCredential {
  let successful: TokenSource | undefined
  let trying: Promise<unknown> | undefined

  async function firstToken(scopes: string[], claims: string | undefined): Promise<AccessToken> {
    const errors: Error[] = []
    for (const source of sources) {
      try {
        const token = await source.getToken(scopes, claims)
        successful = source
        return token
      } catch (error) {
        if (!(error instanceof Error)) throw error
        errors.push(error)
        if (!(error instanceof CredentialUnavailable)) break
      }
    }
    throw chainError(errors)
  }

  return {
    async getToken(scopes, options) {
      const wanted = typeof scopes === 'string' ? [scopes] : scopes
      while (trying !== undefined) await trying.catch(() => undefined)
      if (successful !== undefined) return successful.getToken(wanted, options?.claims)
      const attempt = firstToken(wanted, options?.claims).finally(() => {
        trying = undefined
      })
      trying = attempt
      return attempt
    },
  }
}

function chainError(errors: readonly Error[]): Error {
  const attempted = errors.map(({ message }) => `\n\t${message}`).join('')
  const message = `failed to acquire a token.\nAttempted credentials:${attempted}`
  const last = errors.at(-1)
  if (last instanceof CredentialUnavailable) return new CredentialUnavailable(`ChainedTokenCredential: ${message}`)
  const response = last instanceof AuthenticationFailed ? last.response : undefined
  return new AuthenticationFailed('ChainedTokenCredential', message, response)
}
