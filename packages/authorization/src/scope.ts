/** Scopes as keys: compared without case, segment by segment. */

/** The key of a scope: lower case, no slash at its end; the tenant root `/` is the empty string. */
export function scopeKey(scope: string): string {
  let end = scope.length
  while (end > 0 && scope.charCodeAt(end - 1) === 47) end--
  return scope.slice(0, end).toLowerCase()
}

/** Every scope whose assignments reach `key`: the tenant root, each parent, and `key` itself. */
export function scopesAbove(key: string): string[] {
  if (key === '') return ['']
  // What is no absolute path is under nothing, the root included: deny is the default.
  if (!key.startsWith('/')) return []
  const above: string[] = []
  for (let slash = 0; slash !== -1; slash = key.indexOf('/', slash + 1)) above.push(key.slice(0, slash))
  above.push(key)
  return above
}

/** Whether `key` is `ancestor` or under it. `/a/b` is not above `/a/bc`. */
export function isAtOrBelow(key: string, ancestor: string): boolean {
  return key === ancestor || (key.startsWith(ancestor) && key.charCodeAt(ancestor.length) === 47)
}
