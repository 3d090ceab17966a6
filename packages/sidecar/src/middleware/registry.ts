/** The types of HTTP middleware that there are, each loaded when it is first used. */
import type { MiddlewareFactory } from './factory.ts'

const types: Readonly<Record<string, () => Promise<MiddlewareFactory>>> = {
  'middleware.http.bearer': async () => (await import('./bearer.ts')).createBearer,
  'middleware.http.oauth2': async () => (await import('./oauth2.ts')).createOAuth2,
  'middleware.http.oauth2clientcredentials': async () =>
    (await import('./oauth2-client-credentials.ts')).createOAuth2ClientCredentials,
  'middleware.http.ratelimit': async () => (await import('./ratelimit.ts')).createRateLimit,
  'middleware.http.routeralias': async () => (await import('./router-alias.ts')).createRouterAlias,
  'middleware.http.routerchecker': async () => (await import('./router-checker.ts')).createRouterChecker,
  'middleware.http.uppercase': async () => (await import('./uppercase.ts')).createUppercase,
}

/** Undefined: no such type or version. */
export function middlewareFactory(type: string, version: string): Promise<MiddlewareFactory> | undefined {
  if (!['', 'v0', 'v1'].includes(version.toLowerCase())) return undefined
  const name = type.toLowerCase()
  return Object.hasOwn(types, name) ? types[name]?.() : undefined
}
