/** Matching of action patterns, compiled once per role. */

/**
 * A matcher for patterns where `*` stands for any run of characters, `/` included
 * (https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions-format).
 * It takes the action in lower case, in time linear in its length whatever the pattern.
 */
export function compilePatterns(patterns: readonly string[]): (lowerCaseAction: string) => boolean {
  const exact = new Set<string>()
  const wild: ((action: string) => boolean)[] = []
  for (const pattern of patterns) {
    const lower = pattern.toLowerCase()
    if (lower.includes('*')) wild.push(compileWildcard(lower))
    else exact.add(lower)
  }
  return (action) => exact.has(action) || wild.some((matches) => matches(action))
}

function compileWildcard(pattern: string): (action: string) => boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  const middle = parts.slice(1, -1).filter((part) => part !== '')
  return (action) => {
    if (action.length < first.length + last.length || !action.startsWith(first) || !action.endsWith(last)) return false
    const end = action.length - last.length
    let position = first.length
    // Taking each part at its first place leaves the most room for the next, so there is nothing to go back to.
    for (const part of middle) {
      const found = action.indexOf(part, position)
      if (found === -1 || found + part.length > end) return false
      position = found + part.length
    }
    return true
  }
}
