/** The part of OData's `$filter` that Resource Manager's lists take: comparisons, functions, `and`, `or`, `not`. */
import { invalidFilter } from './arm-errors.ts'

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly kind: 'not'; readonly of: Filter }
  | { readonly kind: 'compare'; readonly field: string; readonly operator: 'eq' | 'ne'; readonly value: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Argument[] }

export type Argument =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string }

type Token = { readonly kind: 'word' | 'string' | 'mark'; readonly text: string }

/** Longest filter and deepest nesting that is read: a list's filter is a line, not a program. */
const maxLength = 4096
const maxDepth = 32

/** Throws ArmError 400 InvalidFilterInQueryString. */
export function parseFilter(text: string): Filter {
  const tokens = tokenize(text)
  let at = 0
  let depth = 0
  const fail = () => invalidFilter(text)
  const next = (): Token => {
    const token = tokens[at]
    if (token === undefined) throw fail()
    at += 1
    return token
  }
  const isWord = (word: string) => tokens[at]?.kind === 'word' && tokens[at]?.text.toLowerCase() === word
  const isMark = (mark: string) => tokens[at]?.kind === 'mark' && tokens[at]?.text === mark
  const expect = (mark: string) => {
    if (!isMark(mark)) throw fail()
    at += 1
  }
  const chain = (kind: 'and' | 'or', operand: () => Filter): Filter => {
    let left = operand()
    while (isWord(kind)) {
      at += 1
      left = { kind, left, right: operand() }
    }
    return left
  }
  const expression = (): Filter => {
    depth += 1
    if (depth > maxDepth) throw fail()
    const parsed = chain('or', () => chain('and', unary))
    depth -= 1
    return parsed
  }
  const unary = (): Filter => {
    if (isWord('not')) {
      at += 1
      depth += 1
      if (depth > maxDepth) throw fail()
      const of = unary()
      depth -= 1
      return { kind: 'not', of }
    }
    if (isMark('(')) {
      at += 1
      const inner = expression()
      expect(')')
      return inner
    }
    const word = next()
    if (word.kind !== 'word') throw fail()
    if (isMark('(')) return call(word.text)
    const operator = next().text.toLowerCase()
    const value = next()
    if ((operator !== 'eq' && operator !== 'ne') || value.kind === 'mark') throw fail()
    return { kind: 'compare', field: word.text, operator, value: value.text }
  }
  const call = (name: string): Filter => {
    expect('(')
    const args: Argument[] = []
    while (!isMark(')')) {
      if (args.length > 0) expect(',')
      const token = next()
      if (token.kind === 'mark') throw fail()
      args.push(token.kind === 'string' ? { kind: 'literal', value: token.text } : { kind: 'field', name: token.text })
    }
    expect(')')
    return { kind: 'call', name, args }
  }
  const filter = expression()
  if (at !== tokens.length) throw fail()
  return filter
}

function tokenize(text: string): Token[] {
  if (text.length > maxLength) throw invalidFilter(text)
  const pattern = /\s+|([\w./-]+)|'((?:[^']|'')*)'|([(),])/y
  const tokens: Token[] = []
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (match === null) throw invalidFilter(text)
    const [, word, quoted, mark] = match
    if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (quoted !== undefined) tokens.push({ kind: 'string', text: quoted.replaceAll("''", "'") })
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
  }
  return tokens
}

export interface FilterSubject {
  /** The value of a field; null when the field exists and has none; undefined when there is no such field. */
  field(name: string): string | null | undefined
  /** A function other than `substringof`, `startswith`, `endswith` and `contains`; undefined when there is none. */
  call?(name: string, args: readonly Argument[]): boolean | undefined
}

/** Whether the filter holds, text compared without case. Throws ArmError 400 for a field or function that is not known. */
export function matches(filter: Filter, subject: FilterSubject, text: string): boolean {
  switch (filter.kind) {
    case 'and':
      return matches(filter.left, subject, text) && matches(filter.right, subject, text)
    case 'or':
      return matches(filter.left, subject, text) || matches(filter.right, subject, text)
    case 'not':
      return !matches(filter.of, subject, text)
    case 'compare': {
      const value = subject.field(filter.field)
      if (value === undefined) throw invalidFilter(text)
      const equal = value?.toLowerCase() === filter.value.toLowerCase()
      return filter.operator === 'eq' ? equal : !equal
    }
    case 'call':
      return callBuiltIn(filter, subject, text)
  }
}

function callBuiltIn(filter: Filter & { kind: 'call' }, subject: FilterSubject, text: string): boolean {
  const own = subject.call?.(filter.name, filter.args)
  if (own !== undefined) return own
  const [first, second] = filter.args.map((argument) => {
    if (argument.kind === 'literal') return argument.value.toLowerCase()
    const value = subject.field(argument.name)
    if (value === undefined) throw invalidFilter(text)
    return value?.toLowerCase() ?? ''
  })
  if (first === undefined || second === undefined || filter.args.length !== 2) throw invalidFilter(text)
  switch (filter.name.toLowerCase()) {
    case 'substringof':
      return second.includes(first)
    case 'contains':
      return first.includes(second)
    case 'startswith':
      return first.startsWith(second)
    case 'endswith':
      return first.endsWith(second)
    default:
      throw invalidFilter(text)
  }
}

/** The values that every match must have in a field: what an index can look up before the filter is applied. */
export function requiredValue(filter: Filter | undefined, field: string): string | undefined {
  if (filter === undefined) return undefined
  if (filter.kind === 'and') return requiredValue(filter.left, field) ?? requiredValue(filter.right, field)
  return filter.kind === 'compare' && filter.operator === 'eq' && filter.field.toLowerCase() === field.toLowerCase()
    ? filter.value
    : undefined
}
