/** Paths that were read before: what a path addresses depends on nothing but the path. */
import { LRUCache } from 'lru-cache'
import { parseRequestPath, type RequestPath } from './request-path.ts'

const mostKnown = 2000
/** Longer ones are read anew each time, so that what is kept has a bound in bytes. */
const longestKept = 512

const known = new LRUCache<string, RequestPath>({ max: mostKnown })

/** As {@link parseRequestPath}. */
export function knownRequestPath(rawPath: string, method: string): RequestPath {
  if (rawPath.length > longestKept) return parseRequestPath(rawPath, method)
  const key = `${method} ${rawPath}`
  let path = known.get(key)
  if (path === undefined) {
    path = parseRequestPath(rawPath, method)
    known.set(key, path)
  }
  return path
}
