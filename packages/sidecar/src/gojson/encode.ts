/** Values written as Go's `encoding/json` writes them: keys in byte order, HTML characters escaped, no spaces. */

const needsHtmlEscape = /[<>&\u2028\u2029]/
const htmlCharacters = /[<>&\u2028\u2029]/g

/** JSON text as `json.Marshal` gives it. `undefined` members are left out (Go's `omitempty` is the caller's). */
export function encodeGoJson(value: unknown): string {
  if (isCanonical(value)) {
    const text = JSON.stringify(value) ?? 'null'
    return needsHtmlEscape.test(text) ? text.replace(htmlCharacters, escapeHtml) : text
  }
  return encodeSorted(value)
}

/** Escapes what `json.Encoder` escapes in a text that is JSON already. */
export function escapeGoHtml(text: string): string {
  return needsHtmlEscape.test(text) ? text.replace(htmlCharacters, escapeHtml) : text
}

/** Orders keys as Go sorts map keys: by the bytes of their UTF-8 form. */
export function compareGoKeys(a: string, b: string): number {
  if (a === b) return 0
  for (let i = 0; ; i++) {
    if (i === a.length) return -1
    if (i === b.length) return 1
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // UTF-16 and UTF-8 order only differ where a surrogate meets a later BMP character.
    if (x >= 0xd800 || y >= 0xd800) return Buffer.compare(Buffer.from(a), Buffer.from(b))
    return x < y ? -1 : 1
  }
}

/** True when JSON.stringify already gives Go's bytes, HTML characters aside. */
function isCanonical(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed()
    case 'bigint':
      return false
    case 'object': {
      if (value === null) return true
      if (Array.isArray(value)) {
        for (const item of value) if (!isCanonical(item)) return false
        return true
      }
      let previous: string | undefined
      for (const key in value) {
        if (previous !== undefined && compareGoKeys(previous, key) > 0) return false
        if (!key.isWellFormed() || !isCanonical((value as Record<string, unknown>)[key])) return false
        previous = key
      }
      return true
    }
    default:
      return true
  }
}

function encodeSorted(value: unknown): string {
  if (typeof value === 'string') return encodeString(value)
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map(encodeSorted).join(',')}]`
  if (typeof value === 'object' && value !== null) return encodeObject(value as Readonly<Record<string, unknown>>)
  return JSON.stringify(value) ?? 'null'
}

/** Nearly every saved value comes through here, so no array is made of what can be appended. */
function encodeObject(value: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const key of Object.keys(value).sort(compareGoKeys)) {
    const member = value[key]
    if (member !== undefined) text += `${text === '' ? '{' : ','}${encodeString(key)}:${encodeSorted(member)}`
  }
  return text === '' ? '{}' : `${text}}`
}

/** ASCII that stands for itself in JSON and in HTML. */
const plain = /^[ !#-%'-;=?-[\]-~]*$/

function encodeString(text: string): string {
  return plain.test(text) ? `"${text}"` : escapeGoHtml(JSON.stringify(text.toWellFormed()))
}

function escapeHtml(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
