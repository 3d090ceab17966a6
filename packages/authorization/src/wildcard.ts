/** Matching of action patterns, compiled once per role. */

/**
 * A matcher for patterns where `*` stands for any run of characters, `/` included
 * (https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions-format). A `*` that is a whole
 * segment may stand for no segment: Managed Identity Operator lists `assign/action` behind one, and is what grants
 * `Microsoft.ManagedIdentity/userAssignedIdentities/assign/action`.
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
  const parts = pattern.split(/\*+/)
  const first = parts[0] ?? ''
  const rest = parts.slice(1).map((part, index) => ({
    part,
    // Around a `*` that is a whole segment the two slashes may be one and the same.
    shared: part.startsWith('/') && parts[index]?.endsWith('/') ? 1 : 0,
  }))
  const last = rest.pop()
  if (last === undefined) return (action) => action === first
  return (action) => {
    if (!action.startsWith(first) || !action.endsWith(last.part)) return false
    let position = first.length
    // Taking each part at its first place leaves the most room for the next, so there is nothing to go back to.
    for (const { part, shared } of rest) {
      const found = action.indexOf(part, position - shared)
      if (found === -1) return false
      position = found + part.length
    }
    return action.length - last.part.length >= position - last.shared
  }
}
