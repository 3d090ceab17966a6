/** Microsoft's KQL parser: text and tables in, a tree whose names and types are resolved out. */
import { createRequire } from 'node:module'
import { KqlError } from './kql-error.ts'
import { type RawNode, SyntaxNode } from './syntax-node.ts'
import type { Table } from './types.ts'

/** What of the library's classes is used; it is C# compiled to globals, and its own declarations are of that shape. */
interface RawDiagnostic {
  readonly Code: string
  readonly Severity: string
  readonly Start: number
  readonly Length: number
  readonly Message: string
}
interface RawCode {
  readonly Syntax: RawNode
  GetDiagnostics(): { readonly Count: number; getItem(index: number): RawDiagnostic }
  GetSyntaxDiagnostics(): { readonly Count: number; getItem(index: number): RawDiagnostic }
}
type Constructor = new (...values: readonly unknown[]) => unknown
interface KustoLibrary {
  readonly Kusto: {
    readonly Language: {
      readonly KustoCode: { ParseAndAnalyze(text: string, globals: unknown): RawCode }
      readonly GlobalState: { readonly Default: { WithDatabase(database: unknown): unknown } }
      readonly Symbols: {
        /** By name and schema, e.g. `(a:long, b:string)`. */
        readonly TableSymbol: { readonly $ctor7: Constructor }
        readonly DatabaseSymbol: { readonly ctor: Constructor }
      }
    }
  }
}

const load = createRequire(import.meta.url)
load('@kusto/language-service-next/bridge.min.js')
load('@kusto/language-service-next/Kusto.Language.Bridge.min.js')
const { Language } = (globalThis as unknown as KustoLibrary).Kusto

/** Parses queries over a fixed set of tables. */
export class KustoParser {
  readonly #globals: unknown

  constructor(tables: readonly Table[]) {
    const { TableSymbol, DatabaseSymbol } = Language.Symbols
    const symbols = tables.map(
      ({ name, columns }) =>
        new TableSymbol.$ctor7(name, `(${columns.map((column) => `['${column.name}']:${column.type}`).join(', ')})`),
    )
    this.#globals = Language.GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor('logs', symbols))
  }

  /** The block of statements. Throws {@link KqlError} for the first thing that is wrong. */
  parse(query: string): SyntaxNode {
    const code = Language.KustoCode.ParseAndAnalyze(query, this.#globals)
    for (const [kind, diagnostics] of [
      ['syntax', code.GetSyntaxDiagnostics()],
      ['semantic', code.GetDiagnostics()],
    ] as const) {
      for (let index = 0; index < diagnostics.Count; index += 1) {
        const { Severity, Start, Length, Message } = diagnostics.getItem(index)
        if (Severity === 'Error') throw new KqlError(kind, Message, { start: Start, length: Length })
      }
    }
    return new SyntaxNode(code.Syntax)
  }
}
