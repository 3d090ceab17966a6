/** A query that is not answered, and where in its text the reason stands. */

/**
 * - `syntax`: the text is not KQL;
 * - `semantic`: it names what is not there, or joins types that do not go together;
 * - `unsupported`: it is KQL that is not translated here.
 */
export type KqlErrorKind = 'syntax' | 'semantic' | 'unsupported'

export class KqlError extends Error {
  override readonly name = 'KqlError'
  readonly kind: KqlErrorKind
  /** Offset in UTF-16 code units of the query's text. */
  readonly start: number
  readonly length: number

  constructor(kind: KqlErrorKind, message: string, at: { readonly start: number; readonly length: number }) {
    super(message)
    this.kind = kind
    this.start = at.start
    this.length = at.length
  }

  /** Line and column, both counted from 1. */
  position(query: string): { readonly line: number; readonly column: number } {
    const before = query.slice(0, this.start).split('\n')
    return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
  }
}
