/** Re-indents JSON the way Go's `json.Indent` does: names, numbers and escapes stay exactly as they were sent. */

/**
 * Two spaces per level, leading white space dropped and trailing white space kept, as in Go.
 * @returns undefined when the text is not JSON, which Go's callers then print as it is
 */
export function indentJson(text: string): string | undefined {
  if (!isJson(text)) return undefined
  const end = text.trimEnd().length
  let indented = ''
  let depth = 0
  let position = 0
  const newLine = (): string => `\n${'  '.repeat(depth)}`
  while (position < end) {
    const character = text.charAt(position)
    if (character === '"') {
      const close = endOfString(text, position)
      indented += text.slice(position, close)
      position = close
      continue
    }
    position++
    if (isSpace(character)) continue
    if (character === '{' || character === '[') {
      const next = skipSpace(text, position)
      if (text.charAt(next) === '}' || text.charAt(next) === ']') {
        indented += character + text.charAt(next)
        position = next + 1
      } else {
        depth++
        indented += character + newLine()
      }
    } else if (character === '}' || character === ']') {
      depth--
      indented += newLine() + character
    } else if (character === ',') indented += character + newLine()
    else indented += character === ':' ? ': ' : character
  }
  return indented + text.slice(end)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\r' || character === '\t'
}

function skipSpace(text: string, from: number): number {
  let position = from
  while (isSpace(text.charAt(position))) position++
  return position
}

function endOfString(text: string, open: number): number {
  let position = open + 1
  while (text.charAt(position) !== '"') position += text.charAt(position) === '\\' ? 2 : 1
  return position + 1
}
