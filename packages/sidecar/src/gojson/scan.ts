/** Go's JSON scanner, kept for what JSON.parse cannot tell: where the first value ends, or Go's words for what is wrong with it. */

export type ScanResult = { readonly ok: true; readonly end: number } | { readonly ok: false; readonly error: string }

/**
 * Reads one JSON value at the start of `text`, as `json.Decoder` does: what follows it is not looked at.
 * `end` is the offset after the value. The error has the words of Go's `json.SyntaxError`, `EOF` or `unexpected EOF`.
 */
export function scanFirstValue(text: string): ScanResult {
  const scanner = new Scanner(text)
  try {
    scanner.skipSpace()
    if (scanner.at >= text.length) return { ok: false, error: 'EOF' }
    scanner.value()
    return { ok: true, end: scanner.at }
  } catch (error) {
    if (error instanceof ScanError) return { ok: false, error: error.message }
    // The stack ends before Go's limit does.
    if (error instanceof RangeError) return { ok: false, error: tooDeep }
    throw error
  }
}

/** Reads `text` as one JSON value, as `json.Unmarshal` does: nothing but white space may follow it. */
export function scanValue(text: string): ScanResult {
  const scanned = scanFirstValue(text)
  if (!scanned.ok) {
    const cut = scanned.error === 'EOF' || scanned.error === 'unexpected EOF'
    return cut ? { ok: false, error: 'unexpected end of JSON input' } : scanned
  }
  const rest = text.slice(scanned.end).trimStart()
  if (rest === '') return scanned
  return { ok: false, error: `invalid character ${quoteCharacter(rest.charAt(0))} after top-level value` }
}

/** JSON text without the white space between its tokens, as `json.Compact` gives it; undefined when it is not one JSON value. */
export function compactJson(text: string): string | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  if (!/[ \t\r\n]/.test(text)) return text
  let out = ''
  let start = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d) {
      out += text.slice(start, i)
      start = i + 1
    }
  }
  return out + text.slice(start)
}

/** Go's words for JSON nested beyond its limit. */
export const tooDeep = 'exceeded max depth'

class ScanError extends Error {}

const maxDepth = 10_000

class Scanner {
  readonly #text: string
  #depth = 0
  at = 0

  constructor(text: string) {
    this.#text = text
  }

  skipSpace(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.at)
      if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return
      this.at++
    }
  }

  value(): void {
    this.skipSpace()
    const c = this.#peek()
    if (c === '{') this.#object()
    else if (c === '[') this.#array()
    else if (c === '"') this.#string()
    else if (c === 't') this.#literal('true')
    else if (c === 'f') this.#literal('false')
    else if (c === 'n') this.#literal('null')
    else if (c === '-' || (c >= '0' && c <= '9')) this.#number()
    else this.#fail('looking for beginning of value')
  }

  #object(): void {
    this.#enter()
    this.skipSpace()
    if (this.#peek() === '}') {
      this.#leave()
      return
    }
    for (;;) {
      this.skipSpace()
      if (this.#peek() !== '"') this.#fail('looking for beginning of object key string')
      this.#string()
      this.skipSpace()
      if (this.#peek() !== ':') this.#fail('after object key')
      this.at++
      this.value()
      this.skipSpace()
      const c = this.#peek()
      if (c === '}') {
        this.#leave()
        return
      }
      if (c !== ',') this.#fail('after object key:value pair')
      this.at++
    }
  }

  #array(): void {
    this.#enter()
    this.skipSpace()
    if (this.#peek() === ']') {
      this.#leave()
      return
    }
    for (;;) {
      this.value()
      this.skipSpace()
      const c = this.#peek()
      if (c === ']') {
        this.#leave()
        return
      }
      if (c !== ',') this.#fail('after array element')
      this.at++
    }
  }

  #enter(): void {
    if (++this.#depth > maxDepth) throw new ScanError(tooDeep)
    this.at++
  }

  #leave(): void {
    this.#depth--
    this.at++
  }

  #string(): void {
    this.at++
    for (;;) {
      const c = this.#peek()
      if (c === '"') {
        this.at++
        return
      }
      if (c < ' ') this.#fail('in string literal')
      this.at++
      if (c !== '\\') continue
      const code = this.#peek()
      if (code === 'u') {
        this.at++
        for (let i = 0; i < 4; i++) {
          if (!/^[0-9a-fA-F]$/.test(this.#peek())) this.#fail('in \\u hexadecimal character escape')
          this.at++
        }
      } else if ('bfnrt\\/"'.includes(code)) this.at++
      else this.#fail('in string escape code')
    }
  }

  #literal(word: 'true' | 'false' | 'null'): void {
    this.at++
    for (let i = 1; i < word.length; i++) {
      const expected = word.charAt(i)
      if (this.#peek() !== expected) this.#fail(`in literal ${word} (expecting ${quoteCharacter(expected)})`)
      this.at++
    }
  }

  #number(): void {
    if (this.#peek() === '-') {
      this.at++
      if (!isDigit(this.#peek())) this.#fail('in numeric literal')
    }
    if (this.#peek() === '0') this.at++
    else this.#digits()
    if (this.#text.charAt(this.at) === '.') {
      this.at++
      if (!isDigit(this.#peek())) this.#fail('after decimal point in numeric literal')
      this.#digits()
    }
    const e = this.#text.charAt(this.at)
    if (e === 'e' || e === 'E') {
      this.at++
      if (this.#peek() === '+' || this.#peek() === '-') this.at++
      if (!isDigit(this.#peek())) this.#fail('in exponent of numeric literal')
      this.#digits()
    }
  }

  #digits(): void {
    while (isDigit(this.#text.charAt(this.at))) this.at++
  }

  /** The character here; the text ending inside a value is Go's `unexpected EOF`. */
  #peek(): string {
    if (this.at >= this.#text.length) throw new ScanError('unexpected EOF')
    return this.#text.charAt(this.at)
  }

  #fail(context: string): never {
    // Go names the byte it stopped at, not the character.
    const character = String.fromCodePoint(this.#text.codePointAt(this.at) ?? 0)
    const shown = character > '\x7f' ? String.fromCharCode(Buffer.from(character)[0] ?? 0) : character
    throw new ScanError(`invalid character ${quoteCharacter(shown)} ${context}`)
  }
}

function isDigit(c: string): boolean {
  return c >= '0' && c <= '9' && c.length === 1
}

const namedEscapes: Readonly<Record<string, string>> = {
  "'": `'\\''`,
  '"': `'"'`,
  '\\': `'\\\\'`,
  '\n': `'\\n'`,
  '\r': `'\\r'`,
  '\t': `'\\t'`,
  '\b': `'\\b'`,
  '\f': `'\\f'`,
  '\v': `'\\v'`,
  '\x07': `'\\a'`,
}

/** A character as `scanner.go` quotes it: Go's double-quoted form between single quotes. */
function quoteCharacter(c: string): string {
  const named = namedEscapes[c]
  if (named !== undefined) return named
  const code = c.charCodeAt(0)
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`
  if (code >= 0x80 && code < 0xa0) return `'\\u${code.toString(16).padStart(4, '0')}'`
  return `'${c}'`
}
