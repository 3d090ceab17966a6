/** URLs read as Go's net/url and the Dapr router read them. */

const badEscape = /%(?![0-9a-fA-F]{2})/

/** True when Go's server would refuse the request line: a percent sign that starts no escape. */
export function hasBadEscape(path: string): boolean {
  return path.includes('%') && badEscape.test(path)
}

/** Go's `url.QueryUnescape`: percent escapes, and `+` for a space. Undefined where it fails. */
export function queryUnescape(text: string): string | undefined {
  if (!text.includes('%')) return text.includes('+') ? text.replaceAll('+', ' ') : text
  if (badEscape.test(text)) return undefined
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    // Escapes that are not UTF-8 become replacement characters.
    return Buffer.concat(
      spaced
        .split(/(%[0-9a-fA-F]{2})/)
        .map((part) => (part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
    ).toString('utf8')
  }
}

/** Go's `path.Clean` for a rooted path. */
export function cleanPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** True when {@link cleanPath} would change the path. */
export function needsCleaning(path: string): boolean {
  return path.includes('//') || path.includes('/.') || (path.length > 1 && path.endsWith('/'))
}

/** The first value of every query parameter, in order. Parameters that cannot be read are left out, as in Go. */
export function queryParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const key = queryUnescape(equals < 0 ? pair : pair.slice(0, equals))
    const value = queryUnescape(equals < 0 ? '' : pair.slice(equals + 1))
    if (key !== undefined && value !== undefined && !parameters.has(key)) parameters.set(key, value)
  }
  return parameters
}
