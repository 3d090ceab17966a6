/** What the `parse` operator takes out of a text. */
import { LRUCache } from 'lru-cache'
import { parseInteger } from '../kql/literals.ts'
import { parseDateTime, parseTimeSpan } from '../kql/time.ts'
import type { ScalarType } from '../kql/types.ts'
import { compile } from './regular-expressions.ts'
import type { SqlFunctions } from './sql-function.ts'

/** A literal, a star, or a column. */
export type PatternPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'star' }
  | { readonly kind: 'column'; readonly type: ScalarType }

export interface Pattern {
  readonly mode: 'simple' | 'relaxed' | 'regex'
  readonly parts: readonly PatternPart[]
}

type Value = string | bigint | number | null

interface Compiled {
  readonly pattern: Pattern
  readonly columns: readonly ScalarType[]
  /** The last text and what came of it: each column of a row asks once. */
  last?: { readonly text: string; readonly values: readonly Value[] | undefined }
}

const compiledPatterns = new LRUCache<string, Compiled>({ max: 100 })

function compiledPattern(json: string): Compiled {
  let found = compiledPatterns.get(json)
  if (!found) {
    const pattern = JSON.parse(json) as Pattern
    found = { pattern, columns: pattern.parts.flatMap((part) => (part.kind === 'column' ? [part.type] : [])) }
    compiledPatterns.set(json, found)
  }
  return found
}

function convert(text: string, type: ScalarType): Value {
  const trimmed = text.trim()
  switch (type) {
    case 'string':
      return text
    case 'int':
      return parseInteger(trimmed, 2n ** 31n) ?? null
    case 'long':
      return parseInteger(trimmed, 2n ** 63n) ?? null
    case 'real':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : null
    case 'bool':
      return /^true$/i.test(trimmed) ? 1n : /^false$/i.test(trimmed) ? 0n : null
    case 'datetime':
      return parseDateTime(trimmed) ?? null
    case 'timespan':
      return parseTimeSpan(trimmed) ?? null
    case 'guid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(trimmed) ? trimmed.toLowerCase() : null
    case 'dynamic':
      return JSON.stringify(text)
  }
}

/** The texts of the columns, or undefined where the pattern does not match. */
function match({ pattern }: Compiled, text: string): readonly string[] | undefined {
  const { parts, mode } = pattern
  const expression = parts
    .map((part, index) => {
      if (part.kind === 'text') return mode === 'regex' ? `(?:${part.text})` : quote(part.text)
      if (part.kind === 'star') return '(?s:.*?)'
      const isLast = index === parts.length - 1
      return isLast ? '((?s:.*))' : captureOf(part.type)
    })
    .join('')
  const matcher = compile(`^${expression}$`).matcher(text)
  if (!matcher.find()) return undefined
  return Array.from({ length: matcher.groupCount() }, (_, index) => matcher.group(index + 1) ?? '')
}

/** A number ends where its digits end, even before a star. */
function captureOf(type: ScalarType): string {
  if (type === 'long' || type === 'int') return '(\\s*[+-]?\\d+)'
  if (type === 'real') return '(\\s*[+-]?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)'
  return '((?s:.*?))'
}

const quote = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

function valuesOf(compiled: Compiled, text: string): readonly Value[] | undefined {
  if (compiled.last?.text === text) return compiled.last.values
  const texts = match(compiled, text)
  let values = texts?.map((found, index) => convert(found, compiled.columns[index] ?? 'string'))
  // Unless it is relaxed, one value of the wrong type means that the row does not match.
  if (compiled.pattern.mode !== 'relaxed' && values?.includes(null)) values = undefined
  compiled.last = { text, values }
  return values
}

export const parseFunctions: SqlFunctions = {
  kql_parse: (text: string, pattern: string, column: bigint) => {
    const compiled = compiledPattern(pattern)
    const value = valuesOf(compiled, text)?.[Number(column)]
    if (value !== undefined) return value
    return compiled.columns[Number(column)] === 'string' ? '' : null
  },
  kql_parse_matches: (text: string, pattern: string) => (valuesOf(compiledPattern(pattern), text) ? 1n : 0n),
}
