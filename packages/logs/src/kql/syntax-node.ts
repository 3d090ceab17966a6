/** A node of the parsed query, as the translation reads it: by the names that Microsoft's parser gives its parts. */
import { KqlError } from './kql-error.ts'
import { type Column, isScalarType, type ScalarType } from './types.ts'

/** A node of the library: C# compiled to JavaScript, so its parts are found by name. */
export interface RawNode {
  readonly IsToken: boolean
  readonly IsMissing: boolean
  readonly Kind: number
  readonly TextStart: number
  readonly Width: number
  readonly ChildCount: number
  readonly ReferencedSymbol?: RawSymbol | null
  readonly ResultType?: RawSymbol | null
  GetChild(index: number): RawNode | null
  readonly [part: string]: unknown
}
interface RawSymbol {
  readonly Name: string
  readonly Columns?: { readonly Count: number; getItem(index: number): RawColumn }
}
interface RawColumn {
  readonly Name: string
  readonly Type: { readonly Name: string }
}
interface BridgeLibrary {
  readonly Bridge: { getTypeName(value: unknown): string }
  readonly System: { readonly Enum: { toString(type: unknown, value: unknown): string } }
  readonly Kusto: { readonly Language: { readonly Syntax: { readonly SyntaxKind: unknown } } }
}
const library = globalThis as unknown as BridgeLibrary

const className = (value: unknown): string => library.Bridge.getTypeName(value).split('.').at(-1) ?? ''

export class SyntaxNode {
  readonly #raw: RawNode

  constructor(raw: RawNode) {
    this.#raw = raw
  }

  /** The library's class, e.g. `FilterOperator`. */
  get class(): string {
    return className(this.#raw)
  }

  /** The library's kind, e.g. `ContainsExpression`. */
  get kind(): string {
    return library.System.Enum.toString(library.Kusto.Language.Syntax.SyntaxKind, this.#raw.Kind)
  }

  get start(): number {
    return this.#raw.TextStart
  }

  get length(): number {
    return this.#raw.Width
  }

  /** A part that is there whenever the query has no error. */
  node(part: string): SyntaxNode {
    const found = this.optional(part)
    if (!found) throw this.unsupported(`This form of ${this.class}`)
    return found
  }

  optional(part: string): SyntaxNode | undefined {
    const raw = this.#raw[part] as RawNode | null | undefined
    return raw && !raw.IsToken && !raw.IsMissing ? new SyntaxNode(raw) : undefined
  }

  /** The elements of a list, without their separators. */
  list(part: string): readonly SyntaxNode[] {
    const raw = this.#raw[part] as RawNode | null | undefined
    return raw ? elements(raw) : []
  }

  /** The elements when this node is itself a list. */
  get elements(): readonly SyntaxNode[] {
    return elements(this.#raw)
  }

  /** The value of a token: a name or a literal without its quotes. */
  token(part: string): string {
    const raw = this.#raw[part] as { readonly ValueText?: string } | null | undefined
    return raw?.ValueText ?? ''
  }

  /** The values of a part that is a list of tokens. */
  tokens(part: string): readonly string[] {
    const raw = this.#raw[part] as RawNode
    return Array.from({ length: raw.ChildCount }, (_, index) => String(raw.GetChild(index)?.ValueText ?? ''))
  }

  /** The name of a reference or a declaration. */
  get name(): string {
    const { Name } = this.#raw as unknown as { readonly Name?: RawNode | string | null }
    const simple = this.#raw.SimpleName
    if (typeof simple === 'string') return simple
    if (Name && typeof Name !== 'string') return new SyntaxNode(Name).name
    throw this.unsupported('This kind of name')
  }

  /** The string that a literal of several parts, or a `dynamic(...)`, stands for. */
  get literalText(): string {
    const value = this.#raw.LiteralValue
    if (typeof value !== 'string') throw this.unsupported('This literal')
    return value
  }

  /** The class of what a name refers to, e.g. `ColumnSymbol`. */
  get symbol(): { readonly class: string; readonly name: string } | undefined {
    const symbol = this.#raw.ReferencedSymbol
    return symbol ? { class: className(symbol), name: symbol.Name } : undefined
  }

  get isTabular(): boolean {
    return this.#raw.ResultType?.Columns !== undefined
  }

  /** The type of a scalar expression. */
  get type(): ScalarType {
    const name = this.#raw.ResultType?.Name ?? ''
    if (isScalarType(name)) return name
    throw this.unsupported(name === '' ? 'An expression without a type' : `The type ${name}`)
  }

  /** The type that this node names, as in `typeof(long)`. */
  get namedType(): ScalarType {
    const name = this.symbol?.name ?? ''
    if (isScalarType(name)) return name
    throw this.unsupported(`The type ${name}`)
  }

  /** The columns of a tabular expression, or of an operator's result. */
  get columns(): readonly Column[] {
    const columns = this.#raw.ResultType?.Columns
    if (!columns) throw this.unsupported('This expression as a table')
    return Array.from({ length: columns.Count }, (_, index) => {
      const { Name, Type } = columns.getItem(index)
      if (isScalarType(Type.Name)) return { name: Name, type: Type.Name }
      throw this.unsupported(`The type ${Type.Name} (column ${Name})`)
    })
  }

  /** For a query that is KQL but not translated: `what` is told with the position of this node. */
  unsupported(what: string): KqlError {
    return new KqlError('unsupported', `${what} is not supported.`, this)
  }

  semantic(message: string): KqlError {
    return new KqlError('semantic', message, this)
  }
}

function elements(list: RawNode): readonly SyntaxNode[] {
  return Array.from({ length: list.ChildCount }, (_, index) => list.GetChild(index)).flatMap((child) => {
    if (!child || child.IsMissing) return []
    // An element of a separated list holds the node and the separator behind it.
    return [new SyntaxNode((child.Element$1 as RawNode | undefined) ?? child)]
  })
}
