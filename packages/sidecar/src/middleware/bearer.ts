/** `middleware.http.bearer`: only requests with a token of one issuer for one audience go on. */
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { field, type MiddlewareFactory } from './factory.ts'
import { headerOf, refusal } from './pipeline.ts'

const clockTolerance = 5 * 60
const minRefreshMs = 10 * 60_000
const shortestToken = 10

export const createBearer: MiddlewareFactory = async ({ metadata, log, signal }) => {
  const issuer = field(metadata, 'issuer', 'issuerURL')
  const audience = field(metadata, 'audience', 'clientID')
  if (issuer === '') throw new Error("metadata property 'issuer' is required")
  if (audience === '') throw new Error("metadata property 'audience' is required")
  const url = field(metadata, 'jwksURL') || (await discover(issuer, signal))
  const keys = createRemoteJWKSet(new URL(url), { cacheMaxAge: minRefreshMs, cooldownDuration: minRefreshMs })
  try {
    await keys.reload()
  } catch (error) {
    throw new Error(`failed to fetch JWKS: ${error instanceof Error ? error.message : String(error)}`)
  }
  return {
    async handle(request) {
      const header = headerOf(request, 'authorization') ?? ''
      const token = /^bearer /i.test(header) ? header.slice(7) : ''
      if (token.length < shortestToken) return refusal(401, 'Unauthorized')
      try {
        await jwtVerify(token, keys, { issuer, audience, clockTolerance })
        return undefined
      } catch (error) {
        if (error instanceof errors.JWKSTimeout) {
          log.error(`Failed to retrieve JWKS cache: ${error.message}`)
          return refusal(500, 'Internal Server Error')
        }
        return refusal(401, 'Unauthorized')
      }
    },
  }
}

const discoveryTimeout = 30_000

async function discover(issuer: string, signal: AbortSignal): Promise<string> {
  const refuse = (reason: string) => new Error(`failed to retrieve OpenID Configuration document: ${reason}`)
  let document: unknown
  try {
    const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(discoveryTimeout)]),
    })
    if (response.status !== 200) throw new Error(`invalid response status code: ${response.status}`)
    document = await response.json()
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error))
  }
  const { issuer: stated, jwks_uri: keys } = document as { readonly issuer?: unknown; readonly jwks_uri?: unknown }
  if (typeof keys !== 'string' || keys === '') {
    throw refuse("the OpenID Configuration document does not contain a 'jwks_uri'")
  }
  if (stated !== issuer) {
    throw refuse(
      `the issuer found in the OpenID Configuration document ('${String(stated)}') doesn't match the one provided in the component's metadata ('${issuer}')`,
    )
  }
  return keys
}
