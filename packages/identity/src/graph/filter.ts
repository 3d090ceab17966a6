/** `$filter` expressions (OData 4.01 part 2, section 5.1.1), as far as the directory's collections take them. */
import { graphErrors } from './graph-error.ts'

export type GraphObject = Readonly<Record<string, unknown>>
export type Filter = (object: GraphObject) => boolean

/** A filter with the equality that every match has, where an index can answer it. */
export interface ParsedFilter {
  readonly matches: Filter
  readonly equals: ReadonlyMap<string, string>
}

type Token =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: 'symbol'; readonly value: string }

type Literal = string | number | boolean | null

const longest = 8 * 1024
const deepest = 32
const tokenPattern = /\s*(?:'((?:[^']|'')*)'|([A-Za-z0-9_@.+\-:/]+)|([(),]))/y

function tokensOf(text: string): Token[] {
  if (text.length > longest) throw graphErrors.invalidFilter()
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  const end = text.trimEnd().length
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(text)
    if (!match) throw graphErrors.invalidFilter()
    const [, quoted, word, symbol] = match
    if (quoted !== undefined) tokens.push({ kind: 'text', value: quoted.replaceAll("''", "'") })
    else if (word !== undefined) tokens.push({ kind: 'word', value: word })
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', value: symbol })
  }
  return tokens
}

/** Throws {@link GraphError} 400. `properties` are those that can be filtered on. */
export function parseFilter(text: string, properties: ReadonlySet<string>): ParsedFilter {
  return new Parser(tokensOf(text), properties).parse()
}

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #properties: ReadonlySet<string>
  readonly #equals = new Map<string, string>()
  #at = 0
  #depth = 0
  /** Above zero inside `or` or `not`, where an equality does not hold for every match. */
  #alternatives = 0
  /** The variable of the lambda that is being read. */
  #variable: string | undefined

  constructor(tokens: readonly Token[], properties: ReadonlySet<string>) {
    this.#tokens = tokens
    this.#properties = properties
  }

  parse(): ParsedFilter {
    // Which operands `or` joins is known only once they were read.
    if (this.#tokens.some((token) => token.kind === 'word' && ['or', 'not'].includes(token.value)))
      this.#alternatives = 1
    const matches = this.#or()
    if (this.#at !== this.#tokens.length) throw graphErrors.invalidFilter()
    return { matches, equals: this.#equals }
  }

  #or(): Filter {
    if (++this.#depth > deepest) throw graphErrors.invalidFilter()
    const operands = [this.#and()]
    while (this.#takeWord('or')) operands.push(this.#and())
    this.#depth--
    return operands.length === 1 && operands[0] ? operands[0] : (object) => operands.some((operand) => operand(object))
  }

  #and(): Filter {
    const operands = [this.#not()]
    while (this.#takeWord('and')) operands.push(this.#not())
    return operands.length === 1 && operands[0] ? operands[0] : (object) => operands.every((operand) => operand(object))
  }

  #not(): Filter {
    if (!this.#takeWord('not')) return this.#primary()
    if (++this.#depth > deepest) throw graphErrors.invalidFilter()
    const operand = this.#not()
    this.#depth--
    return (object) => !operand(object)
  }

  #primary(): Filter {
    if (this.#takeSymbol('(')) {
      const inner = this.#or()
      this.#needSymbol(')')
      return inner
    }
    const name = this.#needWord()
    const lower = name.toLowerCase()
    if ((lower === 'startswith' || lower === 'endswith') && this.#takeSymbol('(')) return this.#textFunction(lower)
    const lambda = /^(.+)\/any$/i.exec(name)
    if (lambda?.[1] && this.#takeSymbol('(')) return this.#any(lambda[1])
    return this.#comparison(name)
  }

  #textFunction(name: 'startswith' | 'endswith'): Filter {
    const read = this.#path(this.#needWord())
    this.#needSymbol(',')
    const literal = this.#literal()
    this.#needSymbol(')')
    if (typeof literal !== 'string') throw graphErrors.invalidFilter()
    const wanted = literal.toLowerCase()
    return (object) => {
      const value = read(object)
      if (typeof value !== 'string') return false
      const text = value.toLowerCase()
      return name === 'startswith' ? text.startsWith(wanted) : text.endsWith(wanted)
    }
  }

  /** `servicePrincipalNames/any(c:c eq 'x')`. */
  #any(property: string): Filter {
    const read = this.#path(property)
    // The tokens' pattern takes `c:c` for one word, `c: c` for two.
    const head = /^([A-Za-z_]\w*):(.*)$/.exec(this.#needWord())
    if (!head?.[1] || this.#variable !== undefined) throw graphErrors.invalidFilter()
    this.#variable = head[1]
    const subject = head[2] ? head[2] : this.#needWord()
    const before = new Map(this.#equals)
    const inner = this.#comparison(subject)
    this.#variable = undefined
    const equal = this.#equals.get('')
    this.#equals.clear()
    for (const [key, value] of before) this.#equals.set(key, value)
    if (equal !== undefined) this.#equals.set(property, equal)
    this.#needSymbol(')')
    return (object) => {
      const value = read(object)
      return Array.isArray(value) && value.some((item) => inner({ '': item }))
    }
  }

  #comparison(name: string): Filter {
    const read = this.#path(name)
    const operator = this.#needWord().toLowerCase()
    if (operator === 'in') {
      this.#needSymbol('(')
      const literals = [this.#literal()]
      while (this.#takeSymbol(',')) literals.push(this.#literal())
      this.#needSymbol(')')
      return (object) => literals.some((literal) => compare(read(object), literal) === 0)
    }
    const accepts = Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined
    if (!accepts) throw graphErrors.invalidFilter()
    const literal = this.#literal()
    if (operator === 'eq' && typeof literal === 'string' && this.#alternatives === 0) {
      this.#equals.set(name === this.#variable ? '' : name, literal)
    }
    return (object) => {
      const order = compare(read(object), literal)
      return order === undefined ? operator === 'ne' : accepts(order)
    }
  }

  #path(name: string): (object: GraphObject) => unknown {
    if (this.#variable !== undefined) {
      if (name === this.#variable) return (object) => object['']
      const prefix = `${this.#variable}/`
      if (!name.startsWith(prefix)) throw graphErrors.invalidFilter()
      const steps = name.slice(prefix.length).split('/')
      return (object) => walk(object[''], steps)
    }
    const steps = name.split('/')
    if (!this.#properties.has(steps[0] ?? '')) {
      throw graphErrors.unsupportedQuery(`Unsupported or invalid query filter clause specified for property '${name}'.`)
    }
    return (object) => walk(object, steps)
  }

  #literal(): Literal {
    const token = this.#tokens[this.#at++]
    if (token?.kind === 'text') return token.value
    if (token?.kind !== 'word') throw graphErrors.invalidFilter()
    const { value } = token
    if (value === 'null') return null
    if (value === 'true' || value === 'false') return value === 'true'
    // A date: `2024-01-01T00:00:00Z`; a GUID without quotes; a number.
    if (/^\d{4}-\d\d-\d\d/.test(value) || /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(value)) return value
    if (/^-?\d+(?:\.\d+)?$/.test(value)) return Number(value)
    throw graphErrors.invalidFilter()
  }

  #takeWord(value: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word' || token.value.toLowerCase() !== value) return false
    this.#at++
    return true
  }

  #takeSymbol(value: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'symbol' || token.value !== value) return false
    this.#at++
    return true
  }

  #needWord(): string {
    const token = this.#tokens[this.#at++]
    if (token?.kind !== 'word') throw graphErrors.invalidFilter()
    return token.value
  }

  #needSymbol(value: string): void {
    if (!this.#takeSymbol(value)) throw graphErrors.invalidFilter()
  }
}

function walk(value: unknown, steps: readonly string[]): unknown {
  let current = value
  for (const step of steps) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined
    current = (current as Record<string, unknown>)[step]
  }
  return current
}

/** Below, at or above zero; undefined when the two can not be compared. Texts are compared without their case, as Graph does. */
function compare(value: unknown, literal: Literal): number | undefined {
  const own = value === undefined ? null : value
  if (own === literal) return 0
  if (typeof own === 'string' && typeof literal === 'string') {
    const [left, right] = [own.toLowerCase(), literal.toLowerCase()]
    return left === right ? 0 : left < right ? -1 : 1
  }
  if (typeof own === 'number' && typeof literal === 'number') return own - literal
  return undefined
}
