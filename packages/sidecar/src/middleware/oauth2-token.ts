/** Tokens asked of an OAuth 2 token endpoint (RFC 6749, sections 4.1.3 and 4.4.2). */

export interface OAuth2Token {
  /** As it goes into a header: `Bearer eyJ…`. */
  readonly header: string
  /** Seconds; undefined where the endpoint did not say. */
  readonly expiresIn: number | undefined
}

export interface TokenEndpoint {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  /** How the client says who it is: 0 tries a header, then the body; 1 the body; 2 a header. */
  readonly authStyle: 0 | 1 | 2
}

const timeout = 30_000

/** Rejects with an Error without any secret in it. */
export async function requestToken(
  endpoint: TokenEndpoint,
  parameters: Readonly<Record<string, string>> | URLSearchParams,
): Promise<OAuth2Token> {
  if (endpoint.authStyle !== 0) return ask(endpoint, parameters, endpoint.authStyle === 2)
  try {
    return await ask(endpoint, parameters, true)
  } catch {
    return ask(endpoint, parameters, false)
  }
}

async function ask(
  { url, clientId, clientSecret }: TokenEndpoint,
  parameters: Readonly<Record<string, string>> | URLSearchParams,
  inHeader: boolean,
): Promise<OAuth2Token> {
  const body = new URLSearchParams(parameters)
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (inHeader) {
    const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
    headers['Authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`
  } else {
    body.set('client_id', clientId)
    if (clientSecret !== '') body.set('client_secret', clientSecret)
  }
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeout) })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`oauth2: cannot fetch token: ${response.status}`)
  }
  const answer = (await response.json()) as Readonly<Record<string, unknown>>
  const token = answer['access_token']
  if (typeof token !== 'string' || token === '') throw new Error('oauth2: server response missing access_token')
  const type = typeof answer['token_type'] === 'string' ? answer['token_type'] : ''
  const expires = Number(answer['expires_in'])
  return {
    header: `${type === '' || type.toLowerCase() === 'bearer' ? 'Bearer' : type} ${token}`,
    expiresIn: Number.isFinite(expires) && expires > 0 ? expires : undefined,
  }
}
