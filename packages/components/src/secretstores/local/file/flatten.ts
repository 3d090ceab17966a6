/** Turns nested JSON into the flat names and texts that a local secret file offers. */
import { formatGoFloat } from '../../../go/strconv.ts'

/** Leaves by their path joined with `separator`, e.g. `{a: {b: ['x']}}` gives `a:b:0`. The first of two equal names wins. */
export function flatten(value: object, separator: string): Map<string, string> {
  const leaves = new Map<string, string>()
  visit(value, undefined, separator, leaves)
  return leaves
}

function visit(value: unknown, path: string | undefined, separator: string, leaves: Map<string, string>): void {
  if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      visit(child, path === undefined ? key : `${path}${separator}${key}`, separator, leaves)
    }
    return
  }
  if (path !== undefined && !leaves.has(path)) leaves.set(path, leafText(value))
}

/** What is not a string is written as Go's `%s` writes it; daprd hands out exactly this. */
function leafText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return `%!s(bool=${value})`
  if (typeof value === 'number') return `%!s(float64=${formatGoFloat(value)})`
  return '%!s(<nil>)'
}
