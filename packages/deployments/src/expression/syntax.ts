/** The grammar of template expressions: what stands between `[` and `]` in a string, as a tree. */
import { unparsable } from '../template-error.ts'

export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number }
  | {
      readonly kind: 'call'
      /** Of a function that the template itself defines. */
      readonly namespace?: string
      readonly name: string
      readonly args: readonly Expression[]
    }
  /** `.name`, `[index]`, and with `safe` `.?name`, `[?index]`: null when it is not there. */
  | { readonly kind: 'member'; readonly of: Expression; readonly name: Expression; readonly safe: boolean }

/** Longest expression, as in "Template limits". */
const maxLength = 24_576
const maxDepth = 250

/** Whether a string is an expression: `[…]`, but not `[[…` (which stands for a text that begins with `[`). */
export function isExpression(text: string): boolean {
  return text.startsWith('[') && text.endsWith(']') && !text.startsWith('[[')
}

/** What a string that is no expression says. */
export function unescaped(text: string): string {
  return text.startsWith('[[') ? text.slice(1) : text
}

/** A string that says `text` and is no expression. */
export function escaped(text: string): string {
  return text.startsWith('[') ? `[${text}` : text
}

type TokenKind = 'Identifier' | 'StringLiteral' | 'Integer' | 'EndOfData' | '(' | ')' | '[' | ']' | ',' | '.' | '?'

interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly at: number
}

/** How ARM names a token in an error. */
const tokenNames: Record<TokenKind, string> = {
  Identifier: 'Identifier',
  StringLiteral: 'StringLiteral',
  Integer: 'Integer',
  EndOfData: 'EndOfData',
  '(': 'LeftParenthesis',
  ')': 'RightParenthesis',
  '[': 'LeftSquareBracket',
  ']': 'RightSquareBracket',
  ',': 'Comma',
  '.': 'Dot',
  '?': 'QuestionMark',
}

const tokenPattern =
  /\s+|(?<Identifier>[A-Za-z_$][\w$]*)|(?<StringLiteral>'(?:[^']|'')*')|(?<Integer>[+-]?\d+)|(?<punctuation>[()[\],.?])/y

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let at = 1
  const end = source.length - 1
  while (at < end) {
    tokenPattern.lastIndex = at
    const match = tokenPattern.exec(source)
    if (match === null || at + match[0].length > end) {
      throw unparsable(source, `unexpected token '${source.slice(at, at + 1)}' at position '${at}'.`)
    }
    const { Identifier, StringLiteral, Integer, punctuation } = match.groups ?? {}
    if (Identifier !== undefined) tokens.push({ kind: 'Identifier', text: Identifier, at })
    else if (StringLiteral !== undefined) {
      tokens.push({ kind: 'StringLiteral', text: StringLiteral.slice(1, -1).replaceAll("''", "'"), at })
    } else if (Integer !== undefined) tokens.push({ kind: 'Integer', text: Integer, at })
    else if (punctuation !== undefined) tokens.push({ kind: punctuation as TokenKind, text: punctuation, at })
    at += match[0].length
  }
  tokens.push({ kind: 'EndOfData', text: '', at: end })
  return tokens
}

/** Parses a string for which {@link isExpression} holds. Throws TemplateError. */
export function parseExpression(source: string): Expression {
  if (source.length > maxLength) throw unparsable(source, `it is longer than ${maxLength} characters.`)
  const parser = new Parser(source, tokenize(source))
  return parser.whole()
}

class Parser {
  readonly #source: string
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(source: string, tokens: readonly Token[]) {
    this.#source = source
    this.#tokens = tokens
  }

  whole(): Expression {
    const expression = this.#expression()
    this.#take('EndOfData')
    return expression
  }

  get #token(): Token {
    return this.#tokens[this.#next] ?? { kind: 'EndOfData', text: '', at: this.#source.length }
  }

  #has(kind: TokenKind): boolean {
    if (this.#token.kind !== kind) return false
    this.#next += 1
    return true
  }

  #take(kind: TokenKind): Token {
    const token = this.#token
    if (token.kind !== kind) {
      throw unparsable(
        this.#source,
        `expected token '${tokenNames[kind]}' and actual '${tokenNames[token.kind]}' at position '${token.at}'.`,
      )
    }
    this.#next += 1
    return token
  }

  #expression(): Expression {
    this.#depth += 1
    if (this.#depth > maxDepth) throw unparsable(this.#source, `it nests deeper than ${maxDepth} levels.`)
    let expression = this.#primary()
    for (;;) {
      if (this.#has('.')) {
        const safe = this.#has('?')
        const name = this.#take('Identifier').text
        expression = { kind: 'member', of: expression, name: { kind: 'literal', value: name }, safe }
      } else if (this.#has('[')) {
        const safe = this.#has('?')
        const name = this.#expression()
        this.#take(']')
        expression = { kind: 'member', of: expression, name, safe }
      } else break
    }
    this.#depth -= 1
    return expression
  }

  #primary(): Expression {
    const token = this.#token
    if (token.kind === 'StringLiteral') {
      this.#next += 1
      return { kind: 'literal', value: token.text }
    }
    if (token.kind === 'Integer') {
      this.#next += 1
      const value = Number(token.text)
      if (!Number.isSafeInteger(value)) throw unparsable(this.#source, `the integer '${token.text}' is out of range.`)
      return { kind: 'literal', value }
    }
    return this.#call()
  }

  #call(): Expression {
    let name = this.#take('Identifier').text
    let namespace: string | undefined
    if (this.#has('.')) {
      namespace = name
      name = this.#take('Identifier').text
    }
    this.#take('(')
    const args: Expression[] = []
    if (!this.#has(')')) {
      do args.push(this.#expression())
      while (this.#has(','))
      this.#take(')')
    }
    return { kind: 'call', ...(namespace !== undefined && { namespace }), name, args }
  }
}
