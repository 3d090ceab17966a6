/** What an expression is translated in: the columns in reach, the names bound by `let`, and the query's moment. */
import type { Relation } from './relation.ts'
import type { Sql } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'

export type Binding =
  | { readonly kind: 'scalar'; readonly value: Sql }
  | { readonly kind: 'table'; readonly relation: Relation }
  | { readonly kind: 'function'; readonly declaration: SyntaxNode; readonly environment: Environment }

export type Environment = ReadonlyMap<string, Binding>

/** The translation of every kind of node, which each part of it needs for the nodes within its own. */
export interface Translator {
  table(node: SyntaxNode, environment: Environment): Relation
  scalar(node: SyntaxNode, context: Context): Sql
}

export interface Context {
  readonly environment: Environment
  readonly translator: Translator
  /** Ticks. */
  readonly now: bigint
  column(name: string): Sql | undefined
  /** Within a join's condition: a column of one of its sides. */
  side?(name: '$left' | '$right', column: string): Sql | undefined
}

/** Throws {@link KqlError} at the part that is not translated. */
export function translate(node: SyntaxNode, context: Context): Sql {
  return context.translator.scalar(node, context)
}

export function translateTable(node: SyntaxNode, context: Context): Relation {
  return context.translator.table(node, context.environment)
}
