/** Headers found without building an object of all of them. */

/** The first value of a header, `name` in lower case. */
export function findHeader(raw: readonly string[], name: string): string | undefined {
  const length = name.length
  for (let i = 0; i < raw.length; i += 2) {
    const key = raw[i]
    if (key !== undefined && key.length === length && key.toLowerCase() === name) return raw[i + 1]
  }
  return undefined
}
