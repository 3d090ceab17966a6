/** `middleware.http.routeralias`: paths that stand for others, `{name}` parts becoming query parameters. */
import { isJsonObject } from '../gojson/decode.ts'
import { parseYaml } from '../loading/yaml.ts'
import { field, type MiddlewareFactory } from './factory.ts'

interface Alias {
  readonly pattern: RegExp
  readonly names: readonly string[]
  readonly target: string
}

export const createRouterAlias: MiddlewareFactory = ({ metadata, log }) => {
  const aliases = readRoutes(metadata, (line) => log.warn(line)).map(([path, target]) => compile(path, target))
  return {
    handle(request) {
      for (const { pattern, names, target } of aliases) {
        const match = pattern.exec(decodeURIComponentSafely(request.path))
        if (!match) continue
        request.path = encodeURI(target).replaceAll('%25', '%')
        if (names.length > 0) {
          const query = new URLSearchParams(request.query)
          for (const [i, name] of names.entries()) query.append(name, match[i + 1] ?? '')
          query.sort()
          request.query = query.toString()
        }
        return undefined
      }
      return undefined
    },
  }
}

function readRoutes(
  metadata: Readonly<Record<string, string>>,
  warn: (line: string) => void,
): (readonly [string, string])[] {
  const given = Object.entries(metadata)
  if (given.length === 0) return []
  const routes = field(metadata, 'routes')
  if (given.length > 1 || routes === '') {
    warn(
      "Listing routes as key-value pairs is deprecated. Please use the 'routes' property instead. See: https://docs.dapr.io/reference/components-reference/supported-middleware/middleware-routeralias/",
    )
    if (given.some(([key, value]) => key === '' || value === '')) {
      throw new Error('invalid key/value pair in metadata: must not be empty')
    }
    return given
  }
  let parsed: unknown
  try {
    parsed = parseYaml(routes)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`failed to decode 'routes' property as JSON or YAML: ${reason}`)
  }
  if (!isJsonObject(parsed)) throw new Error("failed to decode 'routes' property as JSON or YAML: not a map")
  return Object.entries(parsed).map(([path, target]) => [path, String(target)] as const)
}

/** A path of gorilla/mux: `{name}` is one segment, `{name:pattern}` what the pattern says. */
function compile(path: string, target: string): Alias {
  const names: string[] = []
  let source = ''
  let rest = path
  for (;;) {
    const open = rest.indexOf('{')
    if (open < 0) break
    let depth = 1
    let close = open + 1
    while (close < rest.length && depth > 0) {
      if (rest[close] === '{') depth++
      else if (rest[close] === '}') depth--
      close++
    }
    const [name = '', ...inner] = rest.slice(open + 1, close - 1).split(':')
    names.push(name)
    source += `${escapePattern(rest.slice(0, open))}(${inner.length > 0 ? inner.join(':') : '[^/]+'})`
    rest = rest.slice(close)
  }
  return { pattern: new RegExp(`^${source}${escapePattern(rest)}$`), names, target }
}

function decodeURIComponentSafely(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
