/** KQL's functions of strings, as functions of SQLite. */
import { createHash } from 'node:crypto'
import { compile } from './regular-expressions.ts'
import type { SqlFunctions } from './sql-function.ts'

const fold = (text: string, sensitive: bigint): string => (sensitive ? text : text.toUpperCase())
const isWordCharacter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{Nd}]/u.test(character)

/** Whether `part` stands in `text` with no letter or digit joined to it on the sides asked for. */
function hasTerm(text: string, part: string, before: boolean, after: boolean): boolean {
  if (part === '') return true
  const characters = [...part]
  const guardStart = before && isWordCharacter(characters[0])
  const guardEnd = after && isWordCharacter(characters.at(-1))
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const startsTerm = !guardStart || !isWordCharacter(characterBefore(text, at))
    const endsTerm = !guardEnd || !isWordCharacter(characterAt(text, at + part.length))
    if (startsTerm && endsTerm) return true
  }
  return false
}

function characterAt(text: string, index: number): string | undefined {
  const point = text.codePointAt(index)
  return point === undefined ? undefined : String.fromCodePoint(point)
}

function characterBefore(text: string, index: number): string | undefined {
  return index === 0 ? undefined : [...text.slice(Math.max(0, index - 2), index)].at(-1)
}

const bool = (value: boolean): bigint => (value ? 1n : 0n)

/** A range of code points; a negative start counts from the end, a range outside the text is cut to it. */
function substring(text: string, start: bigint, length: bigint | null): string {
  const characters = [...text]
  const from = Math.max(0, start < 0n ? characters.length + Number(start) : Number(start))
  const to = length === null ? characters.length : from + Math.max(0, Number(length))
  return characters.slice(from, to).join('')
}

function indexOf(text: string, part: string, start: bigint, length: bigint, occurrence: bigint): bigint {
  const characters = [...text]
  const from = start < 0n ? Math.max(0, characters.length + Number(start)) : Number(start)
  if (from > characters.length) return -1n
  const window = (length < 0n ? characters.slice(from) : characters.slice(from, from + Number(length))).join('')
  let at = -1
  for (let found = 0n; found < occurrence; found += 1n) {
    at = window.indexOf(part, at + 1)
    if (at < 0) return -1n
  }
  return BigInt(from + [...window.slice(0, at)].length)
}

function countOf(text: string, part: string): bigint {
  if (part === '') return 0n
  let count = 0n
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) count += 1n
  return count
}

function decodeBase64(text: string): string | null {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64').replaceAll('=', '') !== text.replaceAll('=', '')) return null
  const decoded = bytes.toString('utf8')
  return Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : null
}

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const textFunctions: SqlFunctions = {
  kql_lower: (text: string) => text.toLowerCase(),
  kql_upper: (text: string) => text.toUpperCase(),
  kql_equals_folded: (one: string, other: string) => bool(fold(one, 0n) === fold(other, 0n)),
  kql_contains: (text: string, part: string, sensitive: bigint) =>
    bool(fold(text, sensitive).includes(fold(part, sensitive))),
  kql_starts: (text: string, part: string, sensitive: bigint) =>
    bool(fold(text, sensitive).startsWith(fold(part, sensitive))),
  kql_ends: (text: string, part: string, sensitive: bigint) =>
    bool(fold(text, sensitive).endsWith(fold(part, sensitive))),
  kql_has: (text: string, part: string, sensitive: bigint) =>
    bool(hasTerm(fold(text, sensitive), fold(part, sensitive), true, true)),
  kql_has_prefix: (text: string, part: string, sensitive: bigint) =>
    bool(hasTerm(fold(text, sensitive), fold(part, sensitive), true, false)),
  kql_has_suffix: (text: string, part: string, sensitive: bigint) =>
    bool(hasTerm(fold(text, sensitive), fold(part, sensitive), false, true)),
  kql_matches: (text: string, pattern: string) => bool(compile(pattern).matcher(text).find()),
  kql_extract: (pattern: string, group: bigint, text: string) => {
    const matcher = compile(pattern).matcher(text)
    return matcher.find() && Number(group) <= matcher.groupCount() ? (matcher.group(Number(group)) ?? '') : ''
  },
  kql_replace_regex: (text: string, pattern: string, rewrite: string) =>
    compile(pattern)
      .matcher(text)
      // KQL names groups \1, the library $1.
      .replaceAll(rewrite.replaceAll('$', '\\$').replaceAll(/\\(\d)/g, (_, digit) => `$${digit}`)),
  kql_count_regex: (text: string, pattern: string) => {
    const matcher = compile(pattern).matcher(text)
    let count = 0n
    while (matcher.find()) count += 1n
    return count
  },
  kql_trim: (pattern: string, text: string, where: string) => {
    let trimmed = text
    if (where !== 'end') trimmed = compile(`^(?:${pattern})+`).matcher(trimmed).replaceFirst('')
    if (where !== 'start') trimmed = compile(`(?:${pattern})+$`).matcher(trimmed).replaceFirst('')
    return trimmed
  },
  kql_substring: substring,
  kql_index_of: indexOf,
  kql_count_of: countOf,
  kql_replace: (text: string, part: string, by: string) => (part === '' ? text : text.replaceAll(part, () => by)),
  kql_reverse: (text: string) => [...text].reverse().join(''),
  kql_repeat: (text: string, times: bigint, delimiter: string) =>
    Array.from({ length: Math.max(0, Math.min(1024, Number(times))) }, () => text).join(delimiter),
  kql_base64_encode: (text: string) => Buffer.from(text).toString('base64'),
  kql_base64_decode: decodeBase64,
  kql_url_encode: (text: string) => encodeURIComponent(text),
  kql_url_decode: decodeUrl,
  kql_sha256: (text: string) => createHash('sha256').update(text).digest('hex'),
  kql_md5: (text: string) => createHash('md5').update(text).digest('hex'),
}
