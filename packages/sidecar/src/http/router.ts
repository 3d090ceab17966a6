/** Routes of the Dapr API: fixed segments before parameters, tried again where a method does not fit, as in chi. */

export interface RouteMatch<T> {
  readonly route: T
  /** Escaped, in the order of the pattern. */
  readonly parameters: readonly string[]
}

interface Node<T> {
  readonly fixed: Map<string, Node<T>>
  parameter: Node<T> | undefined
  /** What `*` matches: the rest of the path, whatever it is. */
  rest: Map<string, T> | undefined
  methods: Map<string, T> | undefined
}

const anyMethod = '*'

export class Router<T> {
  readonly #root: Node<T> = createNode()

  /** `pattern` such as `/v1.0/state/{storeName}/{key}`, or ending in `/*`. No methods: all of them. */
  add(methods: readonly string[], pattern: string, route: T): void {
    let node = this.#root
    for (const segment of pattern.slice(1).split('/')) {
      if (segment === '*') {
        node.rest ??= new Map()
        for (const method of methods.length > 0 ? methods : [anyMethod]) node.rest.set(method, route)
        return
      }
      if (segment.startsWith('{')) {
        node.parameter ??= createNode()
        node = node.parameter
      } else {
        let next = node.fixed.get(segment)
        if (!next) {
          next = createNode()
          node.fixed.set(segment, next)
        }
        node = next
      }
    }
    node.methods ??= new Map()
    for (const method of methods.length > 0 ? methods : [anyMethod]) node.methods.set(method, route)
  }

  /** The route of a clean, still escaped path; undefined when no path or no method fits. */
  find(method: string, path: string): RouteMatch<T> | undefined {
    const parameters: string[] = []
    const route = walk(this.#root, method, path, 1, parameters)
    return route === undefined ? undefined : { route, parameters }
  }
}

function createNode<T>(): Node<T> {
  return { fixed: new Map(), parameter: undefined, rest: undefined, methods: undefined }
}

function walk<T>(node: Node<T>, method: string, path: string, at: number, parameters: string[]): T | undefined {
  if (at > path.length) return node.methods?.get(method) ?? node.methods?.get(anyMethod)
  const slash = path.indexOf('/', at)
  const end = slash < 0 ? path.length : slash
  const segment = path.slice(at, end)
  const fixed = node.fixed.get(segment)
  if (fixed) {
    const route = walk(fixed, method, path, end + 1, parameters)
    if (route !== undefined) return route
  }
  if (node.parameter) {
    parameters.push(segment)
    const route = walk(node.parameter, method, path, end + 1, parameters)
    if (route !== undefined) return route
    parameters.pop()
  }
  const rest = node.rest?.get(method) ?? node.rest?.get(anyMethod)
  if (rest !== undefined) parameters.push(path.slice(at))
  return rest
}
