/** Cross-origin requests, answered by an app's CORS policy instead of by the app (Fetch, section 3.3). */
import type { IngressSpec } from '../platform/platform.ts'

export type CorsPolicy = NonNullable<IngressSpec['cors']>

/** What an app's own answer says of these gives way to the policy. */
export const CORS_HEADERS: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
])

export function allowsOrigin(policy: CorsPolicy, origin: string): boolean {
  return policy.allowedOrigins.some((allowed) => allowed === '*' || allowed.toLowerCase() === origin.toLowerCase())
}

/** Of the answer to a preflight request of an allowed origin. */
export function preflightHeaders(policy: CorsPolicy, origin: string): string[] {
  const headers = originHeaders(policy, origin)
  const lists = [
    ['access-control-allow-methods', policy.allowedMethods],
    ['access-control-allow-headers', policy.allowedHeaders],
  ] as const
  for (const [name, values] of lists) if (values.length > 0) headers.push(name, values.join(','))
  if (policy.maxAge !== undefined) headers.push('access-control-max-age', String(policy.maxAge))
  return headers
}

/** Of an app's answer to a request of an allowed origin. */
export function answerHeaders(policy: CorsPolicy, origin: string): string[] {
  const headers = originHeaders(policy, origin)
  if (policy.exposeHeaders.length > 0) headers.push('access-control-expose-headers', policy.exposeHeaders.join(','))
  return headers
}

function originHeaders(policy: CorsPolicy, origin: string): string[] {
  // Named even where all are allowed: `*` does not go with credentials.
  const headers = ['access-control-allow-origin', origin, 'vary', 'origin']
  if (policy.allowCredentials) headers.push('access-control-allow-credentials', 'true')
  return headers
}
