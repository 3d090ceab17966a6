/** The API token that callers have to show (`DAPR_API_TOKEN`). */

/** Compares digests, so that time tells nothing of the token nor of its length. Undefined: no token asked for. */
export function createTokenCheck(token: string): ((given: string) => boolean) | undefined {
  if (token === '') return undefined
  // Loaded only where a token is asked for.
  const { createHash, timingSafeEqual } = process.getBuiltinModule('node:crypto')
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return (given) => timingSafeEqual(digest(given), expected)
}
