/** Items kept at scopes, so that what is under a scope is found without looking at the rest. */

interface Node<Item> {
  readonly items: Set<Item>
  children: Map<string, Node<Item>> | undefined
}

export class ScopeTree<Item> {
  readonly #top: Node<Item> = { items: new Set(), children: undefined }

  add(key: string, item: Item): void {
    let node = this.#top
    for (const segment of key.split('/')) {
      node.children ??= new Map()
      let child = node.children.get(segment)
      if (child === undefined) {
        child = { items: new Set(), children: undefined }
        node.children.set(segment, child)
      }
      node = child
    }
    node.items.add(item)
  }

  remove(key: string, item: Item): void {
    const segments = key.split('/')
    const path = [...this.#path(segments)]
    const node = path[segments.length]
    if (node === undefined) return
    node.items.delete(item)
    // Scopes that hold nothing any more are forgotten, from the lowest up.
    for (let depth = segments.length; depth > 0; depth--) {
      const empty = path[depth]
      if (empty === undefined || empty.items.size > 0 || empty.children !== undefined) return
      const parent = path[depth - 1]
      parent?.children?.delete(segments[depth - 1] ?? '')
      if (parent?.children?.size === 0) parent.children = undefined
    }
  }

  /** The items at `key` and above it, from the top. */
  *atOrAbove(key: string): Generator<Item> {
    for (const node of this.#path(key.split('/'))) yield* node.items
  }

  /** The items at `key` and under it. */
  *atOrBelow(key: string): Generator<Item> {
    const segments = key.split('/')
    const start = [...this.#path(segments)][segments.length]
    const waiting = start === undefined ? [] : [start]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      yield* node.items
      for (const child of node.children?.values() ?? []) waiting.push(child)
    }
  }

  *all(): Generator<Item> {
    for (const segment of this.#top.children?.keys() ?? []) yield* this.atOrBelow(segment)
  }

  /** The nodes on the way down, the top first, as far as there are any. */
  *#path(segments: readonly string[]): Generator<Node<Item>> {
    let node: Node<Item> | undefined = this.#top
    yield node
    for (const segment of segments) {
      node = node.children?.get(segment)
      if (node === undefined) return
      yield node
    }
  }
}
