/** Says what is wrong with a JSON text as Go's encoding/json does, showing one character of it at most. */

import { quote } from './strconv.ts'

/** E.g. `invalid character 'x' looking for beginning of value` or `unexpected end of JSON input`; undefined when the text is JSON. */
export function jsonError(text: string): string | undefined {
  try {
    const end = skipSpace(text, value(text, 0))
    if (end < text.length) fail(text, end, 'after top-level value')
    return undefined
  } catch (error) {
    if (error instanceof JsonFault) return error.message
    throw error
  }
}

class JsonFault extends Error {}

/** Go goes through bytes, so it shows the first byte of the character; at the end it tries a space, which fits between tokens only. */
function fail(text: string, position: number, context: string): never {
  const atEnd = position >= text.length
  if (atEnd && !/literal |escape|decimal|exponent|numeric/.test(context)) {
    throw new JsonFault('unexpected end of JSON input')
  }
  const character = atEnd ? ' ' : String.fromCodePoint(text.codePointAt(position) ?? 0)
  throw new JsonFault(`invalid character ${quoted(character)} ${context}`)
}

function quoted(character: string): string {
  if (character === "'") return "'\\''"
  if (character === '"') return `'"'`
  const [byte = 0] = Buffer.from(character)
  return `'${quote(String.fromCharCode(byte)).slice(1, -1)}'`
}

/** Each of these reads from a position and gives the position after what it read. */
function value(text: string, from: number): number {
  const start = skipSpace(text, from)
  switch (text.charAt(start)) {
    case '{':
      return members(text, start, '}', member, 'after object key:value pair')
    case '[':
      return members(text, start, ']', value, 'after array element')
    case '"':
      return string(text, start)
    case 't':
      return literal(text, start, 'true')
    case 'f':
      return literal(text, start, 'false')
    case 'n':
      return literal(text, start, 'null')
  }
  if (/[-\d]/.test(text.charAt(start))) return number(text, start)
  return fail(text, start, 'looking for beginning of value')
}

function members(
  text: string,
  open: number,
  close: string,
  read: (text: string, from: number) => number,
  context: string,
): number {
  let position = skipSpace(text, open + 1)
  if (text.charAt(position) === close) return position + 1
  for (;;) {
    position = skipSpace(text, read(text, position))
    if (text.charAt(position) === close) return position + 1
    if (text.charAt(position) !== ',') fail(text, position, context)
    position++
  }
}

function member(text: string, from: number): number {
  const start = skipSpace(text, from)
  if (text.charAt(start) !== '"') fail(text, start, 'looking for beginning of object key string')
  const colon = skipSpace(text, string(text, start))
  if (text.charAt(colon) !== ':') fail(text, colon, 'after object key')
  return value(text, colon + 1)
}

function string(text: string, open: number): number {
  let position = open + 1
  while (text.charAt(position) !== '"') {
    if (position >= text.length || text.charAt(position) < ' ') fail(text, position, 'in string literal')
    position = text.charAt(position) === '\\' ? escapeCode(text, position + 1) : position + 1
  }
  return position + 1
}

function escapeCode(text: string, position: number): number {
  if (text.charAt(position) === 'u') {
    for (let digit = position + 1; digit <= position + 4; digit++) {
      if (!/[\dA-Fa-f]/.test(text.charAt(digit))) fail(text, digit, 'in \\u hexadecimal character escape')
    }
    return position + 5
  }
  if (!/["\\/bfnrt]/.test(text.charAt(position))) fail(text, position, 'in string escape code')
  return position + 1
}

function literal(text: string, start: number, word: string): number {
  for (let index = 1; index < word.length; index++) {
    if (text.charAt(start + index) === word.charAt(index)) continue
    fail(text, start + index, `in literal ${word} (expecting '${word.charAt(index)}')`)
  }
  return start + word.length
}

function number(text: string, start: number): number {
  let position = text.charAt(start) === '-' ? start + 1 : start
  position = text.charAt(position) === '0' ? position + 1 : digits(text, position, 'in numeric literal')
  if (text.charAt(position) === '.') position = digits(text, position + 1, 'after decimal point in numeric literal')
  if (/[eE]/.test(text.charAt(position))) {
    const sign = /[-+]/.test(text.charAt(position + 1)) ? 2 : 1
    position = digits(text, position + sign, 'in exponent of numeric literal')
  }
  return position
}

function digits(text: string, from: number, context: string): number {
  let position = from
  while (/\d/.test(text.charAt(position))) position++
  if (position === from) fail(text, position, context)
  return position
}

function skipSpace(text: string, from: number): number {
  let position = from
  while (/[ \t\r\n]/.test(text.charAt(position))) position++
  return position
}
