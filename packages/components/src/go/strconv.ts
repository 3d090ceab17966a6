/** Reading and writing numbers as Go's strconv does, because its words reach Dapr's answers. */

export interface GoNumberError {
  /** E.g. `strconv.ParseInt: parsing "x": invalid syntax`. */
  readonly error: string
}

/** Go's `strconv.ParseInt(text, 10, bits)`, named `Atoi` in its error when that was the function called. */
export function parseGoInt(
  text: string,
  bits: 32 | 64,
  functionName: 'ParseInt' | 'Atoi' = 'ParseInt',
): number | GoNumberError {
  const fail = (why: string): GoNumberError => ({ error: `strconv.${functionName}: parsing ${quote(text)}: ${why}` })
  if (!/^[+-]?\d+$/.test(text)) return fail('invalid syntax')
  const value = BigInt(text.replace(/^\+/, ''))
  const limit = 1n << BigInt(bits - 1)
  if (value >= limit || value < -limit) return fail('value out of range')
  return Number(value)
}

/** Go's `strconv.Quote`: double quotes, Go escapes, printable text as it is. */
export function quote(text: string): string {
  let quoted = '"'
  for (const character of text) quoted += escaped(character)
  return `${quoted}"`
}

const namedEscapes: Readonly<Record<string, string>> = {
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

function escaped(character: string): string {
  const named = namedEscapes[character]
  if (named !== undefined) return named
  if (character === ' ' || !/[\p{C}\p{Z}]/u.test(character)) return character
  const code = character.codePointAt(0) ?? 0xfffd
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

/** Go's `%v` of a float64: the shortest digits, an exponent below 1e-4 and from 1e6. */
export function formatGoFloat(value: number): string {
  const magnitude = Math.abs(value)
  if (Object.is(value, -0)) return '-0'
  if (value === 0 || (magnitude >= 1e-4 && magnitude < 1e6)) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
