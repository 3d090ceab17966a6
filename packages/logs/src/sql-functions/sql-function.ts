/** A function that SQLite calls. */
import type { SQLInputValue } from 'node:sqlite'

/** By name. Integers come and go as bigint. */
// biome-ignore lint/suspicious/noExplicitAny: each function has parameters of its own; the translation pairs them.
export type SqlFunctions = Readonly<Record<string, (...values: any[]) => SQLInputValue>>
