/** Cross-origin headers for `--allowed-origins`, as daprd's CORS middleware gives them. */

export interface Cors {
  /** Header names and values for an answer to a request with this origin. */
  headers(origin: string | undefined): string[]
  /** The headers of a preflight answer. */
  preflight(origin: string, method: string, headers: string | undefined): string[]
}

const methods = ['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Undefined when no origin was allowed, which is the default. */
export function createCors(allowedOrigins: string): Cors | undefined {
  if (allowedOrigins === '') return undefined
  const all = allowedOrigins === '*'
  const origins = allowedOrigins.split(',').map((origin) => origin.trim().toLowerCase())
  const isAllowed = (origin: string) => all || origins.some((pattern) => matches(pattern, origin.toLowerCase()))
  const allowOrigin = (origin: string) => ['Access-Control-Allow-Origin', all ? '*' : origin]
  return {
    headers(origin) {
      const vary = all ? [] : ['Vary', 'Origin']
      return origin === undefined || !isAllowed(origin) ? vary : [...vary, ...allowOrigin(origin)]
    },
    preflight(origin, method, headers) {
      const vary = ['Vary', 'Origin', 'Vary', 'Access-Control-Request-Method', 'Vary', 'Access-Control-Request-Headers']
      if (!isAllowed(origin) || !(methods.includes(method) || method === 'OPTIONS')) return vary
      const asked = headers
        ?.split(',')
        .map((name) => canonical(name.trim()))
        .filter((name) => name !== '')
      return [
        ...vary,
        ...allowOrigin(origin),
        'Access-Control-Allow-Methods',
        method,
        ...(asked && asked.length > 0 ? ['Access-Control-Allow-Headers', asked.join(', ')] : []),
      ]
    },
  }
}

/** One `*` in a pattern stands for any text. */
function matches(pattern: string, origin: string): boolean {
  const star = pattern.indexOf('*')
  if (star < 0) return pattern === origin
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)]
  return origin.length >= before.length + after.length && origin.startsWith(before) && origin.endsWith(after)
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
