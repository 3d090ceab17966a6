/** Go's quoted strings, written (`%q`) or read (`strconv.Unquote`). */

const simpleEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

// Beyond ASCII only what needs no table of Unicode, whose first use takes milliseconds: Latin letters and dashes to dots.
const allPlain = /^[ !#-[\]-~\u00a1-\u00ac\u00ae-\u0377\u2010-\u2027]*$/

/** A string as `fmt`'s `%q` writes it. */
export function goQuote(text: string): string {
  if (allPlain.test(text)) return `"${text}"`
  let out = '"'
  for (const character of text.toWellFormed()) {
    const simple = simpleEscapes[character]
    if (simple !== undefined) out += simple
    else if (character === ' ' || isPrintable(character)) out += character
    else {
      const code = character.codePointAt(0) ?? 0
      if (code < 0x20 || code === 0x7f) out += `\\x${hex(code, 2)}`
      else if (code > 0xffff) out += `\\U${hex(code, 8)}`
      else out += `\\u${hex(code, 4)}`
    }
  }
  return `${out}"`
}

function isPrintable(character: string): boolean {
  // Here and not above: the engine reads an expression, and Unicode's tables for this one, where it first stands.
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)
}

/** What `strconv.Unquote` makes of a string, or undefined where it fails. */
export function goUnquote(text: string): string | undefined {
  const quote = text.charAt(0)
  if (text.length < 2 || text.at(-1) !== quote) return undefined
  const inner = text.slice(1, -1)
  if (quote === '`') return inner.includes('`') ? undefined : inner.replaceAll('\r', '')
  if (quote !== '"' && quote !== "'") return undefined
  if (inner.includes('\n')) return undefined
  const unescaped = readEscapes(inner, quote)
  if (unescaped === undefined) return undefined
  return quote === "'" && [...unescaped].length !== 1 ? undefined : unescaped
}

const unescapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

function readEscapes(inner: string, quote: string): string | undefined {
  if (!inner.includes('\\')) return inner.includes(quote) ? undefined : inner
  const bytes: Buffer[] = []
  for (let i = 0; i < inner.length; ) {
    const character = String.fromCodePoint(inner.codePointAt(i) ?? 0)
    if (character === quote) return undefined
    if (character !== '\\') {
      bytes.push(Buffer.from(character))
      i += character.length
      continue
    }
    const kind = inner.charAt(i + 1)
    const simple = unescapes[kind] ?? (kind === quote ? quote : undefined)
    if (simple !== undefined) {
      bytes.push(Buffer.from(simple))
      i += 2
      continue
    }
    const digits = kind === 'x' ? 2 : kind === 'u' ? 4 : kind === 'U' ? 8 : 0
    if (digits > 0) {
      const body = inner.slice(i + 2, i + 2 + digits)
      if (body.length !== digits || !/^[0-9a-fA-F]+$/.test(body)) return undefined
      const code = Number.parseInt(body, 16)
      if (kind === 'x') bytes.push(Buffer.from([code]))
      else {
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
        bytes.push(Buffer.from(String.fromCodePoint(code)))
      }
      i += 2 + digits
      continue
    }
    const octal = inner.slice(i + 1, i + 4)
    if (!/^[0-3][0-7]{2}$/.test(octal)) return undefined
    bytes.push(Buffer.from([Number.parseInt(octal, 8)]))
    i += 4
  }
  return Buffer.concat(bytes).toString('utf8')
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, '0')
}
