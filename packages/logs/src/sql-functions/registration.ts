/** Makes our functions known to a SQLite connection. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { aggregateFunctions } from './aggregate.ts'
import { dateTimeFunctions } from './date-time.ts'
import { dynamicFunctions } from './dynamic.ts'
import { parseFunctions } from './parse-pattern.ts'
import { textFunctions } from './text.ts'

/** What a function answers for NULL is told by its name: those not here are not called with one. */
const takesNull: ReadonlySet<string> = new Set([
  'kql_array',
  'kql_bag',
  'kql_zip',
  'kql_substring',
  'kql_array_concat',
  'kql_bag_merge',
])

export function registerFunctions(database: DatabaseSync): void {
  for (const functions of [textFunctions, dateTimeFunctions, dynamicFunctions, parseFunctions]) {
    for (const [name, answer] of Object.entries(functions)) {
      const guarded = takesNull.has(name)
        ? answer
        : (...values: SQLInputValue[]) => (values.includes(null) ? null : answer(...values))
      database.function(name, { deterministic: true, useBigIntArguments: true, varargs: true }, guarded)
    }
  }
  for (const [name, aggregate] of Object.entries(aggregateFunctions)) {
    database.aggregate(name, { useBigIntArguments: true, varargs: true, ...aggregate })
  }
}
