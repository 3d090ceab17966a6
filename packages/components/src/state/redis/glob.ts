/** Turns an SQL LIKE pattern into the glob of Redis's SCAN. */

/** `%` any text, `_` one character, a backslash takes the next one literally. */
export function globOf(like: string): string {
  return like.replace(/\\(.)|\\$|[%_*?[\]]/gsu, (token, escaped?: string) => {
    if (token === '%') return '*'
    if (token === '_') return '?'
    const literal = escaped ?? token
    return /[%_\\*?[\]]/.test(literal) ? `\\${literal}` : literal
  })
}
